/**
 * Question: what do clients that stop reading do to the others, and to memory?
 * Workload: 500 clients, 500 ticks/s. A tenth of the clients reads nothing from the first tick on. First a higher rate
 *   fills their sockets; then the others are measured. The same again while all clients read.
 * Leaves out: `ws` with one send for each tick, which cannot follow the rate that fills the sockets. Name `ws` to see
 *   that.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Cell, median } from '../../benchmark.js'
import { type Measured, remarks } from '../../processes/measured.js'
import { type Plan, Session } from '../../processes/session.js'
import { barsOf, cellNumber, contest, isFaulty, ratios, spreadCells } from '../contest.js'
import {
  everyTick,
  type FanoutOptions,
  profiled,
  RINGCAST,
  type Workload,
  type WorkloadResult,
  warmUpMs,
} from '../workload.js'

const SERVERS = [RINGCAST, 'ws-frames', 'socket.io', 'uws', 'bun']

export const stalled: Workload = { name: 'stalled', servers: SERVERS, run }

const STALL_EVERY = 10
const RATE = 500
const FILL_RATE = 4000
/** On the loopback the two ends of a connection hold 3.9 MB, and 4,000 ticks take half a MB. */
const FILL_MS = 9000

interface Pair {
  readonly without: Measured
  readonly with: Measured
}

async function run(options: FanoutOptions): Promise<WorkloadResult> {
  const clients = options.small ? 20 : 500
  const plan = profiled(
    { symbols: 50, paths: everyTick(clients), witnesses: options.small ? 5 : 20 },
    options,
  )
  const pairs = await contest(stalled, options, async (server): Promise<Pair> => {
    return {
      without: await once(server, plan, false, options),
      with: await once(server, plan, true, options),
    }
  })
  const runs = Object.fromEntries(
    [...pairs.results].flatMap(([server, its]) => [
      [server, its.map(pair => pair.with)],
      [`${server} without stalled clients`, its.map(pair => pair.without)],
    ]),
  )
  return {
    tables: [
      {
        title: `stalled: ${clients} clients, every ${STALL_EVERY}th reads nothing, ${RATE} ticks/s`,
        columns: [
          'server',
          'p50 ms without',
          'with',
          'p99 ms without',
          'with',
          'with / without',
          'of the pairs',
          'RSS MiB without',
          'with',
          'CPU µs each without',
          'with',
        ],
        rows: [...pairs.results].map(([server, its]) => row(server, its)),
        notes: [
          'Latency is that of the clients that read; RSS the most that was seen.',
          ...Object.entries(runs).flatMap(([name, its]) => remarks(name, its)),
          ...pairs.notes,
        ],
      },
    ],
    charts: [
      {
        kind: 'bars',
        title: 'stalled: a tenth of the clients reads nothing',
        unit: 'p99 of the others, as a multiple of that without them',
        bars: barsOf(pairs.results, p99Ratios),
      },
    ],
    runs,
    isFaulty: isFaulty({
      ...pairs,
      results: new Map([...pairs.results].map(([server, its]) => [server, its.flatMap(both)])),
    }),
  }
}

async function once(server: string, plan: Plan, stalls: boolean, options: FanoutOptions): Promise<Measured> {
  const session = await Session.open(server, plan)
  try {
    if (stalls) await session.stall(STALL_EVERY)
    await session.setRate(options.small ? RATE : FILL_RATE)
    await sleep(options.small ? warmUpMs(options) : FILL_MS)
    await session.setRate(RATE)
    await sleep(warmUpMs(options) / 2)
    return await session.measure(options.seconds, options.progress.show)
  } finally {
    await session.close()
  }
}

function both(pair: Pair): [Measured, Measured] {
  return [pair.without, pair.with]
}

function p99Ratios(pairs: readonly Pair[]): number[] {
  return ratios(
    pairs.map(pair => pair.with.p99Us),
    pairs.map(pair => pair.without.p99Us),
  )
}

function row(server: string, pairs: readonly Pair[]): Cell[] {
  const cells = (key: 'p50Us' | 'p99Us' | 'serverRssBytes' | 'cpuUsPerTick', scale: number): Cell[] => [
    cellNumber(median(pairs.map(pair => pair.without[key])) / scale),
    cellNumber(median(pairs.map(pair => pair.with[key])) / scale),
  ]
  return [
    server,
    ...cells('p50Us', 1000),
    ...cells('p99Us', 1000),
    ...spreadCells(p99Ratios(pairs)),
    ...cells('serverRssBytes', 2 ** 20),
    ...cells('cpuUsPerTick', 1),
  ]
}
