/**
 * Gives clients that were away the ticks that they missed, part by part. With the last part the client joins. One
 * lane's own. See docs/decisions/0012-a-resume-is-a-chain-of-joins.md.
 */
import {
  type CommandReply,
  type JoinCommand,
  NOT_IN_LOG,
  RESUME_GONE,
  type ReplayPosition,
  type ReplayProgress,
  type ReplayStart,
} from '../../src/lane-protocol/lane-commands.js'
import { LIVE, UNCHANGED } from '../../src/memory/reply-descriptor.js'
import type { StreamPlace } from '../../src/memory/stream-place.js'
import type { LaneAudience } from '../collect/lane-audience.js'
import type { AudienceDirectory } from '../conflate/audience-directory.js'
import type { LaneSymbol } from '../conflate/lane-symbol.js'
import type { CurrentStatus } from '../read/current-status.js'
import type { LogCursor } from '../read/log-cursor.js'
import { type ClientFrames, concatBytes, concatFrames, NO_BYTES, NO_FRAMES } from './client-frames.js'
import type { JoinFlush } from './join-flush.js'
import type { Missed } from './latest-search.js'
import type { LeaveFlush } from './leave-flush.js'
import type { ReplayRange } from './part-reading.js'
import type { PlaceSince, ReplayPart, ReplayReader } from './replay-reader.js'
import { epochGap, liveReply, notResumedReply, replayBrokenReply, resumedReply } from './reply-messages.js'
import type { PartOutcome, ReplyPublisher } from './reply-publisher.js'
import {
  ALL_CONFLATED,
  ALL_TICKS,
  type JoinReply,
  NO_TICKS,
  type SnapshotTransfer,
} from './snapshot-transfer.js'

