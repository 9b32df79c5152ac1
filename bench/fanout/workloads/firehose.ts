/**
 * Question: how many ticks can be delivered, and what does a tick cost at a rate that `ws` does not sustain?
 * Workload: 500 clients that get every tick of 50 symbols. First the rate rises until p99 passes 50 ms or ticks do not
 *   arrive: it doubles at each step, and then halves the interval twice. A step fails when it has failed twice, each
 *   time with a new server. A failure while the machine did other work does not count. Then all servers run at the rate
 *   that `ws` did not sustain.
 * Leaves out: witnesses that parse every message. They parse one of eight, and read the numbers at the start of the
 *   others.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Cell, median } from '../../benchmark.js'
import { type Measured, OTHER_CORES_MAX, remarks } from '../../processes/measured.js'
import { measureScenario } from '../../processes/scenario.js'
import { type Plan, Session } from '../../processes/session.js'
import {
  barsOf,
  cellNumber,
  contest,
  cpuBars,
  isFaulty,
  measuredTable,
  ratios,
  spreadCells,
} from '../contest.js'
import type { Line } from '../plot.js'
import {
  ALL_SERVERS,
  everyTick,
  type FanoutOptions,
  profiled,
  RINGCAST,
  type Workload,
  type WorkloadResult,
  warmUpMs,
} from '../workload.js'

export const firehose: Workload = { name: 'firehose', servers: ALL_SERVERS, run }

const P99_US_MAX = 50_000
/** Share of the ticks that should have been delivered. */
const DELIVERED_SHARE_MIN = 0.95
const FIRST_RATE = 100
const LAST_RATE = 1_000_000
const HALVINGS = 2
const STEP_SECONDS_MAX = 3
const FAILURES = 2
/** The limit on a machine that is busy with other work. */
const TRIES_MAX = 6
const WITNESSES = 4
const PARSE_EVERY = 8
/** The rate when `ws` is not among the servers. */
const WS_RATE = 300
const RATE_SMALL = 200

interface Step {
  readonly rate: number
  readonly measured: Measured
}

interface Search {
  /** The steps that the server sustained. */
  readonly held: readonly Step[]
  /** The lowest step that the server did not sustain. */
  readonly failed: Step | undefined
}

async function run(options: FanoutOptions): Promise<WorkloadResult> {
  const clients = options.small ? 10 : 500
  const plan = profiled(
    { symbols: 50, paths: everyTick(clients), witnesses: WITNESSES, parseEvery: PARSE_EVERY },
    options,
  )
  const searches = await contest(firehose, options, server => search(server, plan, options))
  const tops = new Map([...searches.results].map(([server, its]) => [server, its.map(top)]))
  const wsFailed = (searches.results.get('ws') ?? []).flatMap(({ failed }) => failed?.rate ?? [])
  const rate = options.small ? RATE_SMALL : wsFailed.length > 0 ? Math.round(median(wsFailed)) : WS_RATE
  const saturated = await contest({ ...firehose, name: `firehose at ${rate} ticks/s` }, options, server =>
    measureScenario(
      { ...plan, server, rate, warmUpMs: warmUpMs(options), seconds: options.seconds },
      options.progress.show,
    ),
  )
  const ours = tops.get(RINGCAST)?.map(({ deliveredPerSecond }) => deliveredPerSecond)
  return {
    tables: [
      {
        title: `firehose: every tick to ${clients} clients, the highest rate with a p99 below ${P99_US_MAX / 1000} ms`,
        columns: [
          'server',
          'ticks/s in',
          'ticks/s delivered',
          'of the runs',
          'Ringcast’s / its',
          'of the pairs',
          'CPU µs each',
          'p99 ms',
          'MB/s',
          'then the limit was',
        ],
        rows: [...searches.results].map(([server, its]) => searchRow(server, its, tops.get(server)!, ours)),
        notes: [
          ...[...tops].flatMap(([server, runs]) => remarks(server, runs)),
          ...searches.notes,
          'The limit, where ticks came too late or not at all: the load when it was at its own end, else the server.',
        ],
      },
      measuredTable(`firehose: where ws does not follow, ${clients} clients, ${rate} ticks/s`, saturated),
    ],
    charts: [
      {
        kind: 'bars',
        title: 'firehose: the most with a p99 below 50 ms',
        unit: 'ticks/s delivered',
        bars: barsOf(tops, runs => runs.map(({ deliveredPerSecond }) => deliveredPerSecond)),
      },
      {
        kind: 'bars',
        title: `firehose at ${rate} ticks/s`,
        unit: 'server CPU µs per delivered tick',
        bars: cpuBars(saturated),
      },
      {
        kind: 'lines',
        title: 'firehose: p99 at rising rates',
        xTitle: 'ticks/s in',
        yTitle: 'p99 ms',
        lines: [...searches.results].map(([label, its]) => latencyLine(label, its[0]!)),
      },
    ],
    runs: { ...Object.fromEntries(tops), ...prefixed(`at ${rate} ticks/s: `, saturated.results) },
    isFaulty: isFaulty(saturated) || isFaulty({ ...searches, results: tops }),
  }
}

