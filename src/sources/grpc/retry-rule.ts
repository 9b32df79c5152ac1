/**
 * Decides when a feed is called again, and from where when it cannot send what was asked for. Main thread.
 * A call that has served is made again at once: docs/decisions/0072-silence-is-no-fault.md.
 */
import { Backoff } from '../../common/backoff.js'
import type { CallProgress } from './call-progress.js'
import type { CallOutcome } from './grpc-call.js'

/** Calls that end as unreadable at one position, before the position is given up. */
const UNREADABLE_MAX = 3

export interface RetryRuleOptions {
  readonly backoffMinMs: number
  readonly backoffMaxMs: number
  readonly random: () => number
}

export class RetryRule {
  private readonly backoff: Backoff
  private readonly spacingMs: number
  private unreadableCount = 0

  constructor({ backoffMinMs, backoffMaxMs, random }: RetryRuleOptions) {
    this.backoff = new Backoff(backoffMinMs, backoffMaxMs, random)
    this.spacingMs = backoffMinMs
  }

  /** Whether the next call must not ask for the position after the last tick: the feed cannot send what follows. */
  get mustSkip(): boolean {
    return this.unreadableCount >= UNREADABLE_MAX
  }

  delivered(): void {
    this.unreadableCount = 0
  }

  /**
   * Notes how a call with this position ended.
   *
   * @returns whether the position is given up now
   */
  isGivenUp(outcome: CallOutcome, fromPosition: number, { hasDelivered }: CallProgress): boolean {
    if (outcome !== 'unreadable' || fromPosition === 0 || hasDelivered) return false
    return ++this.unreadableCount === UNREADABLE_MAX
  }

  /** The milliseconds to wait after a call that began `ageMs` ago. Calls begin at least the shortest backoff apart. */
  delayMs(hasServed: boolean, ageMs: number): number {
    if (!hasServed) return this.backoff.nextDelayMs()
    this.backoff.startOver()
    return Math.max(0, this.spacingMs - ageMs)
  }
}
