/**
 * Question: does a delivered tick cost the same with many clients as with few?
 * Workload: 40,000 deliveries a second in all, to 100 up to 10,000 clients: the more clients, the fewer ticks. At most
 *   400 ticks/s, which the feed sends one at a time and Ringcast does not gather. So every delivery is one write at
 *   each size.
 * Leaves out: more clients than the files of a process allow.
 */
import { type Cell, median } from '../../benchmark.js'
import { type Measured, middle, remarks } from '../../processes/measured.js'
import { measureScenario } from '../../processes/scenario.js'
import { cellNumber, contest, isFaulty, spreadCells } from '../contest.js'
import {
  everyTick,
  type FanoutOptions,
  profiled,
  RINGCAST,
  type Workload,
  type WorkloadResult,
  warmUpMs,
} from '../workload.js'

export const scaling: Workload = { name: 'scaling', servers: [RINGCAST, 'ws', 'uws'], run }

const DELIVERIES = 40_000
const DELIVERIES_SMALL = 1000
const SIZES = [100, 300, 1000, 3000, 10_000]
const SIZES_SMALL = [5, 20]
const WITNESSES = 20

async function run(options: FanoutOptions): Promise<WorkloadResult> {
  const sizes = options.small ? SIZES_SMALL : SIZES
  const deliveries = options.small ? DELIVERIES_SMALL : DELIVERIES
  const measured = await contest(scaling, options, async server => {
    const bySize: Measured[] = []
    for (const clients of sizes) {
      const plan = profiled(
        { symbols: 1, paths: everyTick(clients), witnesses: WITNESSES, settings: ['--gather-ms=0'] },
        options,
      )
      options.progress.begin(`scaling · ${server} · ${clients} clients`)
      bySize.push(
        await measureScenario(
          {
            ...plan,
            server,
            rate: deliveries / clients,
            warmUpMs: warmUpMs(options),
            seconds: options.seconds,
          },
          options.progress.show,
        ),
      )
    }
    return bySize
  })
  const { results, notes } = measured
  const atSize = (runs: readonly (readonly Measured[])[], index: number): Measured[] =>
    runs.map(bySize => bySize[index]!)
  const rows = [...results].flatMap(([server, runs]) =>
    sizes.map((clients, index): Cell[] => {
      const its = atSize(runs, index)
      return [
        server,
        clients,
        Math.round(middle(its, 'deliveredPerSecond')),
        ...spreadCells(its.map(run => run.cpuUsPerTick)),
        ...spreadCells(runs.map(bySize => bySize[index]!.cpuUsPerTick / bySize[0]!.cpuUsPerTick)),
        cellNumber(middle(its, 'p50Us') / 1000),
        cellNumber(middle(its, 'p99Us') / 1000),
        Math.round(middle(its, 'serverRssBytes') / 2 ** 20),
        cellNumber(middle(its, 'loadCores')),
      ]
    }),
  )
  const flat = new Map([...results].map(([server, runs]) => [server, runs.flat()]))
  return {
    tables: [
      {
        title: `scaling: ${deliveries} deliveries a second`,
        columns: [
          'server',
          'clients',
          'ticks/s delivered',
          'CPU µs each',
          'of the runs',
          `of that of ${sizes[0]} clients`,
          'of the runs',
          'p50 ms',
          'p99 ms',
          'RSS MiB',
          'load cores',
        ],
        rows,
        notes: [...[...flat].flatMap(([server, runs]) => remarks(server, runs)), ...notes],
      },
    ],
    charts: [
      {
        kind: 'lines',
        title: `scaling: ${deliveries} deliveries a second`,
        xTitle: 'clients',
        yTitle: 'server CPU µs per delivered tick',
        lines: [...results].map(([label, runs]) => ({
          label,
          points: sizes.map(
            (clients, index) => [clients, median(atSize(runs, index).map(run => run.cpuUsPerTick))] as const,
          ),
        })),
      },
    ],
    runs: Object.fromEntries(
      [...results].flatMap(([server, runs]) =>
        sizes.map((clients, index) => [`${server}, ${clients} clients`, atSize(runs, index)]),
      ),
    ),
    isFaulty: isFaulty({ ...measured, results: flat }),
  }
}
