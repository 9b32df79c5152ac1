/**
 * Lets through so many things a second, and a burst of them after a quiet time. Main thread.
 */
import type { Clock } from './clock.js'
import type { PatientClock } from './patient-clock.js'

export class TokenBucket {
  private readonly perSecond: number
  private readonly burst: number
  private readonly clock: Clock
  private readonly patience: Pick<PatientClock, 'heldUpMs'>
  private left: number
  private filledMs: number

  /**
   * @param patience what came while the thread was held up comes at once, and is let through as if it had come one by one
   * @param burst how many at once after a quiet time
   */
  constructor(perSecond: number, clock: Clock, patience: Pick<PatientClock, 'heldUpMs'>, burst = perSecond) {
    this.perSecond = perSecond
    this.burst = burst
    this.clock = clock
    this.patience = patience
    this.left = this.most()
    this.filledMs = clock.nowMs()
  }

  /** Counts one. @returns false when it is one too many, which is not counted */
  tryTake(): boolean {
    const nowMs = this.clock.nowMs()
    this.left = Math.min(this.most(), this.left + ((nowMs - this.filledMs) / 1000) * this.perSecond)
    this.filledMs = nowMs
    if (this.left < 1) return false
    this.left--
    return true
  }
  /** How many may come at once now. */
  private most(): number {
    return this.burst + (this.patience.heldUpMs() / 1000) * this.perSecond
  }
}
