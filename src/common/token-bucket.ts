/**
 * Limits a rate: so many takes a second, and a burst after a quiet time. Main thread.
 */
import type { Clock } from './clock.js'
import type { PatientClock } from './patient-clock.js'

export class TokenBucket {
  private readonly perSecond: number
  private readonly burst: number
  private readonly clock: Clock
  private readonly patience: Pick<PatientClock, 'heldUpMs'>
  private tokens: number
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
    this.tokens = this.most()
    this.filledMs = clock.nowMs()
  }

  /** Takes a token. Returns false, and takes none, when the bucket is empty. */
  tryTake(): boolean {
    const nowMs = this.clock.nowMs()
    this.tokens = Math.min(this.most(), this.tokens + ((nowMs - this.filledMs) / 1000) * this.perSecond)
    this.filledMs = nowMs
    if (this.tokens < 1) return false
    this.tokens--
    return true
  }
  /** How many may come at once now. */
  private most(): number {
    return this.burst + (this.patience.heldUpMs() / 1000) * this.perSecond
  }
}
