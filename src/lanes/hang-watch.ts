/**
 * Finds out whether one lane hangs: it has work, and its heartbeat stands still for the timeout. Main thread.
 * The times are those of a `PatientClock`, so a pause of the process is not held against the lane.
 */
export class HangWatch {
  private readonly timeoutMs: number
  private heartbeat = 0
  private stillSinceMs = 0

  constructor(timeoutMs: number) {
    this.timeoutMs = timeoutMs
  }

  /** The lane's time begins anew. */
  startOver(nowMs: number): void {
    this.stillSinceMs = nowMs
  }

  /** @returns whether the lane hangs */
  isHanging(hasWork: boolean, heartbeat: number, nowMs: number): boolean {
    if (hasWork && heartbeat === this.heartbeat) return nowMs - this.stillSinceMs >= this.timeoutMs
    this.heartbeat = heartbeat
    this.stillSinceMs = nowMs
    return false
  }
}
