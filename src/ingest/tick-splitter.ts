/**
 * Takes messages apart at tick boundaries: drops repeated ticks, finds what is missing, and gives each tick its offset. Any
 * thread. It decodes no tick: of ticks without a first position outside of them it reads the position and no other field.
 */
import type { LostEvent } from '../lane-protocol/stream-events.js'
import { type RecordType, TICK, TICK_BATCH } from '../memory/tick-log-layout.js'
import { BatchLevels } from '../ticks/batch-levels.js'
import type { BatchReader } from '../ticks/batch-reader.js'
import { FirstPosition } from '../ticks/first-position.js'
import { NO_TICK, type PositionReader, type TickCodec } from '../ticks/tick-codec.js'
import { epochName } from './epoch-name.js'
import { BROKEN, FeedPositions, type PositionRules, SEEN, WHOLE } from './feed-positions.js'
import { OffsetCounter } from './offset-counter.js'
import type { FeedSession, MessageForm, SourceLoss } from './tick-sink.js'

export type { LostEvent, RecordType }
export { TICK }

/** Ticks in one record at the most: a lane looks up from its work between records. */
const RECORD_TICKS_MAX = 128
const RECORD_BYTES_MAX = 16 * 1024
/** A tag of 0: no message begins so. An empty one would be a message with nothing in it. */
const MALFORMED_TICK = Uint8Array.of(0)
/** As a first position: each tick has its own, or none. */
const OWN_POSITIONS = -1

/** Takes the ticks and the losses of messages, in the order of the stream. */
export interface SplitTicks {
  /** @param offset of the first tick; the others follow without a hole */
  pushTicks(
    type: RecordType,
    count: number,
    offset: number,
    message: Uint8Array,
    start: number,
    end: number,
    receivedUs: number,
  ): void
  pushLoss(loss: LostEvent): void
  seenBefore(): void
  positionsBroken(): void
  /** A message that is a batch of no ticks, as feeds send to show that they live. */
  batchWasEmpty(): void
}

export interface TickSplitterDeps {
  readonly codec: Pick<
    TickCodec,
    'batchPath' | 'createPositionReader' | 'firstPositionField' | 'tickBytesMax'
  >
  readonly positions: PositionRules
  /** The name of the first epoch, until the source names one. */
  readonly epochName: string
  /** The last position of that epoch that came before. Left out: nothing came, and the epoch is counted. */
  readonly after?: number
  /** The longest payload of a record. */
  readonly payloadBytesMax: number
  readonly target: SplitTicks
}

export class TickSplitter {
  private readonly target: SplitTicks
  private readonly positions: FeedPositions
  private readonly offsets: OffsetCounter
  private readonly batches: BatchLevels
  private readonly positionReader: PositionReader | undefined
  private readonly firstPosition: FirstPosition
  private readonly tickBytesMax: number
  private readonly recordBytesMax: number
  /** The position of the next tick of the current message, or OWN_POSITIONS. */
  private nextPosition = OWN_POSITIONS
  /** Whether a tick of the current message was seen. */
  private hasTicks = false

  constructor({ after, codec, epochName, payloadBytesMax, positions, target }: TickSplitterDeps) {
    this.target = target
    this.positions = new FeedPositions(positions, codec.tickBytesMax, after)
    this.offsets = new OffsetCounter(epochName, after)
    this.batches = new BatchLevels(codec.batchPath, (batch, message, receivedUs) =>
      this.pushTicksOf(batch, message, receivedUs),
    )
    this.positionReader = codec.createPositionReader()
    this.firstPosition = new FirstPosition(codec, this.positionReader)
    this.tickBytesMax = codec.tickBytesMax
    this.recordBytesMax = Math.min(RECORD_BYTES_MAX, payloadBytesMax)
  }

  get lastPosition(): number {
    return this.positions.lastPosition
  }

  sessionStarted({ continuous, epoch, number }: FeedSession): void {
    this.positions.sessionStarted(number === 1, continuous)
    this.offsets.sessionStarted(epoch === undefined ? undefined : epochName(epoch))
  }

