/**
 * Gives clients that were away the ticks that they missed, part by part. With the last part the client joins. One
 * lane's own. See docs/decisions/0012-a-resume-is-a-chain-of-joins.md.
 */
import {
  type CommandReply,
  type JoinCommand,
  RESUME_GONE,
  type ReplayPosition,
  type ReplayProgress,
  type ReplayStart,
} from '../../src/lane-protocol/lane-commands.js'
import { CONTINUITY_AT_START } from '../../src/memory/continuity-state.js'
import { LIVE, UNCHANGED } from '../../src/memory/reply-descriptor.js'
import type { LaneAudience } from '../collect/lane-audience.js'
import type { AudienceDirectory } from '../conflate/audience-directory.js'
import type { LaneSymbol } from '../conflate/lane-symbol.js'
import type { CurrentStatus } from '../read/current-status.js'
import { type ClientFrames, concatBytes, concatFrames, NO_BYTES, NO_FRAMES } from './client-frames.js'
import type { JoinFlush } from './join-flush.js'
import type { Missed } from './latest-search.js'
import type { LeaveFlush } from './leave-flush.js'
import type { PlaceSince, ReplayPart, ReplayRange, ReplayReader } from './replay-reader.js'
import { liveReply, notResumedReply, replayBrokenReply, resumedReply } from './reply-messages.js'
import type { PartOutcome, ReplyPublisher } from './reply-publisher.js'
import {
  ALL_CONFLATED,
  ALL_TICKS,
  type JoinReply,
  NO_TICKS,
  type SnapshotTransfer,
} from './snapshot-transfer.js'

export interface ReplayTransferDeps {
  readonly epoch: string
  readonly directory: AudienceDirectory
  readonly status: CurrentStatus
  readonly joinFlush: JoinFlush
  readonly leaveFlush: LeaveFlush
  readonly reader: ReplayReader<LaneSymbol>
  readonly snapshots: SnapshotTransfer
  readonly replyPublisher: ReplyPublisher
  /** Names the client that the lane works for now, in shared memory. */
  readonly setCurrentClient: (client: number) => void
}

/** The part of a replay that begins. */
interface Beginning {
  readonly range: ReplayRange
  /** False: the client wants ticks before the range, too, and nobody has them. */
  readonly isWhole: boolean
  /** What the client gets of the audience that it leaves. */
  readonly leaving: ClientFrames
  readonly statusNumber: number
}

export class ReplayTransfer {
  private readonly deps: ReplayTransferDeps

  constructor(deps: ReplayTransferDeps) {
    this.deps = deps
  }

  /** Replies with the part of the replay that follows `replay`. @returns bytes */
  reply(
    join: JoinCommand,
    replay: ReplayStart | ReplayProgress,
    audience: LaneAudience,
    offset: number,
  ): number {
    const { joinFlush, setCurrentClient } = this.deps
    setCurrentClient(join.client)
    joinFlush.prepare(join, audience, offset)
    if (replay !== RESUME_GONE && 'continuity' in replay) return this.continue(join, replay, audience)
    return this.begin(join, replay, audience, offset)
  }

  private begin(join: JoinCommand, start: ReplayStart, audience: LaneAudience, offset: number): number {
    const { leaveFlush } = this.deps
    const leaving = leaveFlush.framesFor(join, offset)
    if (start === RESUME_GONE) return this.notResumed(join, audience, leaving, undefined)
    const earlier = leaveFlush.audienceLeftBy(join)
    const place = this.placeOf(start, audience.sentOffset)
    const reached = earlier === undefined ? place.offset : audience.sentOffset
    // Of latest ticks the client gets none of the past.
    const isPastDue = addsEveryTick(join.replies)
    const from = earlier === undefined || isPastDue ? place.offset : reached
    const isWhole = place.isWhole || !isPastDue
    const range: ReplayRange = { offset: from, seq: 0, continuity: null, reached, earlier }
    const part = this.nextPart(range, audience)
    if (part === undefined) return this.notResumed(join, audience, leaving, from)
    const statusNumber = leaveFlush.toldStatus(join)
    return this.replayFirst(join, audience, { range, isWhole, leaving, statusNumber }, part)
  }

  private placeOf(start: Exclude<ReplayStart, typeof RESUME_GONE>, endOffset: number): PlaceSince {
    return 'sinceUs' in start
      ? this.deps.reader.placeSince(start.sinceUs, endOffset)
      : { offset: start.afterOffset, isWhole: true }
  }

