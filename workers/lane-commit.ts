/**
 * Commits how far the lane has read: the main thread may overwrite the log up to there, and a successor begins there.
 * One lane's own; called only when all that was collected is published.
 */
import type { CommitPoint, CommittedState } from '../src/memory/committed-state.js'
import { FOR_COMMIT } from '../src/memory/control-words.js'
import type { LaneWakeUp } from '../src/memory/lane-wake-up.js'
import type { StreamPlace } from '../src/memory/stream-place.js'
import type { LatestTicks } from './conflate/latest-ticks.js'
import type { LaneControl } from './lane-control.js'

export interface LaneCommitDeps {
  readonly control: LaneControl
  readonly wakeUp: LaneWakeUp
  readonly state: CommittedState
  readonly latest: LatestTicks
}

export class LaneCommit {
  private readonly deps: LaneCommitDeps
  private cursor: number
  private place: StreamPlace

  /** @param committed the state that the lane begins with */
  constructor(deps: LaneCommitDeps, { cursor, ...place }: CommitPoint) {
    this.deps = deps
    this.cursor = cursor
    this.place = place
  }

  /** @param cursor position in the tick log from which a successor reads @param place behind the last tick taken */
  commit(cursor: number, place: StreamPlace): void {
    if (cursor === this.cursor && place.serial === this.place.serial) return
    const { latest } = this.deps
    this.cursor = cursor
    this.place = place
    latest.write()
    this.publish()
    latest.committed()
  }

  /** Publishes the last commit. A lane that died in the midst of it may have left the main thread with an older one. */
  publish(): void {
    const { control, wakeUp, state } = this.deps
    state.commit({ cursor: this.cursor, ...this.place })
    // A paused source, or what waits for room in the log.
    if (control.mainWaits(FOR_COMMIT)) wakeUp.wakeMain()
  }
}
