/**
 * Question: what does TLS cost beside plain connections, and beside `ws` over TLS?
 * Workload: 500 clients of every tick. Once 50 ticks/s, each a write for each client; once 1,000 ticks/s, 40 of them at
 *   one moment. Each server runs without and with TLS in turns. A connection's cost is that of 500 which come at once,
 *   with a full handshake each: CPU time, and resident memory before the first tick.
 * Leaves out: `ws` at 1,000 ticks/s, which would be 500,000 sends a second; and handshakes that resume a session.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { CertificateAuthority } from '../../../test/support/certificates.js'
import type { Table } from '../../benchmark.js'
import { type Figure, type Measured, middle, remarks } from '../../processes/measured.js'
import type { TlsFiles } from '../../processes/server-kinds.js'
import { type Plan, Session } from '../../processes/session.js'
import { barsOf, type Contest, cellNumber, contest, isFaulty, ratios, spreadCells } from '../contest.js'
import {
  everyTick,
  type FanoutOptions,
  profiled,
  RINGCAST,
  type Workload,
  type WorkloadResult,
  warmUpMs,
} from '../workload.js'

const SERVERS = [RINGCAST, 'ws', 'ws-frames']

export const tls: Workload = { name: 'tls', servers: SERVERS, run }

/** Behind the name of a server, where its clients connect over TLS. */
const OVER_TLS = ' over TLS'

interface TlsPlan extends Plan {
  readonly title: string
  readonly rate: number
  readonly servers: readonly string[]
}

interface TlsRun extends Measured {
  readonly connectionCpuUs: number
  readonly connectionBytes: number
}

function plans({ small, servers = SERVERS }: FanoutOptions): TlsPlan[] {
  const paths = everyTick(small ? 10 : 500)
  return [
    {
      title: `${paths.length} clients, 50 ticks/s of one symbol, a write for each`,
      symbols: 1,
      rate: 50,
      paths,
      witnesses: small ? 5 : 50,
      settings: ['--gather-ms=0'],
      servers,
    },
    {
      title: `${paths.length} clients, 1,000 ticks/s of 50 symbols, 40 at once`,
      symbols: 50,
      rate: 1000,
      burst: 40,
      paths,
      witnesses: small ? 5 : 10,
      servers: servers.filter(server => server !== 'ws'),
    },
  ]
}

async function run(options: FanoutOptions): Promise<WorkloadResult> {
  const folder = mkdtempSync(join(tmpdir(), 'ringcast-tls-'))
  try {
    const authority = new CertificateAuthority(folder)
    const { certPath, keyPath } = authority.issue('localhost')
    const files = { cert: certPath, key: keyPath, ca: authority.ca.certPath }
    const results: WorkloadResult[] = []
    for (const plan of plans(options)) results.push(await measureBoth(plan, files, options))
    return {
      tables: results.flatMap(({ tables }) => tables),
      charts: results.flatMap(({ charts }) => charts),
      runs: Object.assign({}, ...results.map(({ runs }) => runs)),
      isFaulty: results.some(result => result.isFaulty),
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Each server without and with TLS. */
async function measureBoth(plan: TlsPlan, files: TlsFiles, options: FanoutOptions): Promise<WorkloadResult> {
  const names = plan.servers.flatMap(server => [server, server + OVER_TLS])
  const measured = await contest({ name: 'tls', servers: names }, { ...options, servers: undefined }, name =>
    measureOne(
      name.replace(OVER_TLS, ''),
      { ...plan, ...(name.endsWith(OVER_TLS) ? { tls: files } : {}) },
      options,
    ),
  )
  return {
    tables: [tableOf(plan.title, measured)],
    charts: [
      {
        kind: 'bars',
        title: `tls: ${plan.title}`,
        unit: 'server CPU µs per delivered tick',
        bars: barsOf(measured.results, costs),
      },
    ],
    runs: Object.fromEntries([...measured.results].map(([name, runs]) => [`${name}, ${plan.title}`, runs])),
    isFaulty: isFaulty(measured),
  }
}

async function measureOne(server: string, plan: TlsPlan, options: FanoutOptions): Promise<TlsRun> {
  const session = await Session.openEmpty(server, profiled(plan, options))
  try {
    await sleep(warmUpMs(options))
    const before = session.serverUsage()
    await session.connect(plan.paths)
    await sleep(warmUpMs(options))
    const after = session.serverUsage()
    await session.setRate(plan.rate)
    await sleep(warmUpMs(options))
    const { length: connections } = plan.paths
    return {
      ...(await session.measure(options.seconds, options.progress.show)),
      connectionCpuUs: (after.cpuUs - before.cpuUs) / connections,
      connectionBytes: (after.rssBytes - before.rssBytes) / connections,
    }
  } finally {
    await session.close()
  }
}

const costs = (runs: readonly Measured[]): number[] => runs.map(run => run.cpuUsPerTick)

function tableOf(title: string, { results, notes }: Contest<TlsRun>): Table {
  return {
    title: `tls: ${title}`,
    columns: [
      'server',
      'ticks/s delivered',
      'CPU µs each',
      'of the runs',
      'of its plain',
      'of the pairs',
      'Ringcast’s / its',
      'of the pairs',
      'outside the main thread',
      'p50 ms',
      'p99 ms',
      'server cores',
      'load cores',
      'CPU µs a connection',
      'RSS KiB a connection',
    ],
    rows: [...results].map(([name, runs]) => {
      const ours = results.get(name.endsWith(OVER_TLS) ? RINGCAST + OVER_TLS : RINGCAST)
      const plain = results.get(name.replace(OVER_TLS, ''))
      const figure = (key: Figure | 'connectionCpuUs' | 'connectionBytes'): number => middle(runs, key)
      return [
        name,
        Math.round(figure('deliveredPerSecond')),
        ...spreadCells(costs(runs)),
        ...spreadCells(ratios(costs(runs), costs(plain ?? []))),
        ...spreadCells(ratios(ours && costs(ours), costs(runs))),
        cellNumber(figure('otherThreadsUsPerTick')),
        cellNumber(figure('p50Us') / 1000),
        cellNumber(figure('p99Us') / 1000),
        cellNumber(figure('serverCores')),
        cellNumber(figure('loadCores')),
        cellNumber(figure('connectionCpuUs')),
        cellNumber(figure('connectionBytes') / 1024),
      ]
    }),
    notes: [...[...results].flatMap(([name, runs]) => remarks(name, runs)), ...notes],
  }
}
