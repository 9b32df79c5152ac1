/**
 * Limits a rate: tokens come back at a steady rate, up to a burst after a quiet time. Main thread.
 * `tryTake` waits for tokens; `charge` takes tokens on credit, and the debt is paid back by time.
 */
import type { Clock } from './clock.js'
import type { PatientClock } from './patient-clock.js'

export class TokenBucket {
  private readonly perSecond: number
  private readonly burst: number
  private readonly clock: Clock
  private readonly patience: Pick<PatientClock, 'heldUpMs'>
  /** Negative: a debt. */
  private tokens: number
  private filledMs: number

  /**
   * @param patience messages that came while the thread was held up arrive at once, and count as if they had come one by one
   * @param burst most tokens after a quiet time
   */
  constructor(perSecond: number, clock: Clock, patience: Pick<PatientClock, 'heldUpMs'>, burst = perSecond) {
    this.perSecond = perSecond
    this.burst = burst
    this.clock = clock
    this.patience = patience
    this.tokens = this.tokensMax()
    this.filledMs = clock.nowMs()
  }

  /** Takes a token. @returns false, and takes none, when there is none */
  tryTake(): boolean {
    this.fill()
    if (this.tokens < 1) return false
    this.tokens--
    return true
  }

  /** Takes tokens, also on credit. A negative count gives tokens back. */
  charge(count: number): void {
    this.fill()
    this.tokens = Math.min(this.tokensMax(), this.tokens - count)
  }

  /** Takes so many tokens as far as there are, and leaves no debt. */
  spend(count: number): void {
    this.fill()
    this.tokens -= Math.max(0, Math.min(count, this.tokens))
  }

  /** The time until the debt is paid; 0 without a debt. */
  debtMs(): number {
    this.fill()
    return Math.max(0, (-this.tokens / this.perSecond) * 1000)
  }

  /** Whether the bucket is as good as a new one. */
  isFull(): boolean {
    this.fill()
    return this.tokens >= this.burst
  }

  private fill(): void {
    const nowMs = this.clock.nowMs()
    this.tokens = Math.min(this.tokensMax(), this.tokens + ((nowMs - this.filledMs) / 1000) * this.perSecond)
    this.filledMs = nowMs
  }

  private tokensMax(): number {
    return this.burst + (this.patience.heldUpMs() / 1000) * this.perSecond
  }
}
