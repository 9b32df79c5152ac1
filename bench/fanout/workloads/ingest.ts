/**
 * Question: how fast can the feed be read, and what does that cost the thread that owns the sockets?
 * Workload: one client that gets every tick, and a feed that makes ticks as fast as the server reads them.
 * Leaves out: a feed that sends one tick a message. The client parses one of 64 messages and checks the numbers of all.
 */

import { remarks } from '../../processes/measured.js'
import { measureScenario } from '../../processes/scenario.js'
import { barsOf, contest, isFaulty, ratios, spreadCells } from '../contest.js'
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

export const ingest: Workload = { name: 'ingest', servers: ALL_SERVERS, run }

const SYMBOLS = 50
const PARSE_EVERY = 64
const RATE_SMALL = 5000

async function run(options: FanoutOptions): Promise<WorkloadResult> {
  const plan = profiled(
    { symbols: SYMBOLS, paths: everyTick(1), witnesses: 1, parseEvery: PARSE_EVERY },
    options,
  )
  const rate = options.small ? RATE_SMALL : 0
  const measured = await contest(ingest, options, server =>
    measureScenario(
      { ...plan, server, rate, warmUpMs: warmUpMs(options), seconds: options.seconds },
      options.progress.show,
    ),
  )
  const { results } = measured
  const ours = results.get(RINGCAST)?.map(run => run.offeredPerSecond)
  return {
    tables: [
      {
        title: 'ingest: one client, the feed as fast as it is read',
        columns: [
          'server',
          'ticks/s in',
          'of the runs',
          'Ringcast’s / its',
          'of the pairs',
          'main thread µs a tick',
          'of the runs',
          'server µs a tick',
          'server cores',
          'feed cores',
          'load cores',
        ],
        rows: [...results].map(([server, runs]) => {
          const rates = runs.map(run => run.offeredPerSecond)
          const cells = (key: 'cpuUsPerTick' | 'serverCores' | 'feedCores' | 'loadCores') =>
            spreadCells(runs.map(run => run[key]))[0]
          return [
            server,
            ...spreadCells(rates),
            ...spreadCells(ratios(ours, rates)),
            ...spreadCells(runs.map(run => run.mainThreadUsPerTickIn)),
            cells('cpuUsPerTick'),
            cells('serverCores'),
            cells('feedCores'),
            cells('loadCores'),
          ]
        }),
        notes: [...[...results].flatMap(([server, runs]) => remarks(server, runs)), ...measured.notes],
      },
    ],
    charts: [
      {
        kind: 'bars',
        title: 'ingest: one client, the feed as fast as it is read',
        unit: 'ticks/s in',
        bars: barsOf(results, runs => runs.map(run => run.offeredPerSecond)),
      },
    ],
    runs: Object.fromEntries(results),
    isFaulty: isFaulty(measured),
  }
}