export interface ReplayTransferDeps {
  /** Stands behind the last tick taken. */
  readonly cursor: Pick<LogCursor, 'epoch'>
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
  /** The name of the epoch of `range`. */
  readonly epochName: string
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
    place: StreamPlace,
  ): number {
    const { joinFlush, setCurrentClient } = this.deps
    setCurrentClient(join.client)
    joinFlush.prepare(join, audience, place)
    if (replay !== RESUME_GONE && 'start' in replay) return this.continue(join, replay, audience)
    return this.begin(join, replay, audience, place)
  }

  private begin(join: JoinCommand, start: ReplayStart, audience: LaneAudience, place: StreamPlace): number {
    const { leaveFlush } = this.deps
    const leaving = leaveFlush.framesFor(join, place)
    if (start === RESUME_GONE) return this.notResumed(join, audience, leaving, undefined)
    const earlier = leaveFlush.audienceLeftBy(join)
    const { after, isWhole: isWholePast } = this.placeOf(start, audience.place)
    const reached = earlier === undefined ? Math.max(0, after.serial) : audience.sentSerial
    // Of latest ticks the client gets none of the past.
    const isPastDue = addsEveryTick(join.replies)
    const isOfPast = earlier === undefined || isPastDue
    const from = isOfPast ? after : audience.place
    const isWhole = isWholePast || !isPastDue
    const range: ReplayRange = {
      serial: from.serial,
      offset: from.offset,
      epoch: from.epoch,
      seq: 0,
      reached,
      earlier,
    }
    const read = this.nextPart(range, audience)
    // The next request finds out that the ticks are gone.
    const part = read ?? (join.hasPast ? nothingOf(range) : undefined)
    if (part === undefined) return this.notResumed(join, audience, leaving, from)
    const epochName = isOfPast ? after.epochName : this.deps.cursor.epoch.name
    const statusNumber = leaveFlush.toldStatus(join)
    return this.replayFirst(join, audience, { range, epochName, isWhole, leaving, statusNumber }, part)
  }

  private placeOf(start: Exclude<ReplayStart, typeof RESUME_GONE>, end: StreamPlace): PlaceSince {
    if ('after' in start) return { after: start.after, isWhole: true }
    if ('sinceUs' in start) return this.deps.reader.placeSince(start.sinceUs, end)
    const { isWhole, past } = start
    const { epoch: epochName, offset } = past
    const { name, number } = this.deps.cursor.epoch
    const epoch = epochName === name ? number : NOT_IN_LOG
    return { after: { serial: NOT_IN_LOG, offset, epoch, epochName }, isWhole }
  }

  private replayFirst(
    join: JoinCommand,
    audience: LaneAudience,
    { epochName, isWhole, leaving, range, statusNumber }: Beginning,
    part: ReplayPart,
  ): number {
    const { offset: start, reached } = range
    const { place, seq, ticks } = part
    const isChange = range.earlier !== undefined
    const shown = isChange ? audience.sentOffset : undefined
    const head = resumedReply(join, audience, epochName, range, shown, isWhole)
    const frames = concatFrames(leaving, { ...NO_FRAMES, frames: head }, part)
    const position = { ...place, start, reached, seq, ticks, statusNumber }
    // A segment of the ring may have no room for a snapshot beside the replies to several commands, and what the client
    // gets of the earlier audience.
    const mayEnd = !isChange && join.replies.length === 1
    if (!mayEnd || place.serial < audience.sentSerial) return this.publish(join, audience, frames, position)
    return this.end(join, audience, frames, position)
  }

  private continue(join: JoinCommand, replay: ReplayProgress, audience: LaneAudience): number {
    const { earlier, ...before } = replay
    const isInLog = before.serial !== NOT_IN_LOG
    const range = { ...before, earlier: this.deps.directory.get(earlier) }
    const part = isInLog ? this.nextPart(range, audience) : undefined
    if (part === undefined) {
      if (!join.hasPast) return this.broken(join, audience, before)
      this.deps.replyPublisher.publishGone(join, audience)
      return 0
    }
    const { place, seq, ticks } = part
    const position = { ...before, ...place, seq, ticks: before.ticks + ticks }
    if (place.serial < audience.sentSerial) return this.publish(join, audience, part, position)
    return this.end(join, audience, part, position)
  }

  private nextPart(range: ReplayRange, audience: LaneAudience): ReplayPart | undefined {
    const { place, sentSerial } = audience
    const { cursor, reader } = this.deps
    if (audience.deliveries.hasEvery)
      return range.serial === NOT_IN_LOG ? nothingOf(range) : reader.next(range, audience, sentSerial)
    // The client gets the latest ticks at most, and none of the past. The epoch of their offset is told before them.
    const frames = place.epoch === range.epoch ? NO_BYTES : epochGap(audience, cursor.epoch, range.seq)
    return { ...NO_FRAMES, frames, place, seq: range.seq }
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
   * @param since the last place that the client has; undefined: none of a known epoch
   */
  private notResumed(
    join: JoinCommand,
    audience: LaneAudience,
    leaving: ClientFrames,
    since: StreamPlace | undefined,
  ): number {
    const { cursor, leaveFlush, status } = this.deps
    const reply = notResumedReply(join, audience, cursor.epoch, since)
    const state = status.frameAfter(leaveFlush.toldStatus(join))
    const frames = { ...leaving, frames: concatBytes(leaving.frames, reply, state) }
    // Of what the client got so far nothing is missing.
    const missed = leaveFlush.audienceLeftBy(join) === undefined ? ALL_TICKS : NO_TICKS
    const replies = join.replies.map(withSnapshot)
    return this.join({ ...join, replies }, audience, frames, NO_BYTES, LIVE, missed)
  }

  /** The rest of the replay is gone: the client joins with a gap. */
  private broken(join: JoinCommand, audience: LaneAudience, before: ReplayPosition): number {
    const frames = { ...NO_FRAMES, frames: replayBrokenReply(audience, this.deps.cursor.epoch, before) }
    const live = this.live(audience, before)
    return this.join(join, audience, frames, live, UNCHANGED, ALL_TICKS)
  }

  /** The end of a replay, and the present state of the feed. */
  private live(audience: LaneAudience, position: ReplayPosition): Uint8Array {
    const state = this.deps.status.frameAfter(position.statusNumber)
    return concatBytes(liveReply(audience, position), state)
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

/** A part without ticks. */
function nothingOf({ epoch, offset, seq, serial }: ReplayRange): ReplayPart {
  return { ...NO_FRAMES, place: { serial, offset, epoch }, seq }
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
