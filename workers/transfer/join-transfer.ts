/**
 * Replies to clients that join an audience, without a replay. One lane's own.
 * A join holds at the place at which the lane replies: up to there the client gets all ticks of the audience that it
 * leaves.
 */

import { goodbyeOf, type JoinCommand, wantsAllLatest } from '../../src/lane-protocol/lane-commands.js'
import { AWAIT_FLUSH, LIVE } from '../../src/memory/reply-descriptor.js'
import type { StreamPlace } from '../../src/memory/stream-place.js'
import type { LaneAudience } from '../collect/lane-audience.js'
import type { CurrentStatus } from '../read/current-status.js'
import type { LogCursor } from '../read/log-cursor.js'
import { concatBytes } from './client-frames.js'
import type { JoinFlush } from './join-flush.js'
import type { LatestSearch, Missed } from './latest-search.js'
import type { LeaveFlush } from './leave-flush.js'
import { goodbyeFrame, isBehind, joinReply } from './reply-messages.js'
import type { RequestBatch } from './request-queue.js'
import {
  ALL_TICKS,
  type JoinReply,
  missedAfter,
  NO_TICKS,
  type SnapshotTransfer,
} from './snapshot-transfer.js'

/**
 * Bound on the copies of one snapshot, in multiples of a turn's replies: to encode takes fifty times as long as to
 * copy.
 */
const COPIES_MAX = 8

export interface JoinTransferDeps {
  /** Stands behind the last tick taken. */
  readonly cursor: Pick<LogCursor, 'epoch'>
  readonly status: CurrentStatus
  readonly joinFlush: JoinFlush
  readonly leaveFlush: LeaveFlush
  readonly snapshots: SnapshotTransfer
  /** Bytes of the replies of one turn, about. */
  readonly replyBytesMax: number
  /** Names the client that the lane works for now, in shared memory. */
  readonly setCurrentClient: (client: number) => void
}

export class JoinTransfer {
  private readonly deps: JoinTransferDeps

  constructor(deps: JoinTransferDeps) {
    this.deps = deps
  }

  /** Prepares the snapshot of a request: see `SnapshotTransfer.prepare`. */
  prepare(join: JoinCommand, audience: LaneAudience): Generator<void, LatestSearch> {
    return this.deps.snapshots.prepare(join, audience, missedBy(join))
  }

  /** Replies to the first request of a batch, and to others that get the same snapshot. @returns bytes */
  reply(batch: RequestBatch, audience: LaneAudience, place: StreamPlace): number {
    const { replyBytesMax, setCurrentClient, snapshots } = this.deps
    const { join, prepared } = batch.first!
    setCurrentClient(join.client)
    const snapshot = snapshots.snapshotFor(join, audience, missedBy(join), prepared)
    const joins = batch.takeAlike((COPIES_MAX * replyBytesMax) / (snapshot.bytes + 1))
    const replies = joins.map(each => this.replyTo(each, audience, place))
    return snapshots.reply(replies, audience, snapshot)
  }

  private replyTo(join: JoinCommand, audience: LaneAudience, place: StreamPlace): JoinReply {
    const { cursor, joinFlush, leaveFlush, setCurrentClient, status } = this.deps
    setCurrentClient(join.client)
    const isGoodbye = goodbyeOf(join.replies) !== undefined
    // The audience is prepared first: a client that joins the audience that it is in gets the flush with the other
    // members. For a client that leaves nobody is flushed early.
    if (isGoodbye && join.leaving === join.audience) joinFlush.advance(audience, place)
    else joinFlush.prepare(join, audience, place)
    const leaving = leaveFlush.framesFor(join, place)
    const outcome = !isGoodbye && joinFlush.hasDirtyTicks(audience) ? AWAIT_FLUSH : LIVE
    return {
      ...leaving,
      join,
      frames: concatBytes(
        leaving.frames,
        joinReply(join, audience, cursor.epoch),
        status.frameAfter(leaveFlush.toldStatus(join)),
      ),
      framesAfter: goodbyeFrame(join, audience, cursor.epoch.name),
      outcome,
      firstOutcome: outcome,
    }
  }
}

/** The ticks of which a client gets the latest, beside those of the symbols that it asked for. */
function missedBy(join: JoinCommand): Missed {
  if (wantsAllLatest(join.replies)) return ALL_TICKS
  return isBehind(join) ? missedAfter(join.fellBehindAt!) : NO_TICKS
}
