/**
 * The form of workloads that compare Ringcast with itself: several plans take turns. The first plan is the baseline.
 */
import { type Cell, median } from '../benchmark.js'
import { type Measured, middle, remarks } from '../processes/measured.js'
import type { Plan } from '../processes/session.js'
import { barsOf, cellNumber, contest, isFaulty, ratios, spreadCells } from './contest.js'
import { type FanoutOptions, measurePlan, RINGCAST, type Workload, type WorkloadResult } from './workload.js'

export type Variants = Readonly<Record<string, Plan & { readonly rate: number }>>

export interface VariantsWorkload {
  readonly name: string
  readonly title: string
  /** The plans by name. The first is the baseline. */
  readonly variants: (small: boolean) => Variants
  readonly notes: readonly string[]
}

export function variantsWorkload(its: VariantsWorkload): Workload {
  return { name: its.name, servers: [RINGCAST], run: options => run(its, options) }
}

async function run(its: VariantsWorkload, options: FanoutOptions): Promise<WorkloadResult> {
  const variants = its.variants(options.small)
  const names = Object.keys(variants)
  const measured = await contest(
    { name: its.name, servers: names },
    { ...options, servers: undefined },
    name => measurePlan(RINGCAST, variants[name]!, options),
  )
  const costs = (runs: readonly Measured[]): number[] => runs.map(run => run.cpuUsPerTick)
  const first = costs(measured.results.get(names[0]!) ?? [])
  const rows = [...measured.results].map(([name, runs]): Cell[] => [
    name,
    Math.round(middle(runs, 'offeredPerSecond')),
    Math.round(middle(runs, 'deliveredPerSecond')),
    ...spreadCells(costs(runs)),
    ...spreadCells(ratios(costs(runs), first)),
    cellNumber(middle(runs, 'otherThreadsUsPerTick')),
    cellNumber(median(runs.map(run => run.bytesPerSecond / run.deliveredPerSecond))),
    middle(runs, 'audiences'),
    cellNumber(middle(runs, 'frameBytesPerTickIn')),
    cellNumber(middle(runs, 'serverCores')),
    cellNumber(middle(runs, 'p50Us') / 1000),
    cellNumber(middle(runs, 'p99Us') / 1000),
    Math.round(middle(runs, 'serverRssBytes') / 2 ** 20),
  ])
  return {
    tables: [
      {
        title: `${its.name}: ${its.title}`,
        columns: [
          '',
          'ticks/s in',
          'ticks/s delivered',
          'CPU µs each',
          'of the runs',
          'of the first',
          'of the pairs',
          'outside the main thread',
          'bytes sent each',
          'audiences',
          'bytes of frames a tick in',
          'server cores',
          'p50 ms',
          'p99 ms',
          'RSS MiB',
        ],
        rows,
        notes: [
          ...its.notes,
          ...[...measured.results].flatMap(([name, runs]) => remarks(name, runs)),
          ...measured.notes,
        ],
      },
    ],
    charts: [
      {
        kind: 'bars',
        title: its.name,
        unit: 'server CPU µs per delivered tick',
        bars: barsOf(measured.results, costs),
      },
    ],
    runs: Object.fromEntries(measured.results),
    isFaulty: isFaulty(measured),
  }
}
