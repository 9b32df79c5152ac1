/**
 * Question: what does a tick cost the server on its way to 500 clients, and how long does it take?
 * Workload: three processes on one machine over loopback: the synthetic feed, the server, and 500 clients that get
 *   every tick. Rates are fixed. Baseline: a server that calls `ws.send` for each tick and client. The servers take
 *   turns: A B A B.
 * Leaves out: a network, compression, slow clients. One of 50 clients checks that every tick came, once and in order.
 *   The others read the headers of frames only. On two cores the processes compete. Above the rate at which the server
 *   is busy, the figures describe the machine, not the server alone. The CPU time of a tick suffers less from that than
 *   latency.
 */
import { type Benchmark, type BenchmarkOptions, type Cell, rounded, type Table } from './benchmark.js'
import { type Measured, middle, remarks } from './processes/measured.js'
import { measureScenario } from './processes/scenario.js'

export const endToEnd: Benchmark = { name: 'end-to-end', run }

const SERVERS = ['ringcast', 'ws']
const RATES = [100, 1000, 10_000, 50_000]
const CLIENTS = 500
const ROUNDS = 2
const SECONDS = 5
const SYMBOLS = 50
/** Ticks come in bursts, as from a market. */
export const BURSTS = { pace: 'bursts', warmUpMs: 1000 } as const
/** A witness parses every message. It costs a hundred times as much as another client. */
export const WITNESS_SHARE = 0.02

async function run({ small, tell }: BenchmarkOptions): Promise<Table[]> {
  const rates = small ? [500] : RATES
  const clients = small ? 10 : CLIENTS
  const rows: Cell[][] = []
  const notes: string[] = []
  for (const rate of rates) {
    const runs = new Map<string, Measured[]>(SERVERS.map(server => [server, []]))
    for (let round = 0; round < (small ? 1 : ROUNDS); round++) {
      for (const server of SERVERS) {
        tell(`end-to-end: ${server}, ${rate} ticks/s, round ${round + 1}`)
        runs.get(server)!.push(
          await measureScenario({
            server,
            rate,
            symbols: SYMBOLS,
            ...BURSTS,
            witnesses: Math.ceil(clients * WITNESS_SHARE),
            paths: new Array<string>(clients).fill('/ws/ticks'),
            seconds: small ? 0.5 : SECONDS,
          }),
        )
      }
    }
    const [ours, theirs] = SERVERS.map(server => runs.get(server)!) as [Measured[], Measured[]]
    const ratio = middle(theirs, 'cpuUsPerTick') / middle(ours, 'cpuUsPerTick')
    rows.push(measuredRow('Ringcast', rate, ours, 1), measuredRow('`ws.send` for each', rate, theirs, ratio))
    notes.push(...remarks(`Ringcast, ${rate} ticks/s`, ours), ...remarks(`ws.send, ${rate} ticks/s`, theirs))
  }
  return [
    {
      title: `end-to-end: every tick to ${clients} clients`,
      columns: [
        'server',
        'ticks/s in',
        'ticks/s delivered',
        'CPU µs each',
        'times ours',
        'p50 ms',
        'p99 ms',
        'MB/s',
        'RSS MiB',
        'server cores',
        'load cores',
      ],
      rows,
      notes: [
        'Delivered: over all clients. Latency: from the feed’s stamp to the client. Medians of the rounds.',
        ...notes,
      ],
    },
  ]
}

function measuredRow(name: string, rate: number, runs: readonly Measured[], ratio: number): Cell[] {
  return [
    name,
    rate,
    Math.round(middle(runs, 'deliveredPerSecond')),
    rounded(middle(runs, 'cpuUsPerTick')),
    rounded(ratio),
    rounded(middle(runs, 'p50Us') / 1000),
    rounded(middle(runs, 'p99Us') / 1000),
    rounded(middle(runs, 'bytesPerSecond') / 1e6),
    Math.round(middle(runs, 'serverRssBytes') / 2 ** 20),
    rounded(middle(runs, 'serverCores')),
    rounded(middle(runs, 'loadCores')),
  ]
}
