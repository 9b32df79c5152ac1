/**
 * Question: do more lanes (RINGCAST_POOL_SIZE) make the server faster?
 * Workload: a feed of 1,000 symbols at a fixed rate. First 500 clients in one audience, which only one lane can serve.
 *   Then 500 clients that name 20 symbols each: each client is an audience, and the lanes share the audiences. One lane
 *   and two, in turns.
 * Leaves out: machines with more than two cores, where a second lane has a core to run on.
 */
import type { Benchmark, BenchmarkOptions, Cell, Table } from './benchmark.js'
import { rounded } from './benchmark.js'
import { BURSTS, WITNESS_SHARE } from './end-to-end.js'
import { type Measured, middle, remarks } from './processes/measured.js'
import { measureScenario } from './processes/scenario.js'

export const poolSize: Benchmark = { name: 'pool-size', run }

const SYMBOLS = 1000
const SYMBOLS_OF_CLIENT = 20
const CLIENTS = 500
const ROUNDS = 2
const SECONDS = 4
const SIZES = [1, 2]

async function run({ small, tell }: BenchmarkOptions): Promise<Table[]> {
  const clients = small ? 5 : CLIENTS
  const rows: Cell[][] = []
  const notes: string[] = []
  for (const [name, rate, paths] of [
    ['one audience', 2000, new Array<string>(clients).fill('/ws/ticks')],
    [`${clients} audiences`, 10_000, Array.from({ length: clients }, (_, client) => selection(client))],
  ] as const) {
    const runs = new Map<number, Measured[]>(SIZES.map(size => [size, []]))
    for (let round = 0; round < (small ? 1 : ROUNDS); round++) {
      for (const size of SIZES) {
        tell(`pool-size: ${size}, ${name}, round ${round + 1}`)
        runs.get(size)!.push(
          await measureScenario({
            server: 'ringcast',
            ...BURSTS,
            witnesses: Math.ceil(clients * WITNESS_SHARE),
            rate,
            symbols: SYMBOLS,
            paths,
            seconds: small ? 0.5 : SECONDS,
            settings: [`--pool-size=${size}`],
          }),
        )
      }
    }
    for (const [size, measured] of runs) {
      rows.push([
        name,
        rate,
        size,
        Math.round(middle(measured, 'deliveredPerSecond')),
        rounded(middle(measured, 'cpuUsPerTick')),
        rounded(middle(measured, 'p50Us') / 1000),
        rounded(middle(measured, 'p99Us') / 1000),
        rounded(middle(measured, 'serverCores')),
        Math.round(middle(measured, 'serverRssBytes') / 2 ** 20),
      ])
      notes.push(...remarks(`${size} lanes, ${name}`, measured))
    }
  }
  return [
    {
      title: `pool-size: one lane and two, ${clients} clients`,
      columns: [
        'clients are',
        'ticks/s in',
        'lanes',
        'ticks/s delivered',
        'CPU µs each',
        'p50 ms',
        'p99 ms',
        'server cores',
        'RSS MiB',
      ],
      rows,
      notes,
    },
  ]
}

/** Popular and other symbols. Each client has another set. */
function selection(client: number): string {
  const names = Array.from({ length: SYMBOLS_OF_CLIENT }, (_, index) =>
    String(((client + index * 50) % SYMBOLS) + 1).padStart(4, '0'),
  )
  return `/ws/ticks?symbols=${names.map(name => `SYM${name}`).join(',')}`
}
