/**
 * A plan for frames: runs of the turn's encoded ticks, and between them the gaps to tell. One lane's own.
 *
 *   runs   | first tick, last tick | −1 − gap, 0 | first tick, last tick | …        int32 each
 */

const RUNS_AT_FIRST = 8

export class FramePlan {
  /** Pairs, as drawn above: indexes into the turn's encoded ticks, or into its gaps. */
  runs = new Int32Array(2 * RUNS_AT_FIRST)
  runCount = 0
  /** Ticks in the runs. */
  tickCount = 0
  /** At most so many bytes the runs take in frames, without the message around them. */
  planBytes = 0

  /** @param bytes that the tick adds to the frames at most */
  addTick(tick: number, bytes: number): void {
    const last = this.runCount * 2 - 1
    if (this.runCount > 0 && this.runs[last] === tick - 1 && this.runs[last - 1]! >= 0) this.runs[last] = tick
    else this.addRun(tick, tick)
    this.tickCount++
    this.planBytes += bytes
  }

  /** @param gap index of one of the turn's gaps @param bytes that the gap adds to the frames at most */
  addGap(gap: number, bytes: number): void {
    this.addRun(-1 - gap, 0)
    this.planBytes += bytes
  }

  /** Empties the plan, once its frames are written. */
  clear(): void {
    this.runCount = 0
    this.tickCount = 0
    this.planBytes = 0
  }

  private addRun(first: number, last: number): void {
    const index = this.runCount * 2
    if (index === this.runs.length) {
      const larger = new Int32Array(index * 2)
      larger.set(this.runs)
      this.runs = larger
    }
    this.runs[index] = first
    this.runs[index + 1] = last
    this.runCount++
  }
}
