/**
 * Starts lanes in groups, so that the main thread gets its turn meanwhile. Main thread.
 * Always: a group starts when each lane of the group before has begun its work or has failed.
 */
import { availableParallelism } from 'node:os'
import type { Clock, Timer } from '../common/clock.js'

/**
 * A thread takes 0.1 s of a processor to start. A hundred at once, on two processors, held the main thread up for 10 s.
 */
const GROUP_LANES_MAX = Math.max(8, availableParallelism())
const LOOK_PERIOD_MS = 20

export interface LaneGroupsDeps {
  readonly laneCount: number
  readonly clock: Pick<Clock, 'every'>
  readonly hasBegun: (lane: number) => boolean
  readonly start: (lanes: readonly number[]) => void
}

export class LaneGroups {
  private readonly deps: LaneGroupsDeps
  private readonly timer: Timer
  /** Lanes of the last group that have neither begun nor failed. */
  private readonly awaited = new Set<number>()
  private startedCount = 0

  constructor(deps: LaneGroupsDeps) {
    this.deps = deps
    this.timer = deps.clock.every(LOOK_PERIOD_MS, () => this.look())
    this.startNext()
  }

  laneFailed(lane: number): void {
    this.awaited.delete(lane)
  }

  stop(): void {
    this.timer.cancel()
  }

  private look(): void {
    for (const lane of this.awaited) if (this.deps.hasBegun(lane)) this.awaited.delete(lane)
    if (this.awaited.size > 0) return
    if (this.startedCount < this.deps.laneCount) this.startNext()
    else this.stop()
  }

  private startNext(): void {
    const first = this.startedCount
    const count = Math.min(GROUP_LANES_MAX, this.deps.laneCount - first)
    const group = Array.from({ length: count }, (_, index) => first + index)
    for (const lane of group) this.awaited.add(lane)
    this.startedCount += count
    this.deps.start(group)
  }
}
