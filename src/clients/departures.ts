/**
 * Lets clients leave one by one, each at a moment of its own. Main thread.
 * The moments are spread evenly over a time, and each is random within its share of it:
 * docs/decisions/0086-clients-leave-and-come-one-by-one.md.
 */
import type { Clock, Timer } from '../common/clock.js'
import type { Client } from './client.js'

export interface DeparturesDeps {
  readonly clock: Pick<Clock, 'nowMs' | 'after'>
  /** Says goodbye to a client; not to one whose end has begun. */
  readonly leave: (client: Client) => void
  /** Returns 0 up to, not including, 1. Default `Math.random`. */
  readonly random?: () => number
}

export class Departures {
  private readonly deps: DeparturesDeps
  private readonly clients: readonly Client[]
  private readonly shareMs: number
  private readonly startMs: number
  private readonly whenOver: () => void
  private next = 0
  private timer: Timer | undefined

  /** @param whenOver called when the last client was let go; not after `stop` */
  constructor(clients: readonly Client[], durationMs: number, whenOver: () => void, deps: DeparturesDeps) {
    this.deps = deps
    this.clients = clients
    this.shareMs = durationMs / Math.max(1, clients.length)
    this.startMs = deps.clock.nowMs()
    this.whenOver = whenOver
    this.waitForNext()
  }

  stop(): void {
    this.timer?.cancel()
  }

  private waitForNext(): void {
    const { clock, random = Math.random } = this.deps
    if (this.next >= this.clients.length) {
      this.whenOver()
      return
    }
    const momentMs = this.startMs + (this.next + random()) * this.shareMs
    this.timer = clock.after(Math.max(0, momentMs - clock.nowMs()), () => this.letGo())
  }

  /** Lets everyone go whose share is over, and the next client. */
  private letGo(): void {
    const passed = Math.floor((this.deps.clock.nowMs() - this.startMs) / this.shareMs)
    const end = Math.min(this.clients.length, Math.max(this.next + 1, passed))
    while (this.next < end) this.deps.leave(this.clients[this.next++]!)
    this.waitForNext()
  }
}
