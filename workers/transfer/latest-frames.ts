/**
 * Publishes latest ticks: to an audience whose interval is over, and to one client as a snapshot. One lane's own.
 * Called when the turn's other frames are written, so the turn's scratch is free to be used again and again; between turns only for joins
 * without a snapshot, which need none of it.
 */

import {
  type JoinCommand,
  type ReplayPosition,
  snapshotSymbols,
} from '../../src/lane-protocol/lane-commands.js'
import type { CounterWriter } from '../../src/memory/counters.js'
import {
  AUDIENCE_FRAMES,
  CLIENT_FRAMES,
  FrameDescriptor,
  GROUP_BEGUN,
  JOINED,
  REPLAYED,
  REPLY_BEGUN,
} from '../../src/memory/frame-descriptor.js'
import { LANE_SLOTS } from '../../src/metrics/metric-table.js'
import { MESSAGE_OVERHEAD_BYTES_MAX } from '../../src/protocol/envelope-format.js'
import { FramePlan } from '../collect/gathering.js'
import { EVERY, type LaneAudience } from '../collect/lane-audience.js'
import type { Turn } from '../collect/turn-buffer.js'
import type { FrameComposer } from '../compose/frame-composer.js'
import type { FramePublisher } from '../compose/frame-publisher.js'
import type { ConflationGroup } from '../conflate/conflation-group.js'
import type { LatestTick, LatestTicks } from '../conflate/latest-ticks.js'
import type { SymbolTable } from '../read/symbol-table.js'
import type { ReplayPart } from './replayer.js'
import { joinFrames, NO_FRAMES } from './reply-messages.js'

/** A tick's JSON beside the feed's own bytes, about. */
const JSON_GROWTH = 3
const byOffset = (a: LatestTick, b: LatestTick): number => a.offset - b.offset

/** Ticks after these offsets: of those that are delivered one by one, and of those that are conflated. */
export interface Since {
  readonly every: number
  readonly latest: number
}

export const NOTHING: Since = { every: Number.POSITIVE_INFINITY, latest: Number.POSITIVE_INFINITY }
export const EVERYTHING: Since = { every: 0, latest: 0 }
/** What a replay does not bring. */
export const ALL_CONFLATED: Since = { every: Number.POSITIVE_INFINITY, latest: 0 }

/** Frames for one client, and what is in them. */
export interface Frames {
  readonly frames: Uint8Array
  readonly ticks: number
  readonly messages: number
}

export const NOBODYS_FRAMES: Frames = { frames: NO_FRAMES, ticks: 0, messages: 0 }

/** A client that joins, and what it is given beside its snapshot: `frames` before it. */
export interface Admission extends Frames {
  readonly join: JoinCommand
  /** Behind it. */
  readonly framesAfter: Uint8Array
  /** Whether the next latest ticks that its audience is sent are not for it, see JOINED. */
  readonly waits: boolean
  /**
   * Where the client is with the first part of a snapshot, should this lane die before the last: in, at the end of so much of a replay, or
   * where it was, since the whole answer can be repeated.
   */
  readonly halfWay: typeof IS_IN | ReplayPosition | typeof IS_WHERE_IT_WAS
}

export const IS_IN = 'in'
export const IS_WHERE_IT_WAS = 'where it was'

export interface Snapshot {
  readonly ticks: readonly LatestTick[]
  /** Whether it is to be given, be it empty. */
  readonly isWanted: boolean
  /** What it takes, about. */
  readonly bytes: number
}

export interface LatestFramesDeps {
  readonly latest: LatestTicks
  readonly symbols: SymbolTable
  readonly turn: Turn
  readonly composer: FrameComposer
  readonly publisher: FramePublisher
  readonly counters: CounterWriter
  /** What one run of frames may take, bytes. */
  readonly turnBytesMax: number
  /** Called with the client that is given something next. */
  readonly answering: (client: number) => void
  /** Called with whatever is published: much may be, in which no record is read. */
  readonly heartbeat: () => void
}

export class LatestFrames {
  private readonly parts: LatestFramesDeps
  private readonly descriptor = new FrameDescriptor()
  private readonly gathering = new FramePlan()
  private readonly news: LatestTick[] = []

