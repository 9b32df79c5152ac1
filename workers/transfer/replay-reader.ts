/**
 * Reads the tick log again for a client that was away, in parts that take a lane well below a millisecond. One lane's
 * own. Called when the plans of the audiences are written: it uses the turn's scratch.
 * See docs/decisions/0013-the-tick-log-is-read-again-without-a-lock.md.
 */

import type { ReplayPosition } from '../../src/lane-protocol/lane-commands.js'
import type { PositionRules } from '../../src/lane-protocol/lane-task.js'
import { decodeEvent } from '../../src/lane-protocol/stream-events.js'
import type { Checkpoint, FeedCheckpoints } from '../../src/memory/feed-checkpoints.js'
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

export interface ReplayPart extends ClientFrames {
  /** The place in the stream that it ends at. */
  readonly position: ReplayPosition
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
  next(from: ReplayPosition, audience: LaneAudience, endOffset: number): ReplayPart | undefined {
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

  private compose(reading: PartReading<Known>, audience: LaneAudience, from: ReplayPosition): ReplayPart {
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
      position: {
        offset: Math.max(reading.offset, from.offset),
        seq: stream.seq,
        continuity: reading.continuity.state,
      },
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
  private readonly isDelivered = new Map<Known, boolean>()
  /** Ticks up to this offset were sent before. */
  private readonly sentOffset: number
  private ticksLeft = TICKS_MAX

  constructor(
    deps: ReplayReaderDeps<Known>,
    reader: TickReader,
    audience: LaneAudience,
    from: ReplayPosition,
    start: Checkpoint,
  ) {
    const { codec, history, positions, quarantined, symbols } = deps
    this.deps = deps
    this.audience = audience
    this.sentOffset = from.offset
    this.cursor = new LogCursor(history, start.offset, codec.batchPath)
    this.continuity = new FeedContinuity(start, positions)
    this.deps = deps
    this.audience = audience
    this.sentOffset = from.offset
    this.cursor = new LogCursor(history, start.offset, codec.batchPath)
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
    if (this.offset < this.sentOffset) return true
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
    if (symbol === undefined || offset <= this.sentOffset || !this.delivers(symbol)) return
    const tick = isJson
      ? turn.addJson(classifier.reader, symbol, offset, history.receivedUs)
      : turn.addProtobuf(classifier.reader, tickStart, tickEnd, offset, history.receivedUs)
    plan.addTick(tick, turn.ticks[spec.encoding].bytesOf(tick) + bytesPerTick)
  }

  /** Whether the audience gets every tick of the symbol. */
  private delivers(symbol: Known): boolean {
    let isDelivered = this.isDelivered.get(symbol)
    if (isDelivered === undefined) {
      isDelivered = this.audience.deliveryOf(symbol.symbol) === EVERY
      this.isDelivered.set(symbol, isDelivered)
    }
    return isDelivered
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
    if (this.offset <= this.sentOffset) return
    this.plan.addNotice(this.deps.turn.notices.push({ reason, from, to, missed }) - 1, GAP_BYTES_MAX)
  }
}
