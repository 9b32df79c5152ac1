/**
 * Gives clients that were away the ticks that they missed, part by part. With the last part the client joins. One
 * lane's own. See docs/decisions/0012-a-resume-is-a-chain-of-joins.md.
 */
import { type JoinCommand, RESUME_GONE, type ReplayPosition } from '../../src/lane-protocol/lane-commands.js'
import { CONTINUITY_AT_START } from '../../src/memory/continuity-state.js'
import { LIVE, UNCHANGED } from '../../src/memory/reply-descriptor.js'
import type { LaneAudience } from '../collect/lane-audience.js'
import type { LaneSymbol } from '../conflate/lane-symbol.js'
import type { CurrentStatus } from '../read/current-status.js'
import { type ClientFrames, concatBytes, NO_BYTES, NO_FRAMES } from './client-frames.js'
import type { JoinFlush } from './join-flush.js'
import type { Missed } from './latest-search.js'
import type { ReplayPart, ReplayReader } from './replay-reader.js'
import { liveReply, notResumedReply, replayBrokenReply, resumedReply } from './reply-messages.js'
import type { PartOutcome, ReplyPublisher } from './reply-publisher.js'
import { ALL_CONFLATED, ALL_TICKS, type JoinReply, type SnapshotTransfer } from './snapshot-transfer.js'

export interface ReplayTransferDeps {
  readonly epoch: string
  readonly status: CurrentStatus
  readonly joinFlush: JoinFlush
  readonly reader: ReplayReader<LaneSymbol>
  readonly snapshots: SnapshotTransfer
  readonly replyPublisher: ReplyPublisher
  /** Names the client that the lane works for now, in shared memory. */
  readonly setCurrentClient: (client: number) => void
}

export class ReplayTransfer {
  private readonly deps: ReplayTransferDeps

  constructor(deps: ReplayTransferDeps) {
    this.deps = deps
  }

  /** Replies with the part of the replay that follows `from`. @returns bytes */
  reply(
    join: JoinCommand,
    from: ReplayPosition | typeof RESUME_GONE,
    audience: LaneAudience,
    offset: number,
  ): number {
    const { joinFlush, setCurrentClient } = this.deps
    setCurrentClient(join.client)
    joinFlush.prepare(join, audience, offset)
    if (from === RESUME_GONE) return this.notResumed(join, audience, undefined)
    const isFirst = from.continuity === null
    const part = this.nextPart(from, audience)
    if (part !== undefined) return this.replay(join, from, audience, part)
    return isFirst ? this.notResumed(join, audience, from.offset) : this.broken(join, audience, from.offset)
  }

  private nextPart(from: ReplayPosition, audience: LaneAudience): ReplayPart | undefined {
    const offset = audience.sentOffset
    if (!audience.isConflated) return this.deps.reader.next(from, audience, offset)
    // The client gets the latest ticks and none of the past, so any continuity will do.
    return { ...NO_FRAMES, position: { ...from, offset, continuity: CONTINUITY_AT_START } }
  }

  private replay(join: JoinCommand, from: ReplayPosition, audience: LaneAudience, part: ReplayPart): number {
    const { epoch, replyPublisher } = this.deps
    const { messages, position, ticks } = part
    const head = from.continuity === null ? resumedReply(join, audience, epoch, from) : NO_BYTES
    const frames = { frames: concatBytes(head, part.frames), messages, ticks }
    if (position.offset >= audience.sentOffset) {
      // The first message of the snapshot tells the number from which the audience goes on.
      const afterTicks = { ...position, seq: audience.seq }
      return this.join(join, audience, frames, this.live(audience), afterTicks, ALL_CONFLATED)
    }
    replyPublisher.publishReplay(frames, join, position, audience)
    return frames.frames.length
  }

  /** The missed ticks are gone: the client joins with a gap. @param since the last offset of this epoch that it has */
  private notResumed(join: JoinCommand, audience: LaneAudience, since: number | undefined): number {
    const { epoch, status } = this.deps
    const reply = notResumedReply(join, audience, epoch, since)
    const frames = { ...NO_FRAMES, frames: concatBytes(reply, status.frameAfter(0)) }
    return this.join(join, audience, frames, NO_BYTES, LIVE, ALL_TICKS)
  }

  /** The rest of the replay is gone: the client joins with a gap. */
  private broken(join: JoinCommand, audience: LaneAudience, since: number): number {
    const frames = { ...NO_FRAMES, frames: replayBrokenReply(audience, since) }
    return this.join(join, audience, frames, this.live(audience), UNCHANGED, ALL_TICKS)
  }

  /** The end of a replay, and the present state of the feed. */
  private live(audience: LaneAudience): Uint8Array {
    return concatBytes(liveReply(audience), this.deps.status.frameAfter(0))
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
