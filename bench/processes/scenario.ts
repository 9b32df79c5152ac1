/**
 * One run of a whole: a feed, a server and its load, each a process on this machine, measured for some seconds.
 */
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Child } from './child.js'
import type { LoadReport } from './load.js'

export type ServerKind = 'ringcast' | 'ws-per-client'

export interface Scenario {
  readonly server: ServerKind
  /** Ticks a second; 0: as fast as the server reads. */
  readonly rate: number
  readonly symbols: number
  /** What each client asks for. */
  readonly paths: readonly string[]
  readonly seconds: number
  /** Further settings of Ringcast. */
  readonly settings?: readonly string[]
}

export interface Measured {
  readonly deliveredPerSecond: number
  readonly bytesPerSecond: number
  readonly framesPerSecond: number
  readonly cpuUsPerTick: number
  /** From the feed's stamp to a witness. */
  readonly p50Us: number
  readonly p99Us: number
  /** From arrival at the gateway to the write, since its start; 0 where the server does not tell. */
  readonly gatewayP50Us: number
  readonly gatewayP99Us: number
  readonly serverRssBytes: number
  /** Cores' worth of time, over the measured time. */
  readonly serverCores: number
  readonly loadCores: number
  readonly feedCores: number
  readonly closed: number
  readonly errorCount: number
  readonly remarks: readonly string[]
}

const WARM_UP_MS = 1000
/** A witness parses everything it gets, which costs a hundred times what another client costs. */
const WITNESS_SHARE = 0.02

/** What a gateway tells of itself, as far as it is wanted here. */
interface GatewayMetrics {
  readonly latency: { readonly p50Us: number; readonly p99Us: number }
  readonly counters: Readonly<Record<string, number>>
  readonly isUpstreamPaused: boolean
}

export async function measureScenario(scenario: Scenario): Promise<Measured> {
  const children: Child[] = []
  const start = (file: string, args: readonly string[]): Child => {
    const child = new Child(file, args)
    children.push(child)
    return child
  }
  try {
    return await run(scenario, start)
  } finally {
    // The load first: nobody should find its server gone.
    for (const child of children.reverse()) await child.stop()
  }
}

async function run(
  { server: kind, rate, symbols, paths, seconds, settings = [] }: Scenario,
  start: (file: string, args: readonly string[]) => Child,
): Promise<Measured> {
  // The feed comes last, since a server that is too busy lets nobody in.
  const feedPort = await freePort()
  const upstream = `127.0.0.1:${feedPort}`
  const server =
    kind === 'ringcast'
      ? start('../src/main.js', [
          '--host=127.0.0.1',
          '--port=0',
          '--admin-port=0',
          `--upstream=${upstream}`,
          '--upstream-backoff-max-ms=200',
          `--max-clients=${paths.length}`,
          ...settings,
        ])
      : start('baselines/ws-per-client.js', [upstream])
  const port = Number(new URL(await server.told('webSocketUrl')).port)
  const load = start('processes/load.js', [])
  await load.told('ready')
  await load.ask('connect', { port, paths, witnessEvery: Math.round(1 / WITNESS_SHARE) })
  const feed = start('../src/main.js', [
    'feed',
    `--feed-listen=${upstream}`,
    `--feed-rate=${rate}`,
    `--feed-symbols=${symbols}`,
  ])
  await feed.told('address')
  await sleep(WARM_UP_MS)

  const all = [server, load, feed]
  const before = all.map(child => child.usage())
  await load.ask('begin')
  const startMs = performance.now()
  await sleep(seconds * 1000)
  const report = await load.ask<LoadReport>('end')
  const tookS = (performance.now() - startMs) / 1000
  const after = all.map(child => child.usage())
  const metrics = kind === 'ringcast' ? await metricsOf(await server.told('adminUrl')) : undefined
  return measured(report, tookS, {
    cpuUs: after.map(({ cpuUs }, index) => cpuUs - before[index]!.cpuUs),
    rssBytes: after[0]!.rssBytes,
    metrics,
    complaints: server.complaints,
  })
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  return port
}

async function metricsOf(adminUrl: string): Promise<GatewayMetrics> {
  const response = await fetch(`${adminUrl}/metrics.json`)
  return (await response.json()) as GatewayMetrics
}

function measured(
  report: LoadReport,
  seconds: number,
  seen: {
    readonly cpuUs: readonly number[]
    readonly rssBytes: number
    readonly metrics: GatewayMetrics | undefined
    readonly complaints: readonly string[]
  },
): Measured {
  // All clients are alike, so the witnesses' ticks stand for everybody's.
  const ticks = report.witnessTicks === 0 ? 0 : (report.bytes * report.witnessTicks) / report.witnessBytes
  const [serverUs, loadUs, feedUs] = seen.cpuUs
  const cores = (us: number | undefined): number => (us ?? 0) / 1e6 / seconds
  const { metrics } = seen
  return {
    deliveredPerSecond: ticks / seconds,
    bytesPerSecond: report.bytes / seconds,
    framesPerSecond: report.frames / seconds,
    cpuUsPerTick: serverUs! / ticks,
    p50Us: report.p50Us,
    p99Us: report.p99Us,
    gatewayP50Us: metrics?.latency.p50Us ?? 0,
    gatewayP99Us: metrics?.latency.p99Us ?? 0,
    serverRssBytes: seen.rssBytes,
    serverCores: cores(serverUs),
    loadCores: cores(loadUs),
    feedCores: cores(feedUs),
    closed: report.closed,
    errorCount: report.errorCount,
    remarks: [
      ...(ticks === 0 ? [`no tick came in ${seconds} s: ${JSON.stringify(metrics)}`] : []),
      ...report.errors,
      ...seen.complaints,
      ...Object.entries(report.missed).map(
        ([reason, missed]) =>
          `each of ${report.witnesses} witnesses was told of ${Math.round(missed / report.witnesses)} missing ticks (${reason})`,
      ),
    ],
  }
}
