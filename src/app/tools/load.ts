/**
 * `ringcast load`: connects many clients, measures what they get, and says whose limit was reached. Main thread.
 */
import { setTimeout } from 'node:timers/promises'
import { systemClock, wallUs } from '../../common/clock.js'
import { doneWithin } from '../../common/deadline.js'
import { RingcastError } from '../../common/errors.js'
import { descriptorLimit, openDescriptors, SPARE_DESCRIPTORS } from '../../common/file-descriptors.js'
import { clientWebSocket } from '../../common/guarded-web-socket.js'
import type { LoadConfig } from '../../config/config.js'
import { GeneratorWork } from './generator-work.js'
import { LoadClient } from './load-client.js'
import { type LoadReport, loadReportText } from './load-report.js'
import { LoadTally } from './load-tally.js'
import { type GeneratorFacts, type LoadFacts, loadVerdict } from './load-verdict.js'
import { Progress } from './progress.js'
import { readToken, readToolFile } from './tool-file.js'
import type { ToolHost } from './tool-host.js'

/** Clients are connected in bursts of this length. */
const BURST_MS = 20
/** As long as a busy gateway makes a client wait, and a little more. */
const SETTLE_MS = 15_000
const LOOK_MS = 250
const PINGS = 5
/** For the close handshakes. */
const LEAVE_MS_MAX = 3000

/**
 * @returns the exit code
 * @throws RingcastError `config_invalid` when a file cannot be read, or this process may not open as many connections
 */
export async function load(config: LoadConfig, host: ToolHost): Promise<number> {
  const room = descriptorLimit() - openDescriptors() - SPARE_DESCRIPTORS
  if (config.clients > room)
    throw new RingcastError(
      'config_invalid',
      `--clients=${config.clients}: this process may open ${room} connections: raise the limit (ulimit -n), or start several generators`,
    )
  const report = await new LoadRun(config, host).run()
  host.out(config.json ? `${JSON.stringify(report)}\n` : loadReportText(report))
  return report.verdict.exitCode
}

class LoadRun {
  private readonly config: LoadConfig
  private readonly host: ToolHost
  private readonly tally = new LoadTally()
  private readonly clients: LoadClient[] = []
  private readonly progress: Progress
  private work = new GeneratorWork()
  private settled = 0
  /** How far the clock of the gateway is ahead, µs, as the fastest ping has shown it. */
  private clockAheadUs = 0
  private fastestUs = Number.POSITIVE_INFINITY
  private pingedUs = 0
  private pings = 0

  constructor(config: LoadConfig, host: ToolHost) {
    this.config = config
    this.host = host
    this.progress = new Progress(host)
  }

  async run(): Promise<LoadReport> {
    try {
      await this.connect()
      const connected = this.open
      const connecting = this.work.shares().mean
      this.work = new GeneratorWork()
      const startMs = systemClock.nowMs()
      this.tally.begin()
      if (connected > 0) await this.measure(startMs)
      const durationMs = Math.max(1, systemClock.nowMs() - startMs)
      // Nothing was measured without a client.
      const { mean, peak } = connected === 0 ? { mean: 0, peak: 0 } : this.work.shares()
      return this.report(connected, durationMs, {
        generatorUtilisation: mean,
        generatorPeak: peak,
        generatorConnecting: connecting,
      })
    } finally {
      this.progress.end()
      await this.leave()
    }
  }

  private async leave(): Promise<void> {
    const left = Promise.all(this.clients.map(client => client.leave()))
    if (!(await doneWithin(systemClock, LEAVE_MS_MAX, left))) for (const client of this.clients) client.cut()
  }

  private get open(): number {
    return this.clients.reduce((sum, { isOpen }) => sum + Number(isOpen), 0)
  }

  private async connect(): Promise<void> {
    const { clients: wanted, connectRate, tlsCa, tokenFile } = this.config
    const WebSocket = clientWebSocket({
      ...(tlsCa === undefined ? {} : { ca: readToolFile('--tls-ca', tlsCa) }),
      ...(tokenFile === undefined
        ? {}
        : { headers: { authorization: `Bearer ${readToken('--token-file', tokenFile)}` } }),
    })
    const url = this.url()
    const startMs = systemClock.nowMs()
    while (this.clients.length < wanted && !this.host.signal.aborted) {
      const due = Math.ceil(((systemClock.nowMs() - startMs + BURST_MS) * connectRate) / 1000)
      while (this.clients.length < Math.min(due, wanted)) this.add(new WebSocket(url))
      this.progress.show(this.settled / wanted, `${this.settled} of ${wanted} clients`)
      await this.wait(BURST_MS)
    }
    const giveUpMs = systemClock.nowMs() + SETTLE_MS
    while (
      this.settled < this.clients.length &&
      systemClock.nowMs() < giveUpMs &&
      !this.host.signal.aborted
    ) {
      this.progress.show(this.settled / wanted, `${this.settled} of ${wanted} clients`)
      await this.wait(BURST_MS)
    }
  }

