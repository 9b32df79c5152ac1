/**
 * Commits how far the lane has read: the main thread may overwrite the log up to there, and a successor begins there.
 * One lane's own; called only when all that was collected is published.
 */
import type { CommitPoint, CommittedState } from '../src/memory/committed-state.js'
import { FOR_COMMIT } from '../src/memory/control-words.js'
import type { LaneWakeUp } from '../src/memory/lane-wake-up.js'
import type { LatestTicks } from './conflate/latest-ticks.js'
import type { LaneControl } from './lane-control.js'
import type { FeedContinuity } from './read/feed-continuity.js'

export interface LaneCommitDeps {
  readonly control: LaneControl
  readonly wakeUp: LaneWakeUp
  readonly state: CommittedState
  readonly latest: LatestTicks
  readonly continuity: FeedContinuity
}

export class LaneCommit {
  private readonly deps: LaneCommitDeps
  private cursor: number
  private offset: number

  /** @param committed the state that the lane begins with */
  constructor(deps: LaneCommitDeps, { cursor, offset }: CommitPoint) {
    this.deps = deps
    this.cursor = cursor
    this.offset = offset
  }

  /** @param cursor position in the tick log from which a successor reads @param offset of the last tick taken */
  commit(cursor: number, offset: number): void {
    if (cursor === this.cursor && offset === this.offset) return
    const { latest } = this.deps
    this.cursor = cursor
    this.offset = offset
    latest.write()
    this.publish()
    latest.committed()
  }

  /** Publishes the last commit. A lane that died in the midst of it may have left the main thread with an older one. */
  publish(): void {
    const { continuity, control, wakeUp, state } = this.deps
    state.commit({ cursor: this.cursor, offset: this.offset, ...continuity.state })
    // A paused source, or what waits for room in the log.
    if (control.mainWaits(FOR_COMMIT)) wakeUp.wakeMain()
  }
}
