/**
 * Notices that a feed has sent nothing for too long. Main thread.
 * A message costs one reading of the clock. The timer is set again when it fires, not with each message.
 */
import type { Clock, Timer } from '../../common/clock.js'

export class StallTimer {
  readonly #clock: Clock
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
    this.messageReceived()
    this.#checkAfter(this.#timeoutMs)
  }

  messageReceived(): void {
    this.#lastMessageMs = this.#clock.nowMs()
  }

  stop(): void {
    this.#timer?.cancel()
  }

  #checkAfter(delayMs: number): void {
    this.#timer?.cancel()
    this.#timer = this.#clock.after(delayMs, () => {
      const idleMs = this.#clock.nowMs() - this.#lastMessageMs
      if (idleMs < this.#timeoutMs) this.#checkAfter(this.#timeoutMs - idleMs)
      else this.#onStall(idleMs)
    })
  }
}
