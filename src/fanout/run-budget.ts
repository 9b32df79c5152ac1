/**
 * The time of one run of the transmitter. Main thread.
 */
import type { Clock } from '../common/clock.js'

/** Writes between two looks at the clock: about a third of a millisecond. */
const WRITES_PER_LOOK = 32

export class RunBudget {
  private readonly clock: Pick<Clock, 'nowMs'>
  private readonly budgetMs: number
  private deadlineMs = 0
  private writesUntilLook = WRITES_PER_LOOK

  constructor(clock: Pick<Clock, 'nowMs'>, budgetMs: number) {
    this.clock = clock
    this.budgetMs = budgetMs
  }

  /** A run begins. */
  begin(nowMs: number): void {
    this.deadlineMs = nowMs + this.budgetMs
  }

  /** Counts a write. @returns whether to look at the clock now */
  countWrite(): boolean {
    if (--this.writesUntilLook > 0) return false
    this.writesUntilLook = WRITES_PER_LOOK
    return true
  }

  /** Looks at the clock. */
  get isSpent(): boolean {
    return this.clock.nowMs() >= this.deadlineMs
  }
}
