/**
 * Reads the tick log again for a client that was away, in parts that take a lane well below a millisecond. One lane's
 * own. Called when the plans of the audiences are written: it uses the turn's scratch.
 * See docs/decisions/0013-the-tick-log-is-read-again-without-a-lock.md.
 */

import type { PositionRules } from '../../src/lane-protocol/lane-task.js'
import { decodeEvent } from '../../src/lane-protocol/stream-events.js'
import type { ContinuityState } from '../../src/memory/continuity-state.js'
import { CHECKPOINT_TICKS, type Checkpoint, type FeedCheckpoints } from '../../src/memory/feed-checkpoints.js'
import type { TickLogHistory } from '../../src/memory/tick-log-history.js'
import { MESSAGE_OVERHEAD_BYTES_MAX } from '../../src/protocol/envelope-format.js'
import type { GapReason } from '../../src/protocol/messages.js'
import type { TickCodec, TickReader } from '../../src/ticks/tick-codec.js'
import { EVERY } from '../collect/delivery-map.js'
import { FramePlan } from '../collect/frame-plan.js'
import type { LaneAudience } from '../collect/lane-audience.js'
import { GAP_BYTES_MAX } from '../collect/tick-collector.js'
import type { TurnBuffer } from '../collect/turn-buffer.js'
import { clientStream, type FrameComposer } from '../compose/frame-composer.js'
import type { FramePublisher } from '../compose/frame-publisher.js'
import { FeedContinuity } from '../read/feed-continuity.js'
import { LogCursor } from '../read/log-cursor.js'
import type { KnownSymbol, SymbolTable } from '../read/symbol-table.js'
import { TickClassifier, type TickLosses } from '../read/tick-classifier.js'
import type { ClientFrames } from './client-frames.js'

/** Ticks that one part reads at most: a quarter to half a millisecond. */
const TICKS_MAX = 1024
const NEVER = Number.POSITIVE_INFINITY

/** Which part of the past a client is to get. */
export interface ReplayRange {
  /** The client has all ticks of the replay up to this offset. */
  readonly offset: number
  /** Number of the last `ticks` message. */
  readonly seq: number
  /** What is known of the feed's positions at `offset`; null: a checkpoint has to be found. */
  readonly continuity: ContinuityState | null
  /** Up to this offset the client has what `earlier` gets tick by tick. */
  readonly reached: number
  readonly earlier: LaneAudience | undefined
}

/** Where a replay can begin that is to bring the ticks since a time. */
export interface PlaceSince {
  /** Offset of the last tick before the replay. */
  readonly offset: number
  /** Whether no tick since that time is missing. False, too, where the log holds no earlier tick. */
  readonly isWhole: boolean
}

export interface ReplayPart extends ClientFrames {
  /** Offset of the last tick that was read. */
  readonly offset: number
  /** Number of the last `ticks` message. */
  readonly seq: number
  readonly continuity: ContinuityState
}

export interface ReplayReaderDeps<Known extends KnownSymbol> {
  readonly codec: TickCodec
  readonly history: TickLogHistory
  readonly checkpoints: FeedCheckpoints
  readonly symbols: SymbolTable<Known>
  /** Offsets of quarantined ticks. */
  readonly quarantined: ReadonlySet<number>
  readonly positions: PositionRules
  readonly turn: TurnBuffer
  readonly composer: FrameComposer
  readonly publisher: FramePublisher
  /** Bytes of frames from which on a part is full. */
  readonly partBytesMax: number
}

export class ReplayReader<Known extends KnownSymbol> {
  private readonly deps: ReplayReaderDeps<Known>
  private readonly reader: TickReader

  constructor(deps: ReplayReaderDeps<Known>) {
    this.deps = deps
    this.reader = deps.codec.createReader(deps.history.bytes)
  }

  /**
   * Reads the next part of a replay.
   *
   * @param endOffset of the last tick of the replay
   * @returns undefined when the writer has overwritten some of the ticks
   */
  next(from: ReplayRange, audience: LaneAudience, endOffset: number): ReplayPart | undefined {
    const { checkpoints, history, turn } = this.deps
    const { continuity, offset } = from
    const start = continuity === null ? checkpoints.before(offset) : { ...continuity, offset }
    if (start === undefined) return undefined
    turn.clear()
    const reading = new PartReading(this.deps, this.reader, audience, from, start)
    if (reading.offset < endOffset && !history.seek(reading.offset)) return undefined
    while (reading.offset < endOffset && reading.hasRoom) if (!reading.readRecord(endOffset)) return undefined
    return this.compose(reading, audience, from)
  }

  /**
   * The place from which the first tick follows that was received at `sinceUs` or later.
   *
   * @param endOffset of the last tick of the replay
   */
  placeSince(sinceUs: number, endOffset: number): PlaceSince {
    const { history } = this.deps
    const hasEarlier = history.seekReceived(sinceUs)
    let offset = history.nextTicks() ? Math.min(history.firstOffset - 1, endOffset) : endOffset
    const isWhole = hasEarlier && this.canBeginAt(offset)
    while (offset < endOffset && !this.canBeginAt(offset))
      offset = Math.min(endOffset, offset + CHECKPOINT_TICKS)
    return { offset, isWhole }
  }

  /** Whether the log holds the checkpoint before `offset` and what follows it. */
  private canBeginAt(offset: number): boolean {
    const { checkpoints, history } = this.deps
    const checkpoint = checkpoints.before(offset)
    return checkpoint !== undefined && history.seek(checkpoint.offset)
  }

