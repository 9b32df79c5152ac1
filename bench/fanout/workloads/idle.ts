/**
 * Question: what does a connection cost that receives nothing?
 * Workload: 15,000 connections to a server without other connections, and no ticks; resident memory before and after.
 * Leaves out: the memory of the kernel for a socket. A process may have 20,000 files, so there are no more connections.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { Session } from '../../processes/session.js'
import { barsOf, contest, ratios, spreadCells } from '../contest.js'
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

export const idle: Workload = { name: 'idle', servers: ALL_SERVERS, run }

const CONNECTIONS = 15_000
const CONNECTIONS_SMALL = 50

async function run(options: FanoutOptions): Promise<WorkloadResult> {
  const connections = options.small ? CONNECTIONS_SMALL : CONNECTIONS
  const plan = profiled({ symbols: 1, paths: everyTick(connections), witnesses: 1 }, options)
  const bytes = await contest(idle, options, async server => {
    const session = await Session.openEmpty(server, plan)
    try {
      await sleep(warmUpMs(options))
      const before = session.serverUsage().rssBytes
      await session.connect(plan.paths)
      await sleep(warmUpMs(options))
      return (session.serverUsage().rssBytes - before) / connections
    } finally {
      await session.close()
    }
  })
  const ours = bytes.results.get(RINGCAST)
  return {
    tables: [
      {
        title: `idle: ${connections} connections`,
        columns: ['server', 'RSS bytes each', 'of the runs', 'Ringcast’s / its', 'of the pairs'],
        rows: [...bytes.results].map(([server, its]) => [
          server,
          ...spreadCells(its),
          ...spreadCells(ratios(ours, its)),
        ]),
        notes: bytes.notes,
      },
    ],
    charts: [
      {
        kind: 'bars',
        title: `idle: ${connections} connections`,
        unit: 'RSS bytes each',
        bars: barsOf(bytes.results, its => its),
      },
    ],
    runs: {},
    isFaulty: bytes.hasFailed,
  }
}
