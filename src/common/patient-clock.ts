/**
 * Time by which peers are judged that are silent or take nothing. Main thread, or a feed's.
 * It stands still while the thread is held up: by its own work, because the process is stopped, or because the machine is.
 * A callback comes after a poll for I/O that began when its time was up, so all that had arrived by then has been read.
 */
import type { Clock, Timer } from './clock.js'

const BEAT_MS_MAX = 1_000
/** Held up for however long, the thread uses up one of so many parts of the shortest timeout. */
const BEATS_PER_TIMEOUT = 4

export class PatientClock {
  readonly beatMs: number
  private readonly clock: Clock
  private readonly timer: Timer
  private readonly listeners: ((nowMs: number) => void)[] = []
  /** As of the last beat that counts. */
  private beatNowMs: number
  /** When that was by the other clock. */
  private beatAtMs: number
  /** How much later than it should have been. */
  private beatLateMs = 0
  /** Runs after the poll that follows a beat. */
  private polled: NodeJS.Immediate | undefined

  /** @param shortestTimeoutMs of those that are measured by this clock */
  constructor(clock: Clock, shortestTimeoutMs: number) {
    this.clock = clock
    this.beatMs = Math.max(1, Math.min(BEAT_MS_MAX, Math.floor(shortestTimeoutMs / BEATS_PER_TIMEOUT)))
    this.beatNowMs = clock.nowMs()
    this.beatAtMs = this.beatNowMs
    this.timer = clock.every(this.beatMs, () => this.beat())
  }

  /** Never goes back; the longer the thread was held up, the farther it is behind the other clock. */
  nowMs(): number {
    return this.beatNowMs + Math.min(this.sinceBeatMs(), this.beatMs)
  }

  /** How long the thread was held up just now; 0 once it has gone on for a beat. */
  heldUpMs(): number {
    return Math.max(this.beatLateMs, this.sinceBeatMs() - this.beatMs)
  }

  /** Calls `listener` at each beat, with the time by which whatever has arrived has been read. */
  onBeat(listener: (nowMs: number) => void): void {
    this.listeners.push(listener)
  }

  /** Calls `callback` once, when `delayMs` have passed. */
  after(delayMs: number, callback: () => void): Timer {
    const dueMs = this.nowMs() + delayMs
    let timer: Timer
    let polled: NodeJS.Immediate | undefined
    const wait = (leftMs: number): void => {
      timer = this.clock.after(leftMs, () => {
        const stillLeftMs = dueMs - this.nowMs()
        if (stillLeftMs > 0) wait(stillLeftMs)
        else polled = setImmediate(callback)
      })
    }
    wait(delayMs)
    return {
      cancel: () => {
        timer.cancel()
        clearImmediate(polled)
      },
    }
  }

  /** No beat comes any more, and time soon stands still. */
  stop(): void {
    this.timer.cancel()
    clearImmediate(this.polled)
  }

  private sinceBeatMs(): number {
    return this.clock.nowMs() - this.beatAtMs
  }

  private beat(): void {
    // Nothing was read since the last beat: this one does not count.
    if (this.polled !== undefined) return
    this.beatLateMs = Math.max(0, this.sinceBeatMs() - this.beatMs)
    this.beatNowMs = this.nowMs()
    this.beatAtMs = this.clock.nowMs()
    const nowMs = this.beatNowMs
    this.polled = setImmediate(() => {
      this.polled = undefined
      for (const listener of this.listeners) listener(nowMs)
    })
  }
}
