/**
 * Moves ticks from a supply into the history: each when it is due, or as fast as subscribers read. Feed's thread.
 * A single subscriber loses no tick at speed 0, where ticks are made on demand, nor when the pace holds for it.
 */
import { type Clock, type Timer, wallUs } from '../common/clock.js'
import { MarketTickEncoder } from '../ticks/market-tick-encoder.js'
import type { FeedServer } from './feed-server.js'
import type { TickHistory } from './tick-history.js'
import type { TickSupply } from './tick-supply.js'

export interface TickPumpOptions {
  readonly supply: TickSupply
  readonly history: TickHistory
  readonly server: FeedServer
  readonly clock: Clock
  /** Factor of the pace of the due times; 0: as fast as subscribers read. */
  readonly speed: number
  /** Whether the time of a tick is the time at which it is sent, in place of the time in the supply. */
  readonly stampsNow: boolean
  /** Whether the first tick waits for the first subscriber. */
  readonly waitsForReader: boolean
  /** Whether the pace waits for the slowest subscriber, and waits while there is no subscriber. */
  readonly holdsForReader: boolean
  readonly onEnd: () => void
  readonly onFailure: (error: unknown) => void
}

const PACE_PERIOD_MS = 2
/** After a longer delay, the pump skips the rest: it does not make all the missed ticks at once. */
const CATCH_UP_MS_MAX = 250
/**
 * Due ticks made in one turn of the event loop: as many as a call of grpc-js takes before it must drain. Without this
 * bound, a burst of 18 × 50,000 ticks/s for 0.1 s overran the history, because the call had no turn to drain in.
 */
const PACED_TICKS_PER_TURN_MAX = 2_048
/** Ticks made on demand before subscribers are served: enough for one full batch. */
const DEMAND_TICKS = 128
/** Ticks made on demand in one turn of the event loop, even for a subscriber of few symbols that never fills up. */
const DEMAND_TICKS_PER_TURN_MAX = 8_192

export class TickPump {
  private readonly options: TickPumpOptions
  private readonly encoder = new MarketTickEncoder()
  private state: 'idle' | 'running' | 'stopped' = 'idle'
  private timer: Timer | undefined
  private turn: NodeJS.Immediate | undefined
  /** Whether the current tick of the supply is not appended yet, because it is not due. */
  private holdsTick = false
  /** Whether the pump waits for the supply. */
  private isFilling = false
  private originMs = 0

  constructor(options: TickPumpOptions) {
    this.options = options
  }

  start(): void {
    const { waitsForReader, holdsForReader } = this.options
    if (!waitsForReader && !holdsForReader && this.options.speed > 0) this.startPacing()
  }

  /** A subscriber waits for ticks. */
  onReaderWaiting(): void {
    if (this.state === 'stopped') return
    if (this.options.speed === 0) this.schedule(this.serveDemand)
    else if (this.state === 'idle') this.startPacing()
  }

  stop(): void {
    this.state = 'stopped'
    this.timer?.cancel()
    clearImmediate(this.turn)
  }

  private startPacing(): void {
    this.state = 'running'
    this.originMs = this.options.clock.nowMs()
    this.timer = this.options.clock.every(PACE_PERIOD_MS, () => this.guard(this.pace))
    this.guard(this.pace)
  }

  private readonly pace = (): void => {
    if (this.isFilling || this.turn) return
    const { supply, clock, speed, server } = this.options
    const nowMs = clock.nowMs()
    const stampUs = wallUs(clock)
    const firstUnsent = server.firstUnsent
    let appended = 0
    for (;;) {
      if (appended === PACED_TICKS_PER_TURN_MAX) {
        this.schedule(this.pace)
        break
      }
      if (this.mustHold(firstUnsent)) break
      if (!this.holdsTick && !this.take()) break
      const lateMs = nowMs - this.originMs - supply.dueMs / speed
      if (lateMs < 0) break
      if (lateMs > CATCH_UP_MS_MAX) this.originMs += lateMs - CATCH_UP_MS_MAX
      this.append(stampUs)
      appended++
    }
    if (appended > 0) server.flush()
  }

  /** Whether one more tick could replace a tick that was not sent. */
  private mustHold(firstUnsent: number | undefined): boolean {
    const { holdsForReader, history } = this.options
    return holdsForReader && (firstUnsent === undefined || !history.canKeep(firstUnsent))
  }

  /** Runs `work` in the next turn of the event loop. */
  private schedule(work: () => void): void {
    if (this.isFilling || this.state === 'stopped') return
    this.state = 'running'
    this.turn ??= setImmediate(() => {
      this.turn = undefined
      this.guard(work)
    })
  }

  private readonly serveDemand = (): void => {
    const { server, clock } = this.options
    const stampUs = wallUs(clock)
    for (let made = 0; made < DEMAND_TICKS_PER_TURN_MAX; made += DEMAND_TICKS) {
      if (!server.hasWaiting) return
      for (let i = 0; i < DEMAND_TICKS && this.take(); i++) this.append(stampUs)
      server.flush()
      if (this.isFilling || this.state === 'stopped') return
    }
    this.schedule(this.serveDemand)
  }

  /** Takes the next tick of the supply. Returns false when the supply has none now, or has ended. */
  private take(): boolean {
    const result = this.options.supply.next()
    this.holdsTick = result === 'tick'
    if (result === 'wait') this.fill()
    if (result === 'end') {
      this.stop()
      this.options.onEnd()
    }
    return this.holdsTick
  }

  private append(stampUs: number): void {
    const { supply, history, stampsNow } = this.options
    const tick = supply.tick
    if (stampsNow) {
      tick.timeUs = stampUs
      tick.timeRestNs = 0
    }
    history.append(this.encoder.bytes, this.encoder.encode(tick), tick.symbol.name)
    this.holdsTick = false
  }

  private fill(): void {
    this.isFilling = true
    this.options.supply.ready().then(
      () => {
        this.isFilling = false
        if (this.options.speed === 0) this.schedule(this.serveDemand)
        else this.guard(this.pace)
      },
      (error: unknown) => this.fail(error),
    )
  }

  /** An error, for example a bad row of a file, ends the feed with `onFailure`, not the thread. */
  private guard(work: () => void): void {
    if (this.state === 'stopped') return
    try {
      work()
    } catch (error) {
      this.fail(error)
    }
  }

  private fail(error: unknown): void {
    if (this.state === 'stopped') return
    this.stop()
    // Ticks made before the failure are still sent.
    this.options.server.flush()
    this.options.onFailure(error)
  }
}
