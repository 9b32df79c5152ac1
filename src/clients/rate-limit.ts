/**
 * Lets through so many things a second, and as many at once after a quiet second. Main thread.
 */
import type { Clock } from '../clock.js'

export class RateLimit {
  private readonly perSecond: number
  private readonly clock: Clock
  private left: number
  private filledMs: number

  constructor(perSecond: number, clock: Clock) {
    this.perSecond = perSecond
    this.clock = clock
    this.left = perSecond
    this.filledMs = clock.nowMs()
  }

  /** Counts one. @returns false when it is one too many, which is not counted */
  tryTake(): boolean {
    const nowMs = this.clock.nowMs()
    this.left = Math.min(this.perSecond, this.left + ((nowMs - this.filledMs) / 1000) * this.perSecond)
    this.filledMs = nowMs
    if (this.left < 1) return false
    this.left--
    return true
  }
}