  constructor(parts: LatestFramesDeps) {
    this.parts = parts
  }

  /** Somebody joins for the first time: from here on the part's ticks are counted and sent. */
  begin(part: ConflationGroup, offset: number): void {
    part.begin(offset)
    this.describePart(GROUP_BEGUN, part)
    this.describe(0, 0, 0)
  }

  /** Sends what waits to be sent to the members of the part's audience. */
  flush(part: ConflationGroup, offset: number): void {
    const { composer, counters, publisher } = this.parts
    const { gathering, news: ticks } = this
    const { audience } = part
    part.collectNews(ticks)
    ticks.sort(byOffset)
    const ticksTotal = part.countTicks()
    // A successor may be behind what its audience was told; whoever resumed from a lower offset would get ticks twice.
    const toldOffset = Math.max(offset, audience.sentOffset)
    for (let first = 0; first < ticks.length; ) {
      const end = this.gather(audience, ticks, first)
      const isLast = end === ticks.length
      const count = end - first
      // A successor knows nothing of symbols that its predecessor had to give up: what those were merged into is past finding out.
      const merged = isLast ? Math.max(0, ticksTotal - part.ticksTotal - count) : 0
      const start = publisher.reserve(gathering.gatheredBytes + MESSAGE_OVERHEAD_BYTES_MAX)
      const length = composer.composeLatest(audience, gathering, start, toldOffset, merged) - start
      // A successor sends the rest, should this lane die in between: all with higher offsets.
      part.flushedOffset = isLast ? offset : ticks[end - 1]!.offset
      part.ticksTotal = isLast ? ticksTotal : part.ticksTotal + count
      this.describePart(AUDIENCE_FRAMES, part)
      this.describe(length, composer.messages, count)
      counters.values[LANE_SLOTS.framesBytes]! += length
      counters.values[LANE_SLOTS.ticksConflated]! += merged
      gathering.clear()
      first = end
    }
    ticks.length = 0
  }

  /**
   * What waits for intervals to be over, for one member that will not be there then.
   *
   * @returns undefined when it takes more than `bytesMax`
   */
  farewell(audience: LaneAudience, offset: number, bytesMax: number): Frames | undefined {
    const { composer, publisher } = this.parts
    const { gathering, news } = this
    // One client's own, so it is not compressed, and its audience goes on from where it is.
    const stream = { spec: { ...audience.spec, windowBits: 0 }, format: audience.format, seq: audience.seq }
    const whole = { ...NOBODYS_FRAMES }
    for (const part of audience.parts) {
      part.collectNews(news)
      if (news.length === 0) continue
      news.sort(byOffset)
      const end = this.gather(audience, news, 0)
      const bytes = gathering.gatheredBytes + MESSAGE_OVERHEAD_BYTES_MAX
      const fits = end === news.length && whole.frames.length + bytes <= bytesMax
      if (fits) {
        const start = publisher.reserve(bytes)
        const merged = Math.max(0, part.countTicks() - part.ticksTotal - news.length)
        const next = composer.composeLatest(
          stream,
          gathering,
          start,
          Math.max(offset, audience.sentOffset),
          merged,
        )
        // A copy: what is reserved belongs to whoever reserves next.
        whole.frames = joinFrames(whole.frames, publisher.ring.bytes.slice(start, next))
        whole.ticks += news.length
        whole.messages += composer.messages
      }
      gathering.clear()
      news.length = 0
      if (!fits) return undefined
    }
    return whole
  }

