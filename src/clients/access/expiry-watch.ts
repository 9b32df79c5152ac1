/**
 * Tells when the access of clients ends, and a while before. Main thread. By the system's clock, which may be stepped.
 */
import { type Clock, type Timer, wallUs } from '../../common/clock.js'

/** A client is told so long before its access ends; half of what is left when it is less than twice that. */
export const EXPIRING_MS = 60_000
/** How often to look. */
const LOOK_MS = 250

export interface ExpiryWatchDeps<Client> {
  readonly clock: Pick<Clock, 'epochUs' | 'aheadUs' | 'every'>
  /** Called once for each time that the access was given or renewed. */
  readonly expiring: (client: Client, expiresMs: number) => void
  readonly expired: (client: Client) => void
}

interface Expiry {
  readonly expiresMs: number
  /** undefined: the client was told. */
  tellMs: number | undefined
}

export class ExpiryWatch<Client> {
  private readonly deps: ExpiryWatchDeps<Client>
  private readonly byClient = new Map<Client, Expiry>()
  private timer: Timer | undefined
  /** Nothing is due before. */
  private nextMs = Number.POSITIVE_INFINITY

  constructor(deps: ExpiryWatchDeps<Client>) {
    this.deps = deps
  }

  get count(): number {
    return this.byClient.size
  }

  /** Watches a client. A renewed access replaces the one before. @param expiresMs undefined: it never ends */
  set(client: Client, expiresMs: number | undefined): void {
    this.delete(client)
    if (expiresMs === undefined) return
    const leftMs = expiresMs - this.nowMs()
    const tellMs = expiresMs - Math.min(EXPIRING_MS, Math.max(0, leftMs / 2))
    this.byClient.set(client, { expiresMs, tellMs })
    this.nextMs = Math.min(this.nextMs, tellMs)
    this.timer ??= this.deps.clock.every(LOOK_MS, () => this.look())
  }

  delete(client: Client): void {
    this.byClient.delete(client)
    if (this.byClient.size === 0) this.stop()
  }

  stop(): void {
    this.timer?.cancel()
    this.timer = undefined
    this.nextMs = Number.POSITIVE_INFINITY
  }

  private look(): void {
    const nowMs = this.nowMs()
    if (nowMs < this.nextMs) return
    this.nextMs = Number.POSITIVE_INFINITY
    const { expired, expiring } = this.deps
    for (const [client, expiry] of [...this.byClient]) {
      const { expiresMs, tellMs } = expiry
      if (nowMs >= expiresMs) {
        this.delete(client)
        expired(client)
        continue
      }
      if (tellMs !== undefined && nowMs >= tellMs) {
        expiry.tellMs = undefined
        expiring(client, expiresMs)
      }
      this.nextMs = Math.min(this.nextMs, expiry.tellMs ?? expiresMs)
    }
  }

  private nowMs(): number {
    return wallUs(this.deps.clock) / 1000
  }
}
