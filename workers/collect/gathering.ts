/**
 * What is to go into frames: not bytes but runs, which of the turn's encoded ticks, first to last. Where a gap has to be told
 * between two ticks, a run stands for the gap. One lane's own.
 */

const RUNS_AT_FIRST = 8

export class FramePlan {
  /** Pairs: first and last encoded tick; or a gap, as −1 − its index, and anything. */
  runs = new Int32Array(2 * RUNS_AT_FIRST)
  runCount = 0
  /** Ticks in the runs. */
  tickCount = 0
  /** What the runs will take in the frame ring at the most, without the message around them. */
  gatheredBytes = 0

  /** @param bytes what the tick adds to the frames at the most */
  gatherTick(tick: number, bytes: number): void {
    const last = this.runCount * 2 - 1
    if (this.runCount > 0 && this.runs[last] === tick - 1 && this.runs[last - 1]! >= 0) this.runs[last] = tick
    else this.addRun(tick, tick)
    this.tickCount++
    this.gatheredBytes += bytes
  }

  gatherGap(gap: number, bytes: number): void {
    this.addRun(-1 - gap, 0)
    this.gatheredBytes += bytes
  }

  /** Forgets what was gathered, once it is published. */
  clear(): void {
    this.runCount = 0
    this.tickCount = 0
    this.gatheredBytes = 0
  }

  private addRun(first: number, last: number): void {
    const at = this.runCount * 2
    if (at === this.runs.length) {
      const wider = new Int32Array(at * 2)
      wider.set(this.runs)
      this.runs = wider
    }
    this.runs[at] = first
    this.runs[at + 1] = last
    this.runCount++
  }
}
