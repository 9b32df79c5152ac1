/**
 * Moves ticks from a supply into the history: each when it is due, or as fast as subscribers read. Feed's thread.
 * As fast as they read, a tick is made only for a subscriber that can take it, so a single one loses nothing. Nor does
 * it where ticks are held for it: then the pace waits when the history is full of what was not sent.
 */
import type { Clock, Timer } from '../common/clock.js'
import { MarketTickEncoder } from '../ticks/market-tick-encoder.js'
import type { FeedServer } from './feed-server.js'
import type { TickHistory } from './tick-history.js'
import type { TickSupply } from './tick-supply.js'

export interface TickPumpOptions {
  readonly supply: TickSupply
  readonly history: TickHistory
  readonly server: FeedServer
  readonly clock: Clock
  /** Times the pace of the due times; 0: as fast as subscribers read. */
  readonly speed: number
  /** Whether a tick's time is the moment at which it is sent, in place of the supply's. */
  readonly stampsNow: boolean
  /** Whether the first tick waits for a subscriber. */
  readonly waitsForReader: boolean
  /** Whether the pace waits for the slowest subscriber, and while there is none. */
  readonly holdsForReader: boolean
  readonly onEnd: () => void
  readonly onFailure: (error: unknown) => void
}

const PACE_PERIOD_MS = 2
/** A thread that was held up for longer does not catch up on all of it at once. */
const CATCH_UP_MS_MAX = 250
/**
 * Made when due in one turn of the event loop: what a call of grpc-js takes before it has to drain. A burst that was made
 * in one go left it no turn to drain in: at 50,000 ticks/s the history overran with 18 times the mean due for 0.1 s.
 */
const PACED_TICKS_PER_TURN_MAX = 2_048
/** Made in one go before subscribers are served: enough for one full batch. */
const DEMAND_TICKS = 128
/** Made in one turn of the event loop, even if a subscriber (of few symbols, say) never fills up. */
const DEMAND_TICKS_PER_TURN_MAX = 8_192

export class TickPump {
  readonly #options: TickPumpOptions
  readonly #encoder = new MarketTickEncoder()
  #state: 'idle' | 'running' | 'stopped' = 'idle'
  #timer: Timer | undefined
  #turn: NodeJS.Immediate | undefined
  /** The supply's tick is taken, but not due yet. */
  #holdsTick = false
  /** Waiting for the supply. */
  #isFilling = false
  #originMs = 0

  constructor(options: TickPumpOptions) {
    this.#options = options
  }

  start(): void {
    const { waitsForReader, holdsForReader } = this.#options
    if (!waitsForReader && !holdsForReader && this.#options.speed > 0) this.#startPacing()
  }

  /** A subscriber is there that can take more. */
  readerWaits(): void {
    if (this.#state === 'stopped') return
    if (this.#options.speed === 0) this.#schedule(this.#serveDemand)
    else if (this.#state === 'idle') this.#startPacing()
  }

  stop(): void {
    this.#state = 'stopped'
    this.#timer?.cancel()
    clearImmediate(this.#turn)
  }

  #startPacing(): void {
    this.#state = 'running'
    this.#originMs = this.#options.clock.nowMs()
    this.#timer = this.#options.clock.every(PACE_PERIOD_MS, () => this.#guard(this.#pace))
    this.#guard(this.#pace)
  }

  readonly #pace = (): void => {
    if (this.#isFilling || this.#turn) return
    const { supply, clock, speed, server } = this.#options
    const nowMs = clock.nowMs()
    const stampUs = clock.epochUs()
    const firstUnsent = server.firstUnsent
    let appended = 0
    for (;;) {
      if (appended === PACED_TICKS_PER_TURN_MAX) {
        this.#schedule(this.#pace)
        break
      }
      if (this.#mustHold(firstUnsent)) break
      if (!this.#holdsTick && !this.#take()) break
      const lateMs = nowMs - this.#originMs - supply.dueMs / speed
      if (lateMs < 0) break
      if (lateMs > CATCH_UP_MS_MAX) this.#originMs += lateMs - CATCH_UP_MS_MAX
      this.#append(stampUs)
      appended++
    }
    if (appended > 0) server.flush()
  }

  /** Whether one more tick could push out one that was not sent. */
  #mustHold(firstUnsent: number | undefined): boolean {
    const { holdsForReader, history } = this.#options
    return holdsForReader && (firstUnsent === undefined || !history.canKeep(firstUnsent))
  }

  /** In the next turn of the event loop. */
  #schedule(work: () => void): void {
    if (this.#isFilling || this.#state === 'stopped') return
    this.#state = 'running'
    this.#turn ??= setImmediate(() => {
      this.#turn = undefined
      this.#guard(work)
    })
  }

  readonly #serveDemand = (): void => {
    const { server, clock } = this.#options
    const stampUs = clock.epochUs()
    for (let made = 0; made < DEMAND_TICKS_PER_TURN_MAX; made += DEMAND_TICKS) {
      if (!server.hasWaiting) return
      for (let i = 0; i < DEMAND_TICKS && this.#take(); i++) this.#append(stampUs)
      server.flush()
      if (this.#isFilling || this.#state === 'stopped') return
    }
    this.#schedule(this.#serveDemand)
  }

  /** Whether the supply has a tick; if not, sees to it that the pump goes on or ends. */
  #take(): boolean {
    const result = this.#options.supply.next()
    this.#holdsTick = result === 'tick'
    if (result === 'wait') this.#fill()
    if (result === 'end') {
      this.stop()
      this.#options.onEnd()
    }
    return this.#holdsTick
  }

  #append(stampUs: number): void {
    const { supply, history, stampsNow } = this.#options
    const tick = supply.tick
    if (stampsNow) {
      tick.timeUs = stampUs
      tick.timeRestNs = 0
    }
    history.append(this.#encoder.bytes, this.#encoder.encode(tick), tick.symbol.name)
    this.#holdsTick = false
  }

  #fill(): void {
    this.#isFilling = true
    this.#options.supply.ready().then(
      () => {
        this.#isFilling = false
        if (this.#options.speed === 0) this.#schedule(this.#serveDemand)
        else this.#guard(this.#pace)
      },
      (error: unknown) => this.#fail(error),
    )
  }

  /** A bad row of a file must end the feed with its name, not the thread without one. */
  #guard(work: () => void): void {
    if (this.#state === 'stopped') return
    try {
      work()
    } catch (error) {
      this.#fail(error)
    }
  }

  #fail(error: unknown): void {
    if (this.#state === 'stopped') return
    this.stop()
    // What was good before the failure is still sent.
    this.#options.server.flush()
    this.#options.onFailure(error)
  }
}
