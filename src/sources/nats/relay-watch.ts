/** Knows whether a relay is active, by what it says every half second. Main thread. */
import type { Clock, Timer } from '../../common/clock.js'
import type { NatsConnection, Subscription } from './nats-js.js'
import { aliveSubject } from './nats-options.js'

/** How often the active relay says that it lives. */
export const ALIVE_PERIOD_MS = 500
/** A relay that has said nothing for so long is not there. */
export const ALIVE_MAX_MS = 2_000

export class RelayWatch {
  private readonly clock: Clock
  private readonly changed: () => void
  private subscription: Subscription | undefined
  private timer: Timer | undefined
  private _isAlive = false

  /** @param changed called when `isAlive` has changed */
  constructor(clock: Clock, changed: () => void) {
    this.clock = clock
    this.changed = changed
  }

  get isAlive(): boolean {
    return this._isAlive
  }

  /** Listens on this connection from now on. */
  listen(connection: NatsConnection, stream: string): void {
    this.subscription?.unsubscribe()
    this.subscription = connection.subscribe(aliveSubject(stream), {
      callback: error => {
        if (error === null) this.heard()
      },
    })
  }

  stop(): void {
    this.subscription?.unsubscribe()
    this.subscription = undefined
    this.timer?.cancel()
    this.timer = undefined
  }

  private heard(): void {
    this.timer?.cancel()
    this.timer = this.clock.after(ALIVE_MAX_MS, () => this.set(false))
    this.set(true)
  }

  private set(isAlive: boolean): void {
    if (isAlive === this._isAlive) return
    this._isAlive = isAlive
    this.changed()
  }
}
