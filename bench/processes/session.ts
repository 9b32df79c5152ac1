/**
 * A feed, a server and its load: three processes on this machine, from start to end. Meanwhile they are measured once
 * or several times, at one rate or several rates.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import { Child, ChildEnded, type Usage } from './child.js'
import type { FeedPace } from './feed.js'
import { freePort } from './free-port.js'
import { type GatewayFigures, type GatewayMetrics, gatewayFigures, NO_METRICS } from './gateway-figures.js'
import type { ConnectAnswer, ConnectRequest, LoadReport, LoadTotals } from './load.js'
import { machineCpuUs } from './machine-cpu.js'
import type { Measured } from './measured.js'
import { NotPossible } from './not-possible.js'
import { Observation, type ObservationKind, VISITORS_MAX } from './observation.js'
import { freePorts, ServerAddress } from './server-address.js'
import { type ServerKind, serverKind, type TlsFiles } from './server-kinds.js'
import { runtimeOf } from './server-runtime.js'

export interface Plan {
  readonly symbols: number
  /** The path of each client, with its query. */
  readonly paths: readonly string[]
  /** Number of clients that check their messages. Such a client costs a hundred times as much as another. */
  readonly witnesses: number
  /** One of so many messages is parsed completely by a witness. Default 1. */
  readonly parseEvery?: number
  readonly deflate?: boolean
  /** Clients connect over TLS. */
  readonly tls?: TlsFiles
  /** Default 'steady'. */
  readonly pace?: FeedPace
  /** Steady ticks that come at one moment. Default 1. */
  readonly burst?: number
  /** Further settings of Ringcast. */
  readonly settings?: readonly string[]
  /** Whether the server gets a core before all other processes. Needs Linux, and the permission for it. */
  readonly realTime?: boolean
  /** The folder for the server's CPU profiles, one for each thread; not with Bun. */
  readonly profileFolder?: string | undefined
  /** Of a gateway. Default: its log is read, and nobody asks it for anything meanwhile. */
  readonly observation?: ObservationKind
}

/** All clients of a benchmark have one address, and connect at once. */
export const AMPLE_BUDGETS = [
  '--subscriptions-max=1000000',
  '--client-work-per-second=1GiB',
  '--address-work-per-second=1GiB',
  '--total-work-per-second=1GiB',
  // All clients of a run come at once, and leave at once.
  '--connections-per-second=100000',
  '--drain-ms=0',
]

/** Called about each second during a measurement. */
export interface Progress {
  readonly seconds: number
  readonly deliveredPerSecond: number
  readonly cpuUsPerTick: number
  readonly loadCores: number
}

const CONNECT_MS = 30_000
const CONNECT_MS_PER_CLIENT = 10
const PROGRESS_MS = 1000
const SHORT_WAIT_MS = 20
/** The longest wait for a tick: a machine that is busy with other work may deliver none for a while. */
const FIRST_TICK_MS_MAX = 20_000

export class Session {
  private readonly kind: ServerKind
  private readonly plan: Plan
  private readonly children: Child[] = []
  private feed!: Child
  private server!: Child
  private address!: ServerAddress
  private observation: Observation | undefined
  private load!: Child

  private constructor(kind: ServerKind, plan: Plan) {
    this.kind = kind
    this.plan = plan
  }

  /** Resolves when all clients are connected. No tick has been sent yet. @throws NotPossible */
  static async open(server: string, plan: Plan): Promise<Session> {
    const session = await Session.openEmpty(server, plan)
    return await session.orClosed(session.connect(plan.paths))
  }

  /** Starts feed and server, without clients. */
  static async openEmpty(server: string, plan: Plan): Promise<Session> {
    const session = new Session(serverKind(server), plan)
    return await session.orClosed(session.start())
  }

