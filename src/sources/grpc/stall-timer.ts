/**
 * Notices that a feed has sent nothing for too long. Main thread. Time in which the thread was held up does not count.
 * A message costs one reading of the clock. The timer is set again when it fires, not with each message.
 */
import type { Clock, Timer } from '../../common/clock.js'
import { PatientClock } from '../../common/patient-clock.js'

export class StallTimer {
  private readonly clock: Clock
  private readonly timeoutMs: number
  private readonly onStall: (idleMs: number) => void
  /** Undefined before `open`, and always when a feed may be silent for any time. */
  private patience: PatientClock | undefined
  private timer: Timer | undefined
  private lastMessageMs = 0

  /** @param timeoutMs 0: never */
  constructor(clock: Clock, timeoutMs: number, onStall: (idleMs: number) => void) {
    this.clock = clock
    this.timeoutMs = timeoutMs
    this.onStall = onStall
  }

  /** Starts the clock, which needs `close` at the end. */
  open(): void {
    if (this.timeoutMs > 0) this.patience = new PatientClock(this.clock, this.timeoutMs)
  }

  close(): void {
    this.stop()
    this.patience?.stop()
  }

  /** Gives the feed the whole time from now on. */
  start(): void {
    this.messageReceived()
    if (this.patience !== undefined) this.checkAfter(this.patience, this.timeoutMs)
  }

  messageReceived(): void {
    if (this.patience !== undefined) this.lastMessageMs = this.patience.nowMs()
  }

  stop(): void {
    this.timer?.cancel()
  }

  private checkAfter(patience: PatientClock, delayMs: number): void {
    this.timer?.cancel()
    this.timer = patience.after(delayMs, () => {
      const idleMs = patience.nowMs() - this.lastMessageMs
      if (idleMs < this.timeoutMs) this.checkAfter(patience, this.timeoutMs - idleMs)
      else this.onStall(idleMs)
    })
  }
}
