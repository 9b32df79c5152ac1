/**
 * Servers take turns: A B C A B C. So other work of the machine disturbs all of them alike. Ratios are taken turn by
 * turn.
 */
import { type Cell, median, rounded, type Table } from '../benchmark.js'
import { type Figure, type Measured, middle, remarks } from '../processes/measured.js'
import { NotPossible } from '../processes/not-possible.js'
import type { Bar } from './plot.js'
import { type FanoutOptions, RINGCAST } from './workload.js'

export interface Contest<Result> {
  /** The servers that ran in every turn, each with its results in order. */
  readonly results: ReadonlyMap<string, readonly Result[]>
  /** Which servers were left out and why, for people. */
  readonly notes: readonly string[]
  /** Whether a server failed during a run. */
  readonly hasFailed: boolean
}

/** @param one measures a server; when it throws `NotPossible`, the server is left out from then on */
export async function contest<Result>(
  workload: { readonly name: string; readonly servers: readonly string[] },
  options: FanoutOptions,
  one: (server: string) => Promise<Result>,
): Promise<Contest<Result>> {
  const results = new Map<string, Result[]>()
  const notes: string[] = []
  let hasFailed = false
  let servers = options.servers ?? workload.servers
  for (let run = 1; run <= options.runs; run++) {
    for (const server of servers) {
      options.progress.begin(`${workload.name} · ${server} · run ${run} of ${options.runs}`)
      try {
        const result = await one(server)
        results.set(server, [...(results.get(server) ?? []), result])
      } catch (error) {
        const isExpected = error instanceof NotPossible
        hasFailed ||= !isExpected
        notes.push(`${server}: ${isExpected ? 'skipped' : 'failed'}: ${(error as Error).message}`)
        results.delete(server)
        servers = servers.filter(other => other !== server)
      }
    }
  }
  options.progress.clear()
  return { results, notes, hasFailed }
}

/** Ringcast's result divided by the peer's, turn by turn. */
export function ratios(ours: readonly number[] | undefined, theirs: readonly number[]): number[] {
  return theirs.flatMap((value, index) => (ours?.[index] === undefined ? [] : [ours[index] / value]))
}

/** The median, the lowest and the highest of some numbers. */
export function spreadCells(values: readonly number[]): [Cell, Cell] {
  if (values.length === 0) return ['–', '–']
  const [least, most] = [Math.min(...values), Math.max(...values)].map(cellNumber)
  return [cellNumber(median(values)), `${least} – ${most}`]
}

export function cellNumber(value: number): Cell {
  return Number.isFinite(value) ? rounded(value) : '–'
}

/** The summary of a server's runs at one rate. */
export function measuredTable(title: string, { results, notes }: Contest<Measured>): Table {
  const ours = results.get(RINGCAST)?.map(run => run.cpuUsPerTick)
  return {
    title,
    columns: [
      'server',
      'ticks/s in',
      'ticks/s delivered',
      'CPU µs each',
      'of the runs',
      'Ringcast’s / its',
      'of the pairs',
      'outside the main thread',
      'p50 ms',
      'p99 ms',
      'p99.9 ms',
      'MB/s',
      'RSS MiB',
      'lost',
      'server cores',
      'load cores',
    ],
    rows: [...results].map(([server, runs]) => {
      const figure = (key: Figure): number => middle(runs, key)
      const cpu = runs.map(run => run.cpuUsPerTick)
      return [
        server,
        Math.round(figure('offeredPerSecond')),
        Math.round(figure('deliveredPerSecond')),
        ...spreadCells(cpu),
        ...spreadCells(ratios(ours, cpu)),
        cellNumber(figure('otherThreadsUsPerTick')),
        cellNumber(figure('p50Us') / 1000),
        cellNumber(figure('p99Us') / 1000),
        cellNumber(figure('p999Us') / 1000),
        cellNumber(figure('bytesPerSecond') / 1e6),
        Math.round(figure('serverRssBytes') / 2 ** 20),
        Math.round(figure('lostPerClient')),
        cellNumber(figure('serverCores')),
        cellNumber(figure('loadCores')),
      ]
    }),
    notes: [...[...results].flatMap(([server, runs]) => remarks(server, runs)), ...notes],
  }
}

/** For each server: the median, the lowest and the highest of its results. */
export function barsOf<Result>(
  results: ReadonlyMap<string, readonly Result[]>,
  values: (its: readonly Result[]) => readonly number[],
): Bar[] {
  return [...results].map(([label, its]) => {
    const all = values(its)
    return { label, value: median(all), least: Math.min(...all), most: Math.max(...all) }
  })
}

/** The servers' CPU time for each tick delivered. */
export function cpuBars({ results }: Contest<Measured>): Bar[] {
  return barsOf(results, runs => runs.map(run => run.cpuUsPerTick))
}

/** Whether the result is wrong: a server failed, or clients received wrong messages. */
export function isFaulty({ results, hasFailed }: Contest<Measured>): boolean {
  // Where the rows are not servers, each row is a run of Ringcast.
  const ours = results.get(RINGCAST) ?? [...results.values()].flat()
  const silent = ours.some(run => run.silentPerClient > 0)
  return hasFailed || silent || [...results.values()].flat().some(run => run.errorCount > 0)
}