  /** Connects more clients. @throws NotPossible when the server refuses them */
  async connect(paths: readonly string[]): Promise<void> {
    const port = Number(new URL(await this.address.webSocketUrl()).port)
    const request: ConnectRequest = {
      port,
      paths,
      witnessEvery: Math.ceil(paths.length / this.plan.witnesses),
      parseEvery: this.plan.parseEvery ?? 1,
      deflate: this.plan.deflate ?? false,
      tlsCaPath: this.plan.tls?.ca,
      isSocketIo: this.kind.isSocketIo,
    }
    const withinMs = CONNECT_MS + CONNECT_MS_PER_CLIENT * paths.length
    const { refusal } = await this.load.ask<ConnectAnswer>('connect', request, withinMs)
    if (refusal !== undefined) throw new NotPossible(refusal.replaceAll(/\s+/g, ' ').trim())
  }

  /** Sets the ticks per second from now on; 0, as the first rate only: as fast as the server reads. */
  async setRate(rate: number): Promise<void> {
    await this.feed.ask('rate', { rate })
  }

  /** Stops the reading of one of so many clients. Witnesses go on. */
  async stall(every: number): Promise<void> {
    await this.load.ask('stall', { every })
  }

  /** The URL to which clients connect. */
  async webSocketUrl(): Promise<string> {
    return await this.address.webSocketUrl()
  }

  serverUsage(): Usage {
    return this.server.usage()
  }

  /** Measures for at least so many seconds, and until each witness has received a tick. */
  async measure(seconds: number, onProgress: (progress: Progress) => void = () => {}): Promise<Measured> {
    const { feed, server, load } = this
    const all = [server, load, feed]
    const machineBefore = machineCpuUs()
    const before = all.map(child => child.usage())
    const gatewayBefore = await this.gatewayMetrics()
    const countBefore = await feed.ask<number>('count')
    await load.ask('begin')
    const startMs = performance.now()
    const passedS = (): number => (performance.now() - startMs) / 1000
    let rssBytes = 0
    for (;;) {
      await sleep(Math.min(PROGRESS_MS, Math.max(SHORT_WAIT_MS, (seconds - passedS()) * 1000)))
      const usage = server.usage()
      rssBytes = Math.max(rssBytes, usage.rssBytes)
      const totals = await load.ask<LoadTotals>('sample')
      const ticks = ticksOf(totals)
      onProgress({
        seconds: passedS(),
        deliveredPerSecond: ticks / passedS(),
        cpuUsPerTick: (usage.cpuUs - before[0]!.cpuUs) / ticks,
        loadCores: (load.usage().cpuUs - before[1]!.cpuUs) / 1e6 / passedS(),
      })
      const isOver = passedS() >= seconds && totals.isServed
      if (isOver || passedS() * 1000 > seconds * 1000 + FIRST_TICK_MS_MAX) break
    }
    const report = await load.ask<LoadReport>('end')
    const tookS = passedS()
    const after = all.map(child => child.usage())
    const count = (await feed.ask<number>('count')) - countBefore
    const cpuUs = after.map((usage, index) => usage.cpuUs - before[index]!.cpuUs)
    const ours = cpuUs.reduce((sum, us) => sum + us, 0)
    return this.measured(report, tookS, {
      count,
      rssBytes,
      cpuUs,
      mainThreadUs: after[0]!.mainThreadUs - before[0]!.mainThreadUs,
      loadBusyUs: busyUs(after[1]!) - busyUs(before[1]!),
      otherUs: Math.max(0, machineCpuUs() - machineBefore - ours),
      figures: gatewayFigures(gatewayBefore, await this.gatewayMetrics(), count),
    })
  }

  async close(): Promise<void> {
    try {
      await this.observation?.end()
    } finally {
      // The load ends first, while its server still runs.
      for (const child of this.children.toReversed()) await child.stop()
    }
  }

  private async orClosed(begun: Promise<void>): Promise<this> {
    try {
      await begun
      return this
    } catch (error) {
      await this.close()
      throw error
    }
  }

