/**
 * Notices that a feed has sent nothing for too long. Main thread. Time in which the thread was held up does not count.
 * A message costs one reading of the clock. The timer is set again when it fires, not with each message.
 */
import type { Clock, Timer } from '../../common/clock.js'
import { PatientClock } from '../../common/patient-clock.js'

export class StallTimer {
  readonly #clock: Clock
  readonly #timeoutMs: number
  readonly #onStall: (idleMs: number) => void
  /** Undefined before `open`, and always when a feed may be silent for any time. */
  #patience: PatientClock | undefined
  #timer: Timer | undefined
  #lastMessageMs = 0

  /** @param timeoutMs 0: never */
  constructor(clock: Clock, timeoutMs: number, onStall: (idleMs: number) => void) {
    this.#clock = clock
    this.#timeoutMs = timeoutMs
    this.#onStall = onStall
  }

  /** Starts the clock, which needs `close` at the end. */
  open(): void {
    if (this.#timeoutMs > 0) this.#patience = new PatientClock(this.#clock, this.#timeoutMs)
  }

  close(): void {
    this.stop()
    this.#patience?.stop()
  }

  /** Gives the feed the whole time from now on. */
  start(): void {
    this.messageReceived()
    if (this.#patience !== undefined) this.#checkAfter(this.#patience, this.#timeoutMs)
  }

  messageReceived(): void {
    if (this.#patience !== undefined) this.#lastMessageMs = this.#patience.nowMs()
  }

  stop(): void {
    this.#timer?.cancel()
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
