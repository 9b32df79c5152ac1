/**
 * Gives clients snapshots, the latest ticks of their symbols, with the replies that these belong to. One lane's own.
 * Call it when the plans of the audiences are written. In a prompt turn, use it only for replies without a snapshot.
 */

import { type JoinCommand, type Progress, snapshotSymbols } from '../../src/lane-protocol/lane-commands.js'
import { UNCHANGED } from '../../src/memory/reply-descriptor.js'
import { MESSAGE_OVERHEAD_BYTES_MAX } from '../../src/protocol/envelope-format.js'
import type { LaneAudience } from '../collect/lane-audience.js'
import type { FrameComposer } from '../compose/frame-composer.js'
import type { FramePublisher } from '../compose/frame-publisher.js'
import type { AudienceDirectory } from '../conflate/audience-directory.js'
import type { EncodedLatest } from '../conflate/encoded-latest.js'
import type { LatestTick } from '../conflate/latest-tick.js'
import type { LatestTicks } from '../conflate/latest-ticks.js'
import type { SnapshotChunk, SnapshotChunks } from '../conflate/snapshot-chunks.js'
import { type ClientFrames, NO_BYTES, NO_FRAMES } from './client-frames.js'
import { LatestSearch, type Missed } from './latest-search.js'
import type { MemberOutcome, PartOutcome, ReplyPublisher } from './reply-publisher.js'

/** How much longer a tick is as JSON than in the feed, about. */
const JSON_GROWTH = 3

/** Ticks that one step of a preparation encodes: 100 µs. */
const ENCODED_PER_STEP = 128

export const NO_TICKS: Missed = {
  kind: 'none',
  everyAfter: Number.POSITIVE_INFINITY,
  latestAfter: Number.POSITIVE_INFINITY,
}
export const ALL_TICKS: Missed = { kind: 'all', everyAfter: 0, latestAfter: 0 }
/** The ticks that a replay leaves out. */
export const ALL_CONFLATED: Missed = { kind: 'some', everyAfter: Number.POSITIVE_INFINITY, latestAfter: 0 }

/** The ticks that a client missed that came so far. */
export function missedAfter({ flushedSerial, serial }: Progress): Missed {
  return { kind: 'some', everyAfter: serial, latestAfter: flushedSerial }
}

export interface Snapshot {
  readonly ticks: readonly LatestTick[]
  /** Whether the client gets a snapshot at all. One without ticks is due, too, where it tells the client its place. */
  readonly isDue: boolean
  /** Whether symbols may be missing because the store of latest ticks has no room for them. */
  readonly isIncomplete: boolean
  /** Bytes of its frames, about. */
  readonly bytes: number
}

/** A reply that makes a client a member of an audience. */
export interface JoinReply extends ClientFrames {
  readonly join: JoinCommand
  /** Follow behind the snapshot. */
  readonly framesAfter: Uint8Array
  /** Where the whole reply leaves the client. */
  readonly outcome: MemberOutcome
  /**
   * Where the first of several parts leaves the client. UNCHANGED: should the lane die, a successor repeats the whole
   * reply.
   */
  readonly firstOutcome: PartOutcome
}

export interface SnapshotTransferDeps {
  readonly directory: AudienceDirectory
  readonly latest: LatestTicks
  readonly encoded: EncodedLatest
  readonly chunks: SnapshotChunks
  readonly composer: FrameComposer
  readonly publisher: FramePublisher
  readonly replyPublisher: ReplyPublisher
  /** Names the client that the lane works for now, in shared memory. */
  readonly setCurrentClient: (client: number) => void
}

export class SnapshotTransfer {
  private readonly deps: SnapshotTransferDeps

  constructor(deps: SnapshotTransferDeps) {
    this.deps = deps
  }

  /**
   * Prepares the snapshot of a joining client step by step: finds its ticks and encodes them. Each `next` of the generator
   * is one step, and ticks are published between two steps. `snapshotFor` then has little to do.
   */
  *prepare({ replies }: JoinCommand, audience: LaneAudience, missed: Missed): Generator<void, LatestSearch> {
    const search = this.search(audience, missed, snapshotSymbols(replies))
    yield* search.steps()
    const { encoded } = this.deps
    let bytes = 0
    // What is encoded beyond that would overwrite the first ticks.
    for (let rank = 0; rank < search.count && bytes < encoded.lastingBytes; rank++) {
      const tick = search.tickAt(rank)
      if (tick !== undefined) bytes += encoded.keep(tick, audience.spec.encoding).length
      if (rank % ENCODED_PER_STEP === 0) yield
    }
    return search
  }

  /**
   * The snapshot of a joining client: the ticks that it missed, and the latest of the symbols that it asked for.
   *
   * @param prepared what `prepare` returned for the client, or for one that gets the same snapshot
   */
  snapshotFor(
    { replies }: JoinCommand,
    audience: LaneAudience,
    missed: Missed,
    prepared?: LatestSearch,
  ): Snapshot {
    return this.snapshotOf(prepared ?? this.search(audience, missed, snapshotSymbols(replies)).whole())
  }