  private async start(): Promise<void> {
    const { kind, plan } = this
    if (kind.missing !== undefined) throw new NotPossible(kind.missing)
    if (plan.deflate && !kind.deflates) throw new NotPossible('it does not compress')
    if (plan.tls && !kind.speaksTls) throw new NotPossible('it is not measured over TLS')
    const start = (...args: ConstructorParameters<typeof Child>): Child => {
      const child = new Child(...args)
      this.children.push(child)
      return child
    }
    const upstream = `127.0.0.1:${await freePort()}`
    this.feed = start('processes/feed.js', [
      upstream,
      String(plan.symbols),
      plan.pace ?? 'steady',
      String(plan.burst ?? 1),
    ])
    await this.feed.told('address')
    const ports = plan.observation === 'alone' ? await freePorts() : undefined
    const needs = {
      upstream,
      clients: Math.max(1, plan.paths.length) + (plan.observation === undefined ? 0 : VISITORS_MAX),
      deflate: plan.deflate ?? false,
      tls: plan.tls,
      settings: [...AMPLE_BUDGETS, ...(plan.settings ?? [])],
      ports,
    }
    this.server = start(kind.file, kind.args(needs), runtimeOf(kind, plan))
    this.load = start('processes/load.js', [])
    this.address = new ServerAddress(this.server, ports)
    try {
      await this.address.webSocketUrl()
    } catch (error) {
      if (error instanceof ChildEnded) throw new NotPossible(error.message)
      throw error
    }
    await this.load.told('ready')
    if (plan.observation !== undefined)
      this.observation = await Observation.begin(plan.observation, this.address)
  }

  private async gatewayMetrics(): Promise<GatewayMetrics> {
    if (this.kind.name !== 'ringcast' || this.plan.observation === 'alone') return NO_METRICS
    const response = await fetch(`${await this.address.adminUrl()}/metrics.json`)
    return (await response.json()) as GatewayMetrics
  }

  private measured(report: LoadReport, seconds: number, seen: Seen): Measured {
    const ticks = ticksOf(report)
    const [serverUs, loadUs, feedUs] = seen.cpuUs as [number, number, number]
    const cores = (us: number): number => us / 1e6 / seconds
    return {
      offeredPerSecond: seen.count / seconds,
      deliveredPerSecond: ticks / seconds,
      bytesPerSecond: report.bytes / seconds,
      framesPerSecond: report.frames / seconds,
      cpuUsPerTick: serverUs / ticks,
      mainThreadUsPerTickIn: seen.mainThreadUs / seen.count,
      otherThreadsUsPerTick: Math.max(0, serverUs - seen.mainThreadUs) / ticks,
      p50Us: report.p50Us,
      p99Us: report.p99Us,
      p999Us: report.p999Us,
      ...seen.figures,
      serverRssBytes: seen.rssBytes,
      serverCores: cores(serverUs),
      loadCores: cores(loadUs),
      feedCores: cores(feedUs),
      loadBusy: cores(seen.loadBusyUs),
      otherCores: cores(seen.otherUs),
      lostPerClient: report.lost / report.witnesses,
      silentPerClient: report.silent / report.witnesses,
      closed: report.closed,
      errorCount: report.errorCount,
      remarks: [
        ...(ticks === 0 ? [`no tick came in ${seconds} s`] : []),
        ...report.errors,
        ...this.server.complaints,
        ...Object.entries(report.missed).map(
          ([reason, missed]) =>
            `each of ${report.witnesses} witnesses was told of ${Math.round(missed / report.witnesses)} missing ticks (${reason})`,
        ),
      ],
    }
  }
}

interface Seen {
  readonly figures: GatewayFigures
  readonly count: number
  readonly rssBytes: number
  readonly cpuUs: readonly number[]
  readonly mainThreadUs: number
  readonly loadBusyUs: number
  readonly otherUs: number
}

/** All clients are alike, so the ticks of the witnesses stand for the ticks of all clients. */
function ticksOf({ bytes, witnessBytes, witnessTicks }: LoadTotals): number {
  return witnessTicks === 0 ? 0 : (bytes * witnessTicks) / witnessBytes
}

function busyUs({ mainThreadUs, mainThreadWaitUs }: Usage): number {
  return mainThreadUs + mainThreadWaitUs
}
