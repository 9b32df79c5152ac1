/**
 * Finds what makes lanes crash: a tick, or a client whose request a lane serves. Main thread.
 * A suspect at which two lives of one lane in a row have ended is quarantined: no lane works on it again.
 * Reason: docs/decisions/0050-two-crashes-make-a-quarantine.md
 */
export class CrashSuspects {
  private readonly lifetimeMsMax: number
  /** What each lane worked on at its last crash; 0: nothing of this sort. */
  private readonly suspects: number[]
  private readonly ids = new Set<number>()

  /** @param lifetimeMsMax a lane that had lived longer accuses nothing: its suspect may be there by chance */
  constructor(laneCount: number, lifetimeMsMax: number) {
    this.lifetimeMsMax = lifetimeMsMax
    this.suspects = new Array<number>(laneCount).fill(0)
  }

  /** Serial numbers of ticks, or ids of clients. */
  get quarantined(): readonly number[] {
    return [...this.ids]
  }

  /**
   * Notes the crash of a lane.
   *
   * @param current what the lane worked on; 0: nothing of this sort
   * @param lifetimeMs how long the lane had lived
   * @returns whether `current` is quarantined by this crash
   */
  noteCrash(lane: number, current: number, lifetimeMs: number): boolean {
    const isConfirmed = current !== 0 && this.suspects[lane] === current && lifetimeMs <= this.lifetimeMsMax
    this.suspects[lane] = current
    if (isConfirmed) this.ids.add(current)
    return isConfirmed
  }
}
