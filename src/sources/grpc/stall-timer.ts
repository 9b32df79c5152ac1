/**
 * Notices that a feed has sent nothing for too long. Main thread.
 * A message costs one reading of the clock. The timer is set again when it fires, not with each message.
 */
import type { Clock, Timer } from '../../common/clock.js'
import { PatientClock } from '../../common/patient-clock.js'

export class StallTimer {
  readonly #clock: Clock
  /** Counts the time in which the thread could read. Undefined before the first start, and for a timeout of 0. */
  #patience: PatientClock | undefined
  readonly #timeoutMs: number
  readonly #onStall: (idleMs: number) => void
  #timer: Timer | undefined
  #lastMessageMs = 0

  /** @param timeoutMs 0: never */
  constructor(clock: Clock, timeoutMs: number, onStall: (idleMs: number) => void) {
    this.#clock = clock
    this.#timeoutMs = timeoutMs
    this.#onStall = onStall
  }

  /** Gives the feed the whole time from now on. */
  start(): void {
    if (this.#timeoutMs === 0) return
    this.#patience ??= new PatientClock(this.#clock, this.#timeoutMs)
    this.messageReceived()
    this.#checkAfter(this.#patience, this.#timeoutMs)
  }

  messageReceived(): void {
    if (this.#patience !== undefined) this.#lastMessageMs = this.#patience.nowMs()
  }

  stop(): void {
    this.#timer?.cancel()
  }

  /** Stops for good: the timer is not started again. */
  dispose(): void {
    this.stop()
    this.#patience?.stop()
  }

  #checkAfter(patience: PatientClock, delayMs: number): void {
    this.#timer?.cancel()
    this.#timer = patience.after(delayMs, () => {
      const idleMs = patience.nowMs() - this.#lastMessageMs
      if (idleMs < this.#timeoutMs) this.#checkAfter(patience, this.#timeoutMs - idleMs)
      else this.#onStall(idleMs)
    })
  }
}
