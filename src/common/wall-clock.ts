/**
 * Follows the system's clock, which is stepped when it was wrong, with the precision of the monotonic clock. Any thread.
 * All threads of a process find the same step, each within a second.
 */

/** A reading of the system's clock costs less than a thousandth of that. */
const CHECK_PERIOD_MS = 1_000
/** The system's clock counts whole milliseconds. A smaller step would be noise. */
const STEP_MS_MIN = 5
/** A clock that stands still is not waited for. */
const EDGE_WAIT_MS_MAX = 2

export class WallClock {
  private readonly epochMs: () => number
  private readonly systemMs: () => number
  private checkAtMs = 0
  private aheadMs = 0

  /**
   * @param epochMs monotonic milliseconds since the Unix epoch, with a fraction
   * @param systemMs the system's clock in whole milliseconds since the Unix epoch
   */
  constructor(epochMs: () => number, systemMs: () => number) {
    this.epochMs = epochMs
    this.systemMs = systemMs
  }

  /** How far the system's clock is ahead of the monotonic one, in whole µs. */
  aheadUs(): number {
    const nowMs = this.epochMs()
    if (nowMs >= this.checkAtMs) {
      this.checkAtMs = nowMs + CHECK_PERIOD_MS
      if (Math.abs(this.systemMs() - nowMs - this.aheadMs) > STEP_MS_MIN) this.aheadMs = this.measure()
    }
    return Math.round(this.aheadMs * 1_000)
  }

  /** Waits for the next millisecond of the system's clock, so that the result is exact and the same in each thread. */
  private measure(): number {
    const beforeMs = this.systemMs()
    const endMs = this.epochMs() + EDGE_WAIT_MS_MAX
    let systemMs = beforeMs
    let nowMs = this.epochMs()
    while (systemMs === beforeMs && nowMs < endMs) {
      systemMs = this.systemMs()
      nowMs = this.epochMs()
    }
    return systemMs - nowMs
  }
}