  /**
   * @param firstPosition see TickSink.push
   * @returns false where the rest of the message cannot be taken apart
   */
  push(
    message: Uint8Array,
    form: MessageForm,
    firstPosition: number | undefined,
    receivedUs: number,
  ): boolean {
    this.nextPosition = firstPosition ?? OWN_POSITIONS
    let isWhole = true
    if (form !== 'batch' || this.batches.areTicks) this.pushTick(message, receivedUs)
    else {
      if (firstPosition === undefined) this.nextPosition = this.firstPositionOf(message)
      this.hasTicks = false
      isWhole = this.batches.walk(message, receivedUs)
      if (isWhole && !this.hasTicks) this.target.batchWasEmpty()
    }
    this.positions.keepTick()
    return isWhole
  }

  lose(loss: SourceLoss): void {
    this.positions.lose(loss.missed ?? 0)
    this.target.pushLoss(this.offsets.lose(loss))
  }

  private firstPositionOf(message: Uint8Array): number {
    const position = this.firstPosition.find(message)
    return position > 0 ? position : OWN_POSITIONS
  }

  private pushTicksOf(batch: BatchReader, message: Uint8Array, receivedUs: number): void {
    const { offsets, target } = this
    let start = 0
    let end = 0
    let count = 0
    let first = 0
    let hasNext = batch.next()
    this.hasTicks ||= hasNext
    for (; hasNext; hasNext = batch.next()) {
      const { tickEnd, tickStart } = batch
      const position = this.positionOf(message, tickStart, tickEnd)
      const verdict = this.judge(position, message, tickStart, tickEnd)
      const isOversized = tickEnd - tickStart > this.tickBytesMax
      const isPlain = !isOversized && offsets.isNext(position, verdict)
      if (!isPlain || count === RECORD_TICKS_MAX || batch.position - start > this.recordBytesMax) {
        if (count > 0) target.pushTicks(TICK_BATCH, count, first, message, start, end, receivedUs)
        count = 0
      }
      let offset: number | undefined
      if (isPlain) offset = offsets.next()
      else offset = this.number(position, verdict)
      if (offset === undefined) continue
      if (isOversized) this.pushOversized(offset, receivedUs)
      else {
        if (count === 0) {
          // Not where the tick before ends: what lies between is no tick, and may be of any size.
          start = batch.fieldStart
          first = offset
        }
        count++
        end = batch.position
      }
    }
    if (count > 0) target.pushTicks(TICK_BATCH, count, first, message, start, end, receivedUs)
  }

  private pushTick(message: Uint8Array, receivedUs: number): void {
    const { length } = message
    const position = this.positionOf(message, 0, length)
    const verdict = this.judge(position, message, 0, length)
    const offset = this.offsets.isNext(position, verdict)
      ? this.offsets.next()
      : this.number(position, verdict)
    if (offset === undefined) return
    if (length > this.tickBytesMax) this.pushOversized(offset, receivedUs)
    else this.target.pushTicks(TICK, 1, offset, message, 0, length, receivedUs)
  }

  /** A malformed tick takes the place of a tick that is too large: the lanes tell a loss. */
  private pushOversized(offset: number, receivedUs: number): void {
    this.target.pushTicks(TICK, 1, offset, MALFORMED_TICK, 0, MALFORMED_TICK.length, receivedUs)
  }

  private positionOf(message: Uint8Array, start: number, end: number): number {
    if (this.nextPosition !== OWN_POSITIONS) return this.nextPosition++
    return this.positionReader === undefined ? 0 : this.positionReader.positionOf(message, start, end)
  }

  /** @returns as FeedPositions.take */
  private judge(position: number, message: Uint8Array, start: number, end: number): number {
    if (position >= 0) return this.positions.take(position, message, start, end)
    // It may have taken a position that nobody can read.
    if (position === NO_TICK) this.positions.lose(1)
    return WHOLE
  }

  /** Tells what stands before the tick. @returns its offset; undefined: the tick is not put into the stream */
  private number(position: number, verdict: number): number | undefined {
    if (verdict === SEEN) {
      this.target.seenBefore()
      return undefined
    }
    if (verdict === BROKEN) this.target.positionsBroken()
    const { loss, offset } = this.offsets.take(position, verdict)
    if (loss !== undefined) this.target.pushLoss(loss)
    return offset
  }
}