  private compose(reading: PartReading<Known>, audience: LaneAudience, from: ReplayRange): ReplayPart {
    const { composer, publisher } = this.deps
    const stream = clientStream(audience, from.seq)
    const { plan } = reading
    const frames = publisher.copyOf(plan.planBytes + MESSAGE_OVERHEAD_BYTES_MAX, start =>
      composer.compose(stream, plan, start),
    )
    return {
      frames,
      ticks: plan.tickCount,
      messages: stream.seq - from.seq,
      // The ticks between the checkpoint and `from` were sent before.
      offset: Math.max(reading.offset, from.offset),
      seq: stream.seq,
      continuity: reading.continuity.state,
    }
  }
}

/** The reading of one part: plans its ticks and gaps. */
class PartReading<Known extends KnownSymbol> implements TickLosses {
  readonly plan = new FramePlan()
  readonly continuity: FeedContinuity
  private readonly deps: ReplayReaderDeps<Known>
  private readonly cursor: LogCursor
  private readonly classifier: TickClassifier<Known>
  private readonly audience: LaneAudience
  private readonly range: ReplayRange
  /** The client has the ticks of each symbol up to this offset; NEVER: it does not get the symbol tick by tick. */
  private readonly sentOffsets = new Map<Known, number>()
  private ticksLeft = TICKS_MAX

  constructor(
    deps: ReplayReaderDeps<Known>,
    reader: TickReader,
    audience: LaneAudience,
    range: ReplayRange,
    start: Checkpoint,
  ) {
    const { codec, history, positions, quarantined, symbols } = deps
    this.deps = deps
    this.audience = audience
    this.range = range
    this.cursor = new LogCursor(history, start.offset, codec.batchPath)
    this.continuity = new FeedContinuity(start, positions)
    const { continuity } = this
    this.classifier = new TickClassifier({
      bytes: history.bytes,
      reader,
      symbols,
      quarantined,
      continuity,
      losses: this,
    })
  }

  /** Offset of the last tick that was read. */
  get offset(): number {
    return this.cursor.offset
  }

  get hasRoom(): boolean {
    const { partBytesMax, turn } = this.deps
    // The few ticks between the checkpoint and the part are read in any case.
    if (this.offset < this.range.offset) return true
    return this.ticksLeft > 0 && this.plan.planBytes < partBytesMax && turn.hasRoom()
  }

  /**
   * Reads the next record, up to `endOffset` and while there is room.
   *
   * @returns false when the writer has overwritten it
   */
  readRecord(endOffset: number): boolean {
    const { cursor } = this
    const { history } = this.deps
    if (!cursor.nextRecord()) return false
    if (cursor.isAtEvent) this.readEvent()
    else while (this.offset < endOffset && this.hasRoom && cursor.nextTick()) this.takeTick()
    // All that was made of overwritten bytes is thrown away.
    return history.isIntact()
  }

  private readEvent(): void {
    const { cursor } = this
    const { history } = this.deps
    if (history.firstOffset <= this.offset) return
    // Copied and checked before it is parsed: an overwritten text may be anything.
    const bytes = cursor.eventBytes().slice()
    if (!history.isIntact()) return
    const event = decodeEvent(bytes)
    // A client that resumes is told the present state of the feed when it joins, not the past ones.
    if (event.op === 'status') return
    if (event.op === 'lost') cursor.skipLost(event)
    this.classifier.obey(event, history.firstOffset)
  }

  private takeTick(): void {
    const { classifier, plan } = this
    const { history, turn } = this.deps
    const { bytesPerTick, isJson, spec } = this.audience
    const { offset, tickEnd, tickStart } = this.cursor
    this.ticksLeft--
    const symbol = classifier.classify(tickStart, tickEnd, offset)
    if (symbol === undefined || offset <= this.sentOffset(symbol)) return
    const tick = isJson
      ? turn.addJson(classifier.reader, symbol, offset, history.receivedUs)
      : turn.addProtobuf(classifier.reader, tickStart, tickEnd, offset, history.receivedUs)
    plan.addTick(tick, turn.ticks[spec.encoding].bytesOf(tick) + bytesPerTick)
  }

  private sentOffset(symbol: Known): number {
    let sentOffset = this.sentOffsets.get(symbol)
    if (sentOffset === undefined) {
      const { earlier, offset, reached } = this.range
      const name = symbol.symbol
      if (this.audience.deliveryOf(name) !== EVERY) sentOffset = NEVER
      else sentOffset = earlier?.deliveryOf(name) === EVERY ? Math.max(offset, reached) : offset
      this.sentOffsets.set(symbol, sentOffset)
    }
    return sentOffset
  }

  // TickLosses

  loseTick(reason: GapReason): void {
    this.loseUnlogged(reason, this.offset, this.offset, 1)
  }

  loseUpstream(missed: number | null): void {
    this.loseUnlogged('upstream', this.offset, this.offset - 1, missed)
  }

  breakPositions(): void {
    this.loseUpstream(null)
  }

  seenBefore(): void {
    // No gap: the client has the tick, or gets it elsewhere in the replay.
  }

  skipUnknownKind(): void {
    // No gap: a client that was connected was told of none.
  }

  skipWithoutSymbol(): void {
    // No gap: the message is no tick.
  }

  loseUnlogged(reason: GapReason, from: number, to: number, missed: number | null): void {
    if (this.offset <= this.range.offset) return
    this.plan.addNotice(this.deps.turn.notices.push({ reason, from, to, missed }) - 1, GAP_BYTES_MAX)
  }
}