  /**
   * What a client missed that waits in an audience, or fell behind there, and leaves it, as a snapshot.
   *
   * @returns none when they take more than `bytesMax`: then the client was given them
   */
  farewellSince(join: JoinCommand, audience: LaneAudience, since: Since, bytesMax: number): Frames {
    const { composer, publisher } = this.parts
    const { gathering } = this
    const { ticks } = this.snapshotOf(audience, since)
    for (let first = 0; first < ticks.length; ) {
      const end = this.gather(audience, ticks, first)
      const count = gathering.tickCount
      const isLast = end === ticks.length
      const start = publisher.reserve(gathering.gatheredBytes + MESSAGE_OVERHEAD_BYTES_MAX)
      const next = composer.composeSnapshot(audience, gathering, start, audience.sentOffset, isLast)
      gathering.clear()
      if (first === 0 && isLast && next - start <= bytesMax)
        return { frames: publisher.ring.bytes.slice(start, next), ticks: count, messages: 0 }
      this.nameClient(CLIENT_FRAMES, join, audience)
      this.describe(next - start, 0, count)
      first = end
    }
    return NOBODYS_FRAMES
  }

  /**
   * What a client is given that joins, of what it missed and what it asked for.
   *
   * @param since of which ticks it is given the latest, beside those of the symbols that it asked for
   */
  snapshotFor({ answers }: JoinCommand, audience: LaneAudience, since: Since): Snapshot {
    return this.snapshotOf(audience, since, snapshotSymbols(answers))
  }

  private snapshotOf(audience: LaneAudience, since: Since, asked: readonly string[] = []): Snapshot {
    const { symbols } = this.parts
    const wanted = new Set<LatestTick>()
    if (since !== NOTHING) {
      for (const symbol of symbols.wantedBy(audience)) {
        const delivery = audience.deliveryOf(symbol.symbol)
        if (delivery === undefined) continue
        const offset = delivery === EVERY ? since.every : since.latest
        for (const tick of symbol.latest) if (tick !== undefined && tick.offset > offset) wanted.add(tick)
      }
    }
    for (const entry of asked) {
      for (const { latest, symbol } of symbols.entriesOf(entry)) {
        // A later command, answered together with the one that asked, has unsubscribed from it.
        if (audience.deliveryOf(symbol) === undefined) continue
        for (const tick of latest) if (tick !== undefined && tick.offset > 0) wanted.add(tick)
      }
    }
    const ticks = [...wanted].sort(byOffset)
    const bytes = ticks.reduce((sum, { length }) => sum + length, 0)
    return {
      ticks,
      // Whoever goes on without a gap is told from which number, be there nothing else to tell.
      isWanted:
        asked.length > 0 ||
        ticks.length > 0 ||
        since === EVERYTHING ||
        (since !== NOTHING && audience.isConflated),
      bytes: audience.spec.encoding === 'json' ? JSON_GROWTH * bytes : bytes,
    }
  }

  /**
   * Lets clients join that want the same snapshot: gives each its own frames, the snapshot, and then it is in.
   *
   * @returns bytes of all that they were given
   */
  admit(admissions: readonly Admission[], audience: LaneAudience, { isWanted, ticks }: Snapshot): number {
    const { gathering } = this
    let bytes = 0
    let first = 0
    let isLast: boolean
    do {
      // Of what all of them want the first is told, should it bring about this thread's end: the same in each that follows.
      this.parts.answering(admissions[0]!.join.client)
      const end = this.gather(audience, ticks, first)
      isLast = end === ticks.length
      for (const admission of admissions)
        bytes += this.give(admission, audience, { isWanted, isFirst: first === 0, isLast })
      gathering.clear()
      first = end
    } while (!isLast)
    return bytes
  }

  /** Gives a client what was gathered of its snapshot, with the first of it its own frames, with the last the word that it is in. */
  private give(
    admission: Admission,
    audience: LaneAudience,
    { isFirst, isLast, isWanted }: { isFirst: boolean; isLast: boolean; isWanted: boolean },
  ): number {
    const { composer, publisher } = this.parts
    const { descriptor, gathering } = this
    const { frames, framesAfter, join, messages, ticks, waits } = admission
    this.parts.answering(join.client)
    const before = isFirst ? frames : NO_FRAMES
    const after = isLast ? framesAfter : NO_FRAMES
    // The last frames are published together with the word that the client is in: a successor that repeated only one would
    // answer twice.
    publisher.waitForDescriptors(2)
    const start = publisher.reserve(
      before.length + (isWanted ? gathering.gatheredBytes + MESSAGE_OVERHEAD_BYTES_MAX : 0) + after.length,
    )
    publisher.ring.bytes.set(before, start)
    let next = start + before.length
    if (isWanted) next = composer.composeSnapshot(audience, gathering, next, audience.sentOffset, isLast)
    publisher.ring.bytes.set(after, next)
    next += after.length
    if (isFirst && !isLast) this.nameHalfWay(admission, audience)
    else this.nameClient(CLIENT_FRAMES, join, audience)
    this.describe(next - start, isFirst ? messages : 0, (isFirst ? ticks : 0) + gathering.tickCount)
    if (isLast) {
      descriptor.kind = JOINED
      descriptor.part = waits ? 1 : 0
      this.describe(0, 0, 0)
    }
    return next - start
  }

