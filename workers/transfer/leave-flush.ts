/**
 * Gives a client the conflated ticks that wait in the audience which it leaves, or that it missed there. One lane's own.
 */
import type { JoinCommand, Progress } from '../../src/lane-protocol/lane-commands.js'
import type { StreamPlace } from '../../src/memory/stream-place.js'
import type { LaneAudience } from '../collect/lane-audience.js'
import type { AudienceDirectory } from '../conflate/audience-directory.js'
import type { CurrentStatus } from '../read/current-status.js'
import type { LogCursor } from '../read/log-cursor.js'
import { type ClientFrames, concatBytes, NO_FRAMES } from './client-frames.js'
import type { JoinFlush } from './join-flush.js'
import { isBehind, lossesSince } from './reply-messages.js'
import { missedAfter, type SnapshotTransfer } from './snapshot-transfer.js'

/**
 * Share of a turn's replies for the ticks that a client gets when it leaves: one segment holds them, the reply and a
 * chunk.
 */
const LEAVING_SHARE = 1 / 4

export interface LeaveFlushDeps {
  readonly directory: AudienceDirectory
  readonly joinFlush: JoinFlush
  readonly snapshots: SnapshotTransfer
  readonly status: CurrentStatus
  /** Stands behind the last tick taken. */
  readonly cursor: Pick<LogCursor, 'epoch'>
  /** Bytes of the replies of one turn, about. */
  readonly replyBytesMax: number
}

export class LeaveFlush {
  private readonly deps: LeaveFlushDeps

  constructor(deps: LeaveFlushDeps) {
    this.deps = deps
  }

  /** The audience that the client leaves; undefined: none. */
  audienceLeftBy({ leaving }: JoinCommand): LaneAudience | undefined {
    return this.deps.directory.get(leaving)
  }

  /**
   * The conflated ticks that wait in the audience which the client leaves. The other members get them when their
   * intervals end. Where these ticks take too many bytes for one client, all members get them now.
   */
  framesFor(join: JoinCommand, place: StreamPlace): ClientFrames {
    const { joinFlush, replyBytesMax } = this.deps
    const left = this.audienceLeftBy(join)
    if (left === undefined || isBehind(join)) return NO_FRAMES
    if (join.fellBehindAt !== null) return this.missedFrames(join, join.fellBehindAt, left, place)
    const frames = joinFlush.dirtyFrames(left, place, LEAVING_SHARE * replyBytesMax)
    if (frames !== undefined) return frames
    joinFlush.flushAll(join, left, place)
    return NO_FRAMES
  }

  /** Number of the feed's status that the client was told last: a member has been told the current one. */
  toldStatus({ fellBehindAt, leaving }: JoinCommand): number {
    if (fellBehindAt !== null) return fellBehindAt.statusNumber
    return leaving === 0 ? 0 : this.deps.status.number
  }

  /** The ticks that a client missed in the audience that it leaves, since it waited there or fell behind. */
  private missedFrames(
    join: JoinCommand,
    fellBehindAt: Progress,
    left: LaneAudience,
    place: StreamPlace,
  ): ClientFrames {
    const { replyBytesMax, snapshots } = this.deps
    left.sentUpTo(place)
    const missed = snapshots.snapshotSince(left, missedAfter(fellBehindAt))
    const composed = snapshots.compose(missed, left, LEAVING_SHARE * replyBytesMax)
    if (composed === undefined) snapshots.publish(missed, join, left)
    const { frames, ...counts } = composed ?? NO_FRAMES
    return { ...counts, frames: concatBytes(lossesSince(fellBehindAt, left, this.deps.cursor.epoch), frames) }
  }
}