  private replayFirst(
    join: JoinCommand,
    audience: LaneAudience,
    { isWhole, leaving, range, statusNumber }: Beginning,
    part: ReplayPart,
  ): number {
    const { offset: start, reached } = range
    const { continuity, offset, seq, ticks } = part
    const isChange = range.earlier !== undefined
    const { epoch } = this.deps
    const head = resumedReply(join, audience, epoch, range, isChange ? reached : undefined, isWhole)
    const frames = concatFrames(leaving, { ...NO_FRAMES, frames: head }, part)
    const position = { start, offset, reached, seq, ticks, statusNumber, continuity }
    // A segment of the ring may have no room for a snapshot beside the replies to several commands, and what the client
    // gets of the earlier audience.
    const mayEnd = !isChange && join.replies.length === 1
    if (!mayEnd || offset < audience.sentOffset) return this.publish(join, audience, frames, position)
    return this.end(join, audience, frames, position)
  }

  private continue(join: JoinCommand, replay: ReplayProgress, audience: LaneAudience): number {
    const { earlier, ...before } = replay
    const part = this.nextPart({ ...before, earlier: this.deps.directory.get(earlier) }, audience)
    if (part === undefined) return this.broken(join, audience, before)
    const { continuity, offset, seq, ticks } = part
    const position = { ...before, offset, seq, continuity, ticks: before.ticks + ticks }
    if (offset < audience.sentOffset) return this.publish(join, audience, part, position)
    return this.end(join, audience, part, position)
  }

  private nextPart(range: ReplayRange, audience: LaneAudience): ReplayPart | undefined {
    const offset = audience.sentOffset
    if (audience.deliveries.hasEvery) return this.deps.reader.next(range, audience, offset)
    // The client gets the latest ticks at most, and none of the past, so any continuity will do.
    return { ...NO_FRAMES, offset, seq: range.seq, continuity: CONTINUITY_AT_START }
  }

  private publish(
    join: JoinCommand,
    audience: LaneAudience,
    { frames, messages, ticks }: ClientFrames,
    position: ReplayPosition,
  ): number {
    this.deps.replyPublisher.publishReplay({ frames, messages, ticks }, join, position, audience)
    return frames.length
  }

  /** The client has all of the replay, and joins. */
  private end(
    join: JoinCommand,
    audience: LaneAudience,
    { frames, messages, ticks }: ClientFrames,
    position: ReplayPosition,
  ): number {
    // The first message of the snapshot tells the number from which the audience goes on.
    const afterTicks = { ...position, seq: audience.seq }
    const live = this.live(audience, position)
    return this.join(join, audience, { frames, messages, ticks }, live, afterTicks, ALL_CONFLATED)
  }

  /**
   * The missed ticks are gone: the client joins with a gap.
   *
   * @param leaving what the client gets of the audience that it leaves
   * @param since the last offset of this epoch that the client has; undefined: none
   */
  private notResumed(
    join: JoinCommand,
    audience: LaneAudience,
    leaving: ClientFrames,
    since: number | undefined,
  ): number {
    const { epoch, leaveFlush, status } = this.deps
    const reply = notResumedReply(join, audience, epoch, since)
    const state = status.frameAfter(leaveFlush.toldStatus(join))
    const frames = { ...leaving, frames: concatBytes(leaving.frames, reply, state) }
    // Of what the client got so far nothing is missing.
    const missed = leaveFlush.audienceLeftBy(join) === undefined ? ALL_TICKS : NO_TICKS
    const replies = join.replies.map(withSnapshot)
    return this.join({ ...join, replies }, audience, frames, NO_BYTES, LIVE, missed)
  }

  /** The rest of the replay is gone: the client joins with a gap. */
  private broken(join: JoinCommand, audience: LaneAudience, before: ReplayPosition): number {
    const frames = { ...NO_FRAMES, frames: replayBrokenReply(audience, before.offset) }
    return this.join(join, audience, frames, this.live(audience, before), UNCHANGED, ALL_TICKS)
  }

  /** The end of a replay, and the present state of the feed. */
  private live(audience: LaneAudience, position: ReplayPosition): Uint8Array {
    return concatBytes(liveReply(audience, position), this.deps.status.frameAfter(position.statusNumber))
  }

  private join(
    join: JoinCommand,
    audience: LaneAudience,
    frames: ClientFrames,
    framesAfter: Uint8Array,
    firstOutcome: PartOutcome,
    missed: Missed,
  ): number {
    const { snapshots } = this.deps
    const reply: JoinReply = { ...frames, join, framesAfter, outcome: LIVE, firstOutcome }
    return snapshots.reply([reply], audience, snapshots.snapshotFor(join, audience, missed))
  }
}

/** Whether a command of the client adds symbols of which it wants every tick. */
function addsEveryTick(replies: readonly CommandReply[]): boolean {
  return replies.some(
    reply => reply.type === 'subscribed' && reply.delivery === 'every' && reply.symbols.length > 0,
  )
}

function withSnapshot(reply: CommandReply): CommandReply {
  return reply.type === 'subscribed' ? { ...reply, snapshot: true } : reply
}