  private nameHalfWay({ halfWay, join, waits }: Admission, audience: LaneAudience): void {
    const { descriptor } = this
    if (halfWay === IS_IN) {
      this.nameClient(REPLY_BEGUN, join, audience)
      descriptor.part = waits ? 1 : 0
    } else if (halfWay === IS_WHERE_IT_WAS) this.nameClient(CLIENT_FRAMES, join, audience)
    else {
      this.nameReplayed(join, halfWay)
      descriptor.part = 1
    }
  }

  /** Gives a client a part of what it missed while it was away. */
  replay(join: JoinCommand, { frames, messages, position, ticks }: ReplayPart): void {
    const { publisher } = this.parts
    publisher.ring.bytes.set(frames, publisher.reserve(frames.length))
    this.nameReplayed(join, position)
    this.describe(frames.length, messages, ticks)
  }

  private nameReplayed({ client, join }: JoinCommand, { continuity, offset }: ReplayPosition): void {
    const { descriptor } = this
    descriptor.kind = REPLAYED
    descriptor.target = client
    descriptor.join = join
    descriptor.part = 0
    descriptor.setContinuity(continuity!)
    descriptor.lastOffset = offset
  }

  /** Encodes and gathers `ticks` from `first` on, as many as go into one run of frames. @returns the index after the last */
  private gather(audience: LaneAudience, ticks: readonly LatestTick[], first: number): number {
    const { latest, turn, turnBytesMax } = this.parts
    const { gathering } = this
    const { bytesPerTick, spec } = audience
    const encoded = turn.ticks[spec.encoding]
    // What the turn holds is written; what is encoded now others of this turn may want, too.
    if (first < ticks.length && encoded.isHalfFull) turn.clear()
    let next = first
    while (next < ticks.length && gathering.gatheredBytes < turnBytesMax && encoded.hasRoom()) {
      const tick = latest.encode(ticks[next++]!, spec.encoding, turn)
      gathering.gatherTick(tick, encoded.bytesOf(tick) + bytesPerTick)
    }
    return next
  }

  private describePart(kind: number, { audience, index, flushedOffset, ticksTotal }: ConflationGroup): void {
    const { descriptor } = this
    descriptor.kind = kind
    descriptor.target = audience.id
    descriptor.part = index + 1
    descriptor.ticksTotal = ticksTotal
    descriptor.lastOffset = flushedOffset
    descriptor.lostTotal = audience.lostTotal
    descriptor.receivedUs = 0
    descriptor.unknownLosses = audience.unknownLosses
  }

  private nameClient(
    kind: number,
    { client, join }: JoinCommand,
    { ticksTotal, lostTotal, unknownLosses, sentOffset }: LaneAudience,
  ): void {
    const { descriptor } = this
    descriptor.kind = kind
    descriptor.target = client
    descriptor.join = join
    descriptor.part = 0
    descriptor.ticksTotal = ticksTotal
    descriptor.lostTotal = lostTotal
    descriptor.receivedUs = 0
    descriptor.unknownLosses = unknownLosses
    descriptor.lastOffset = sentOffset
  }

  private describe(length: number, messages: number, ticks: number): void {
    const { descriptor } = this
    descriptor.length = length
    descriptor.messages = messages
    descriptor.ticks = ticks
    this.parts.publisher.describe(descriptor)
    this.parts.heartbeat()
  }
}
