/**
 * The delay before a crashed lane is replaced: none at first, then doubled with each crash. Main thread.
 */

/** One restart for an accident, one that confirms a suspect, one without the suspect. */
const IMMEDIATE_RESTARTS = 3
const DELAY_MS_MIN = 50
const DELAY_MS_MAX = 5_000

export class RestartDelay {
  private crashes = 0

  /** Counts a crash. @returns the milliseconds to wait */
  nextDelayMs(): number {
    const doublings = this.crashes - IMMEDIATE_RESTARTS
    this.crashes++
    return doublings < 0 ? 0 : Math.min(DELAY_MS_MAX, DELAY_MS_MIN * 2 ** doublings)
  }

  /** The next crash counts as the first. */
  startOver(): void {
    this.crashes = 0
  }
}
