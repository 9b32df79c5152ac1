/**
 * Question: how far may the slowest lane fall behind before the feed is paused (RINGCAST_QUEUE_SIZE)?
 * Workload: a feed that sends as fast as the server reads; 100 and 500 clients that get every tick; five sizes, in
 *   turns.
 * Leaves out: bursts of a feed that is slower on average. A burst needs a queue as large as the burst, which is not
 *   shown here.
 */
import type { Benchmark, BenchmarkOptions, Cell, Table } from './benchmark.js'
import { rounded } from './benchmark.js'
import { BURSTS, WITNESS_SHARE } from './end-to-end.js'
import { type Measured, middle, remarks } from './processes/measured.js'
import { measureScenario } from './processes/scenario.js'

export const queueSize: Benchmark = { name: 'queue-size', run }

const SIZES = [1000, 4000, 16_000, 65_536, 262_144]
const CLIENTS = [100, 500]
const ROUNDS = 2
const SECONDS = 4

async function run({ small, tell }: BenchmarkOptions): Promise<Table[]> {
  const sizes = small ? [1000] : SIZES
  const rows: Cell[][] = []
  const notes: string[] = []
  for (const clients of small ? [5] : CLIENTS) {
    const runs = new Map<number, Measured[]>(sizes.map(size => [size, []]))
    for (let round = 0; round < (small ? 1 : ROUNDS); round++) {
      for (const size of sizes) {
        tell(`queue-size: ${size}, ${clients} clients, round ${round + 1}`)
        runs.get(size)!.push(
          await measureScenario({
            server: 'ringcast',
            ...BURSTS,
            witnesses: Math.ceil(clients * WITNESS_SHARE),
            rate: small ? 500 : 0,
            symbols: 50,
            paths: new Array<string>(clients).fill('/ws/ticks'),
            seconds: small ? 0.5 : SECONDS,
            settings: [`--queue-size=${size}`],
          }),
        )
      }
    }
    for (const [size, measured] of runs) {
      rows.push([
        clients,
        size,
        Math.round(middle(measured, 'deliveredPerSecond')),
        rounded(middle(measured, 'cpuUsPerTick')),
        rounded(middle(measured, 'p50Us') / 1000),
        rounded(middle(measured, 'p99Us') / 1000),
        rounded(middle(measured, 'gatewayP99Us') / 1000),
        Math.round(middle(measured, 'serverRssBytes') / 2 ** 20),
        rounded(middle(measured, 'loadCores')),
      ])
      notes.push(...remarks(`queue of ${size}, ${clients} clients`, measured))
    }
  }
  return [
    {
      title: 'queue-size: a feed at full speed',
      columns: [
        'clients',
        'queue size',
        'ticks/s delivered',
        'CPU µs each',
        'p50 ms',
        'p99 ms',
        'p99 ms in the gateway',
        'RSS MiB',
        'load cores',
      ],
      rows,
      notes,
    },
  ]
}
