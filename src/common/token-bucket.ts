/**
 * Lets through so many things a second, and a burst of them after a quiet time. Main thread.
 */
import type { Clock } from './clock.js'

export class TokenBucket {
  private readonly perSecond: number
  private readonly burst: number
  private readonly clock: Clock
  private left: number
  private filledMs: number

  /** @param burst how many at once after a quiet time */
  constructor(perSecond: number, clock: Clock, burst = perSecond) {
    this.perSecond = perSecond
    this.burst = burst
    this.clock = clock
    this.left = burst
    this.filledMs = clock.nowMs()
  }

  /** Counts one. @returns false when it is one too many, which is not counted */
  tryTake(): boolean {
    const nowMs = this.clock.nowMs()
    this.left = Math.min(this.burst, this.left + ((nowMs - this.filledMs) / 1000) * this.perSecond)
    this.filledMs = nowMs
    if (this.left < 1) return false
    this.left--
    return true
  }
}