  /** The latest ticks that a client missed in an audience. */
  snapshotSince(audience: LaneAudience, missed: Missed): Snapshot {
    return this.snapshotOf(this.search(audience, missed, []).whole())
  }

  /** The frame of a snapshot that fits into one; undefined when it takes more than `bytesMax`. */
  compose(
    { isIncomplete, ticks }: Snapshot,
    audience: LaneAudience,
    bytesMax: number,
  ): ClientFrames | undefined {
    const { chunks, composer, publisher } = this.deps
    if (ticks.length === 0 && !isIncomplete) return NO_FRAMES
    const { isLast, plan } = chunks.firstOf(audience, ticks)
    if (!isLast) return undefined
    const frames = publisher.copyOf(plan.planBytes + MESSAGE_OVERHEAD_BYTES_MAX, start =>
      composer.composeSnapshot(audience, plan, start, audience.sentOffset, true, isIncomplete),
    )
    return frames.length <= bytesMax ? { frames, ticks: plan.tickCount, messages: 0 } : undefined
  }

  /** Publishes a snapshot for a client that does not join with it. */
  publish({ isIncomplete, ticks }: Snapshot, join: JoinCommand, audience: LaneAudience): void {
    const { chunks, replyPublisher, composer, publisher } = this.deps
    for (const { isLast, plan } of chunks.of(audience, ticks)) {
      const start = publisher.reserve(plan.planBytes + MESSAGE_OVERHEAD_BYTES_MAX)
      const end = composer.composeSnapshot(audience, plan, start, audience.sentOffset, isLast, isIncomplete)
      replyPublisher.publishPart(
        { start, end, ticks: plan.tickCount, messages: 0 },
        join,
        UNCHANGED,
        audience,
        false,
      )
    }
  }

  /**
   * Publishes replies whose clients get the same snapshot, and makes the clients members.
   *
   * @returns bytes of all frames
   */
  reply(replies: readonly JoinReply[], audience: LaneAudience, snapshot: Snapshot): number {
    const { chunks, setCurrentClient } = this.deps
    let bytes = 0
    const parts = chunks.of(audience, snapshot.ticks)
    for (;;) {
      // All clients get the chunk. Should its encoding kill the lane, the first client is the suspect, in each
      // successor, too.
      setCurrentClient(replies[0]!.join.client)
      const { done, value: chunk } = parts.next()
      if (done) return bytes
      for (const reply of replies) bytes += this.replyPart(reply, audience, chunk, snapshot)
    }
  }

  /**
   * Publishes a chunk of one client's snapshot; with the first one its own frames, with the last one that it is a
   * member.
   */
  private replyPart(
    reply: JoinReply,
    audience: LaneAudience,
    chunk: SnapshotChunk,
    { isDue, isIncomplete }: Snapshot,
  ): number {
    const { composer, publisher, replyPublisher, setCurrentClient } = this.deps
    const { join } = reply
    const { isFirst, isLast, plan } = chunk
    setCurrentClient(join.client)
    const before = isFirst ? reply.frames : NO_BYTES
    const after = isLast ? reply.framesAfter : NO_BYTES
    const snapshotBytesMax = isDue ? plan.planBytes + MESSAGE_OVERHEAD_BYTES_MAX : 0
    const start = publisher.reserve(before.length + snapshotBytesMax + after.length)
    let end = publisher.write(before, start)
    if (isDue) end = composer.composeSnapshot(audience, plan, end, audience.sentOffset, isLast, isIncomplete)
    end = publisher.write(after, end)
    const ticks = (isFirst ? reply.ticks : 0) + plan.tickCount
    const frames = { start, end, ticks, messages: isFirst ? reply.messages : 0 }
    replyPublisher.publishPart(frames, join, outcomeOf(reply, chunk), audience, isLast)
    return end - start
  }

  private search(audience: LaneAudience, missed: Missed, requested: readonly string[]): LatestSearch {
    const { directory, latest } = this.deps
    return new LatestSearch(directory, latest, audience, missed, requested)
  }

  private snapshotOf(search: LatestSearch): Snapshot {
    const { audience, missed, requested } = search
    const ticks = search.result()
    const { isIncomplete } = search
    const bytes = ticks.reduce((sum, { length }) => sum + length, 0)
    return {
      ticks,
      // A client that goes on without a gap is told its place in the stream, if only by an empty snapshot.
      isDue:
        requested.length > 0 ||
        ticks.length > 0 ||
        isIncomplete ||
        missed.kind === 'all' ||
        (missed.kind === 'some' && audience.isConflated),
      isIncomplete,
      bytes: audience.spec.encoding === 'json' ? JSON_GROWTH * bytes : bytes,
    }
  }
}

function outcomeOf({ firstOutcome, outcome }: JoinReply, { isFirst, isLast }: SnapshotChunk): PartOutcome {
  if (isLast) return outcome
  return isFirst ? firstOutcome : UNCHANGED
}