  private add(socket: ConstructorParameters<typeof LoadClient>[0]): void {
    const client: LoadClient = new LoadClient(socket, {
      tally: this.tally,
      gatewayUs: () => wallUs(systemClock) + this.clockAheadUs,
      onSettled: () => {
        this.settled++
        if (this.pings === 0 && client.isOpen) this.ping(client)
      },
      onPong: timeUs => this.ponged(client, timeUs),
    })
    this.clients.push(client)
  }

  private ping(client: LoadClient): void {
    this.pings++
    this.pingedUs = wallUs(systemClock)
    client.ping()
  }

  private ponged(client: LoadClient, gatewayUs: number): void {
    const nowUs = wallUs(systemClock)
    const roundUs = nowUs - this.pingedUs
    if (roundUs < this.fastestUs) {
      this.fastestUs = roundUs
      const aheadUs = gatewayUs - (this.pingedUs + nowUs) / 2
      // A difference that the way of the ping explains is none.
      this.clockAheadUs = Math.abs(aheadUs) <= roundUs / 2 ? 0 : Math.round(aheadUs)
    }
    if (this.pings < PINGS) this.ping(client)
  }

  private async measure(startMs: number): Promise<void> {
    const durationMs = this.config.duration * 1000
    let last = { atMs: startMs, ticks: 0 }
    for (;;) {
      const nowMs = systemClock.nowMs()
      const leftMs = startMs + durationMs - nowMs
      if (leftMs <= 0 || this.host.signal.aborted) return
      const { ticks } = this.tally
      const perS = Math.round(((ticks - last.ticks) * 1000) / Math.max(1, nowMs - last.atMs))
      last = { atMs: nowMs, ticks }
      this.work.look()
      this.progress.show(1 - leftMs / durationMs, `${Math.ceil(leftMs / 1000)} s left, ${perS} ticks/s`)
      await this.wait(Math.min(LOOK_MS, leftMs))
    }
  }

  private report(connected: number, durationMs: number, generator: GeneratorFacts): LoadReport {
    const { bytes, ended, firstError, gaps, maxLatencyUs, merged, messages, refused, refusedEntries } =
      this.tally
    const { silentErrors, ticks } = this.tally
    const quantile = (share: number) => Math.round(this.tally.quantileUs(share))
    const facts: LoadFacts = {
      clients: this.config.clients,
      connected,
      ticks,
      silentErrors,
      refused: Object.fromEntries(refused),
      ended: Object.fromEntries(ended),
      refusedEntries: Object.fromEntries(refusedEntries),
      gaps: Object.fromEntries(gaps),
      p99Us: quantile(0.99),
      ...generator,
    }
    return {
      url: this.config.url,
      durationMs,
      ...facts,
      messages,
      bytes,
      merged,
      firstError,
      latency: {
        p50Us: quantile(0.5),
        p90Us: quantile(0.9),
        p99Us: facts.p99Us,
        p999Us: quantile(0.999),
        maxUs: Math.round(maxLatencyUs),
        ...this.tally.latencyBuckets(),
      },
      clockAheadUs: this.clockAheadUs,
      verdict: loadVerdict(facts),
    }
  }

  private url(): string {
    const { delivery, interval, symbols, url } = this.config
    const pairs: [string, string][] = [['stamps', 'true']]
    if (symbols.length > 0) pairs.push(['symbols', symbols.join(',')])
    if (delivery === 'latest') pairs.push(['delivery', 'latest'])
    if (interval !== undefined) pairs.push(['interval', String(interval)])
    return `${url}?${pairs.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&')}`
  }

  /** Resolves early when the user ends the load. */
  private async wait(ms: number): Promise<void> {
    await setTimeout(ms, undefined, { signal: this.host.signal }).catch(() => undefined)
  }
}
