/**
 * Limits a rate: so many takes a second, and a burst after a quiet time. Main thread.
 */
import type { Clock } from './clock.js'

export class TokenBucket {
  private readonly perSecond: number
  private readonly burst: number
  private readonly clock: Clock
  private tokens: number
  private filledMs: number

  /** @param burst most takes at once after a quiet time */
  constructor(perSecond: number, clock: Clock, burst = perSecond) {
    this.perSecond = perSecond
    this.burst = burst
    this.clock = clock
    this.tokens = burst
    this.filledMs = clock.nowMs()
  }

  /** Takes a token. Returns false, and takes none, when the bucket is empty. */
  tryTake(): boolean {
    const nowMs = this.clock.nowMs()
    this.tokens = Math.min(this.burst, this.tokens + ((nowMs - this.filledMs) / 1000) * this.perSecond)
    this.filledMs = nowMs
    if (this.tokens < 1) return false
    this.tokens--
    return true
  }
}
