/**
 * Watches a gateway as operators do: a Prometheus that reads `/metrics`, an open dashboard, and log lines that somebody
 * reads. Or leaves it alone: nobody asks, and nothing is logged. In both cases a few clients come and go, which is what
 * a gateway logs.
 */
import { once } from 'node:events'
import { WebSocket } from 'ws'
import type { ServerAddress } from './server-address.js'

export type ObservationKind = 'watched' | 'alone'

/** How Prometheus reads in deploy/prometheus: every 15 s. Three times as often, so that a short run has some. */
const SCRAPE_MS = 5000
const VISIT_MS = 200
/** More are there at a time only when the gateway does not answer. */
export const VISITORS_MAX = 20
const OVERVIEW_SUBPROTOCOL = 'ringcast.overview'
/** What a browser gets with the page. */
const PAGE_FILES = ['/', '/main.js', '/style.css']

export class Observation {
  private readonly adminUrl: string
  private readonly webSocketUrl: string
  private readonly timers: NodeJS.Timeout[] = []
  private dashboard: WebSocket | undefined
  private fault: Error | undefined
  private isOver = false
  /** Requests, overviews and visits so far. */
  private scrapes = 0
  private overviews = 0
  private visits = 0

  private constructor(adminUrl: string, webSocketUrl: string) {
    this.adminUrl = adminUrl
    this.webSocketUrl = webSocketUrl
  }

  static async begin(kind: ObservationKind, address: ServerAddress): Promise<Observation> {
    const observation = new Observation(await address.adminUrl(), await address.webSocketUrl())
    observation.every(VISIT_MS, () => observation.visit())
    if (kind === 'watched') await observation.watch()
    return observation
  }

  /** @throws Error when it has seen nothing of what it should see */
  async end(): Promise<void> {
    this.isOver = true
    for (const timer of this.timers) clearInterval(timer)
    if (this.dashboard !== undefined) {
      const closed = once(this.dashboard, 'close')
      this.dashboard.close()
      await closed
      if (this.scrapes === 0 || this.overviews === 0) this.fault ??= new Error('nobody watched the gateway')
    }
    if (this.fault !== undefined) throw this.fault
  }

  private async watch(): Promise<void> {
    for (const path of PAGE_FILES) await this.read(path)
    this.dashboard = new WebSocket(`${this.adminUrl.replace(/^http/, 'ws')}/overview`, [OVERVIEW_SUBPROTOCOL])
    this.dashboard.on('message', () => this.overviews++)
    this.dashboard.on('close', () => {
      if (!this.isOver) this.fault ??= new Error('the gateway has closed the dashboard')
    })
    await once(this.dashboard, 'open')
    await this.scrape()
    this.every(SCRAPE_MS, () => this.scrape())
  }

  private async scrape(): Promise<void> {
    await this.read('/metrics')
    this.scrapes++
  }

  /** A client that gets no ticks comes and leaves. */
  private async visit(): Promise<void> {
    const visitor = new WebSocket(`${this.webSocketUrl}?symbols=NONE.${this.visits++}`)
    await once(visitor, 'open')
    const closed = once(visitor, 'close')
    visitor.close()
    await closed
  }

  private async read(path: string): Promise<void> {
    const response = await fetch(this.adminUrl + path)
    if (!response.ok) throw new Error(`${path} has answered ${response.status}`)
    await response.arrayBuffer()
  }

  private every(periodMs: number, task: () => Promise<void>): void {
    const run = (): void => {
      task().catch((error: unknown) => {
        if (!this.isOver) this.fault ??= error as Error
      })
    }
    this.timers.push(setInterval(run, periodMs))
  }
}