async function search(server: string, plan: Plan, options: FanoutOptions): Promise<Search> {
  const held: Step[] = []
  let failed: Step | undefined
  let session = await Session.open(server, plan)
  try {
    const isHeld = async (rate: number): Promise<boolean> => {
      let measured: Measured
      let failures = 0
      for (let tries = 1; ; tries++) {
        measured = await step(session, rate, options)
        if (holds(measured, rate, plan)) {
          held.push({ rate, measured })
          return true
        }
        if (measured.otherCores < OTHER_CORES_MAX) failures++
        // The queued ticks belong to this try: the next try needs a new server.
        await session.close()
        session = await Session.open(server, plan)
        await session.setRate(rate / 2)
        await sleep(warmUpMs(options))
        if (options.small || failures === FAILURES || tries === TRIES_MAX) break
      }
      failed = { rate, measured }
      return false
    }

    let rate = options.small ? RATE_SMALL : FIRST_RATE
    const last = options.small ? 2 * RATE_SMALL : LAST_RATE
    while (rate <= last && (await isHeld(rate))) rate *= 2
    let low = rate / 2
    let high = rate
    for (let halving = 0; halving < HALVINGS && !options.small && held.length > 0; halving++) {
      const middle = Math.round(Math.sqrt(low * high))
      if (await isHeld(middle)) low = middle
      else high = middle
    }
    return { held, failed }
  } finally {
    await session.close()
  }
}

async function step(session: Session, rate: number, options: FanoutOptions): Promise<Measured> {
  await session.setRate(rate)
  await sleep(warmUpMs(options) / 2)
  return await session.measure(Math.min(options.seconds, STEP_SECONDS_MAX), options.progress.show)
}

function holds(measured: Measured, rate: number, plan: Plan): boolean {
  const { deliveredPerSecond, p99Us, lostPerClient, closed } = measured
  const wanted = rate * plan.paths.length * DELIVERED_SHARE_MIN
  return deliveredPerSecond >= wanted && p99Us <= P99_US_MAX && lostPerClient === 0 && closed === 0
}

/** For a server that sustains no rate: its result at the lowest rate. */
function top({ held, failed }: Search): Measured {
  const highest = held.toSorted((a, b) => a.rate - b.rate).at(-1) ?? failed
  return highest!.measured
}

function searchRow(
  server: string,
  its: readonly Search[],
  tops: readonly Measured[],
  ours: readonly number[] | undefined,
): Cell[] {
  const delivered = tops.map(({ deliveredPerSecond }) => deliveredPerSecond)
  const middle = (key: 'offeredPerSecond' | 'cpuUsPerTick' | 'p99Us' | 'bytesPerSecond'): number =>
    median(tops.map(run => run[key]))
  const limits = its.map(({ failed }) => (failed === undefined ? 'not reached' : limitOf(failed.measured)))
  return [
    server,
    Math.round(middle('offeredPerSecond')),
    ...spreadCells(delivered),
    ...spreadCells(ratios(ours, delivered)),
    cellNumber(middle('cpuUsPerTick')),
    cellNumber(middle('p99Us') / 1000),
    cellNumber(middle('bytesPerSecond') / 1e6),
    [...new Set(limits)].join(', '),
  ]
}

const AT_ITS_END = 0.9

function limitOf({ loadBusy }: Measured): string {
  return loadBusy > AT_ITS_END ? 'the load' : 'the server'
}

function latencyLine(label: string, { held, failed }: Search): Line {
  const steps = [...held, ...(failed === undefined ? [] : [failed])].toSorted((a, b) => a.rate - b.rate)
  return { label, points: steps.map(({ rate, measured }) => [rate, measured.p99Us / 1000] as const) }
}

function prefixed(
  prefix: string,
  results: ReadonlyMap<string, readonly Measured[]>,
): Record<string, readonly Measured[]> {
  return Object.fromEntries([...results].map(([server, runs]) => [prefix + server, runs]))
}
