/**
 * The states of the feed that the lanes may still have to know. Main thread. A successor begins at a place of the tick
 * log and must know the state at that place. Bounded by the records of the log: older states are forgotten.
 */
import { type Clock, wallUs } from '../common/clock.js'
import { type FeedStatus, STATUS_AT_START } from '../lane-protocol/stream-events.js'
import { distance } from '../memory/ring-position.js'
import type { FeedState } from '../protocol/messages.js'

interface LoggedStatus {
  /** Position after its record in the tick log; undefined: it holds from the beginning of the log. */
  readonly position: number | undefined
  readonly status: FeedStatus
}

export class FeedStatusLog {
  private readonly clock: Pick<Clock, 'epochUs' | 'aheadUs'>
  private newest = STATUS_AT_START
  /** In the order of the log; the first one holds at the slowest lane. */
  private logged: LoggedStatus[] = [{ position: undefined, status: STATUS_AT_START }]

  constructor(clock: Pick<Clock, 'epochUs' | 'aheadUs'>) {
    this.clock = clock
  }

  /** The number of states that it keeps. */
  get size(): number {
    return this.logged.length
  }

  /** @returns the new status; undefined: nothing has changed */
  change(feed: FeedState, reason: string | undefined): FeedStatus | undefined {
    const { number, ...before } = this.newest
    const isSameState = number > 0 && before.feed === feed
    if (isSameState && before.reason === reason) return undefined
    const sinceUs = isSameState ? before.sinceUs : wallUs(this.clock)
    this.newest = { number: number + 1, feed, sinceUs, reason }
    return this.newest
  }

  /**
   * Notes that a status stands in the log.
   *
   * @param position after its record
   * @param slowestCursor of the lanes
   */
  append(status: FeedStatus, position: number, slowestCursor: number): void {
    const { logged } = this
    logged.push({ position, status })
    let passed = 0
    while (passed + 1 < logged.length && distance(logged[passed + 1]!.position!, slowestCursor) >= 0) passed++
    logged.splice(0, passed)
  }

  /** The status that holds at a place of the log which the slowest lane has not passed. */
  at(position: number): FeedStatus {
    let { status } = this.logged[0]!
    for (const next of this.logged.slice(1)) {
      if (distance(next.position!, position) < 0) break
      status = next.status
    }
    return status
  }
}
