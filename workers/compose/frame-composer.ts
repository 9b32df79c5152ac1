/**
 * Composes frames from a plan: one message with the ticks of the turn or one per tick, and notices in their places. One
 * lane's own; copies within the lane's memory, and allocates only for gaps and when `stamps` grows.
 * It reads `spans` as the drawing in frame-plan.ts shows them.
 */
import type { StreamForm } from '../../src/lane-protocol/audience-spec.js'
import type { CopyBytes } from '../../src/memory/lane-allocation.js'
import type { EnvelopeFormat } from '../../src/protocol/envelope-format.js'
import { EnvelopeHead } from '../../src/protocol/envelope-head.js'
import { messageText } from '../../src/protocol/messages.js'
import { writeTextFrameHeader } from '../../src/protocol/websocket-frame.js'
import { writeAscii } from '../../src/ticks/number-text.js'
import type { FramePlan } from '../collect/frame-plan.js'
import type { LaneAudience } from '../collect/lane-audience.js'
import type { Notice, TurnBuffer } from '../collect/turn-buffer.js'
import type { SnapshotPlan } from '../conflate/snapshot-plan.js'
import type { Deflater } from './deflater.js'

const STAMPS_AT_FIRST = 256

/** A numbered stream of messages: that of an audience, or that of one client. */
export interface FrameStream {
  readonly spec: StreamForm
  readonly format: EnvelopeFormat
  /** Base-2 logarithm of the window that its messages are compressed with; 0: they are not compressed. */
  readonly windowBits: number
  /** Number of the last `ticks` message. Composing a message raises it. */
  seq: number
}

/** A stream for one client of an audience, not compressed: docs/decisions/0008-single-clients-get-plain-bytes.md. */
export function clientStream({ format, spec }: LaneAudience, seq: number): FrameStream {
  return { spec, format, windowBits: 0, seq }
}

export class FrameComposer {
  private readonly bytes: Uint8Array
  private readonly copy: CopyBytes
  private readonly turn: TurnBuffer
  private readonly deflater: Deflater
  private readonly head = new EnvelopeHead()
  private publishedUs = 0
  /** Makes the time at which a tick came in one of the system's clock. */
  private aheadUs = 0
  /** When the ticks of the current message came in, µs. */
  private stamps = new Float64Array(STAMPS_AT_FIRST)

  /**
   * @param bytes the lane's whole memory: scratch and frame ring
   * @param copy copies within it
   */
  constructor(bytes: Uint8Array, copy: CopyBytes, turn: TurnBuffer, deflater: Deflater) {
    this.bytes = bytes
    this.copy = copy
    this.turn = turn
    this.deflater = deflater
  }

  /** Begins a turn. @param nowUs its time, for messages with stamps, µs @param aheadUs see `Clock` */
  beginTurn(nowUs: number, aheadUs: number): void {
    this.publishedUs = nowUs + aheadUs
    this.aheadUs = aheadUs
  }

  /** Writes the frames of a plan from `start` on. @returns where they end */
  compose(stream: FrameStream, plan: FramePlan, start: number): number {
    const { spans, spanCount } = plan
    let end = start
    let span = 0
    while (span < spanCount) {
      if (plan.isNotice(span)) {
        end = this.writeNotice(this.turn.notices[plan.noticeAt(span)]!, stream.seq, end)
        span++
        continue
      }
      let spanEnd = span + 1
      while (spanEnd < spanCount && !plan.isNotice(spanEnd)) spanEnd++
      end = stream.spec.batch
        ? this.writeBatch(stream, spans, span, spanEnd, end)
        : this.writeSingles(stream, spans, span, spanEnd, end)
      span = spanEnd
    }
    return end
  }

  /**
   * Writes the frames of latest ticks from `start` on. `merged` stands on the last message: only then has a client all
   * the ticks that replace the merged ones, and the number is told once.
   *
   * @param plan at least one tick, no notices
   * @param offset up to which the ticks are the latest
   * @param merged how many ticks they replace
   * @returns where the frames end
   */
  composeLatest(stream: FrameStream, plan: FramePlan, start: number, offset: number, merged: number): number {
    const { spans, spanCount } = plan
    const { head } = this
    if (stream.spec.batch) {
      head.beginTicks(++stream.seq, offset)
      if (merged > 0) stream.format.addMerged(head, merged)
      return this.writeMessage(stream, spans, 0, spanCount, start)
    }
    let end = start
    let ticksLeft = plan.tickCount
    for (let span = 0; span < spanCount; span++) {
      const last = spans[span * 2 + 1]!
      for (let tick = spans[span * 2]!; tick <= last; tick++) {
        head.beginTicks(++stream.seq, offset)
        if (--ticksLeft === 0 && merged > 0) stream.format.addMerged(head, merged)
        end = this.writeSingle(stream, tick, end)
      }
    }
    return end
  }

  /**
   * Writes one message of a snapshot from `start` on, not compressed.
   *
   * @returns where the frame ends
   */
  composeSnapshot(
    { format, seq, spec }: FrameStream,
    plan: SnapshotPlan,
    start: number,
    offset: number,
    isLast: boolean,
    isIncomplete: boolean,
  ): number {
    const { bytes, head } = this
    const { rangeCount, ranges, tickCount } = plan
    head.beginSnapshot(seq, offset)
    if (!isLast) format.addMore(head)
    if (isIncomplete) format.addIncomplete(head)
    if (spec.stamps) {
      for (let tick = 0; tick < tickCount; tick++) this.addStamp(tick, plan.receivedUs[tick]!)
      format.addStamps(head, this.publishedUs, this.stamps, tickCount)
    }
    const tickBytes = tickCount === 0 ? 0 : plan.tickBytes - format.separatorBytes
    const payloadBytes = format.headBytes(head) + tickBytes + format.tailBytes
    const payloadStart = format.writeFrameHeader(bytes, start, payloadBytes)
    const ticksStart = format.writeHead(bytes, payloadStart, head)
    let end = ticksStart
    for (let range = 0; range < rangeCount; range++) {
      const from = ranges[2 * range]!
      const length = ranges[2 * range + 1]! - from
      this.copy(end, from, length)
      end += length
    }
    // The tail overwrites the last separator.
    return format.writeTail(bytes, ticksStart + tickBytes)
  }

  /** One message for the ticks of the spans `[span, spanEnd)`. */
  private writeBatch(
    stream: FrameStream,
    spans: Int32Array,
    span: number,
    spanEnd: number,
    start: number,
  ): number {
    const offset = this.turn.ticks[stream.spec.encoding].offsets[spans[spanEnd * 2 - 1]!]!
    this.head.beginTicks(++stream.seq, offset)
    return this.writeMessage(stream, spans, span, spanEnd, start)
  }

  /** A message for each tick of the spans `[span, spanEnd)`. */
  private writeSingles(
    stream: FrameStream,
    spans: Int32Array,
    span: number,
    spanEnd: number,
    start: number,
  ): number {
    const { offsets } = this.turn.ticks[stream.spec.encoding]
    let end = start
    for (let index = span; index < spanEnd; index++) {
      const last = spans[index * 2 + 1]!
      for (let tick = spans[index * 2]!; tick <= last; tick++) {
        this.head.beginTicks(++stream.seq, offsets[tick]!)
        end = this.writeSingle(stream, tick, end)
      }
    }
    return end
  }

  /** Writes the message that `head` begins, with the ticks of the spans `[span, spanEnd)`. */
  private writeMessage(
    { format, spec, windowBits }: FrameStream,
    spans: Int32Array,
    span: number,
    spanEnd: number,
    start: number,
  ): number {
    const { bytes, head } = this
    const { receivedUs, starts } = this.turn.ticks[spec.encoding]
    let tickBytes = -format.separatorBytes
    for (let index = span; index < spanEnd; index++)
      tickBytes += starts[spans[index * 2 + 1]! + 1]! - starts[spans[index * 2]!]!
    if (spec.stamps) {
      let count = 0
      for (let index = span; index < spanEnd; index++)
        for (let tick = spans[index * 2]!; tick <= spans[index * 2 + 1]!; tick++)
          this.addStamp(count++, receivedUs[tick]!)
      format.addStamps(head, this.publishedUs, this.stamps, count)
    }
    const payloadBytes = format.headBytes(head) + tickBytes + format.tailBytes
    const payloadStart = format.writeFrameHeader(bytes, start, payloadBytes)
    let end = format.writeHead(bytes, payloadStart, head)
    const ticksEnd = end + tickBytes
    for (let index = span; index < spanEnd; index++) {
      const from = starts[spans[index * 2]!]!
      const to = starts[spans[index * 2 + 1]! + 1]!
      this.copy(end, from, to - from)
      end += to - from
    }
    // The tail overwrites the last separator.
    return this.finishFrame(start, payloadStart, format.writeTail(bytes, ticksEnd), windowBits)
  }

  /** Writes the message that `head` begins, with one tick. */
  private writeSingle({ format, spec, windowBits }: FrameStream, tick: number, start: number): number {
    const { bytes, head } = this
    const { receivedUs, starts } = this.turn.ticks[spec.encoding]
    const from = starts[tick]!
    const tickBytes = starts[tick + 1]! - from - format.separatorBytes
    if (spec.stamps) {
      this.addStamp(0, receivedUs[tick]!)
      format.addStamps(head, this.publishedUs, this.stamps, 1)
    }
    const payloadBytes = format.headBytes(head) + tickBytes + format.tailBytes
    const payloadStart = format.writeFrameHeader(bytes, start, payloadBytes)
    const headEnd = format.writeHead(bytes, payloadStart, head)
    this.copy(headEnd, from, tickBytes)
    return this.finishFrame(start, payloadStart, format.writeTail(bytes, headEnd + tickBytes), windowBits)
  }

  /** Compresses the frame at `start`, if its stream is compressed. @returns where the frame ends */
  private finishFrame(start: number, payloadStart: number, end: number, windowBits: number): number {
    return windowBits === 0 ? end : this.deflater.deflate(start, payloadStart, end, windowBits)
  }

  private addStamp(index: number, receivedUs: number): void {
    if (index === this.stamps.length) {
      const larger = new Float64Array(2 * index)
      larger.set(this.stamps)
      this.stamps = larger
    }
    this.stamps[index] = receivedUs + this.aheadUs
  }

  private writeNotice(notice: Notice, seq: number, start: number): number {
    if (!(notice instanceof Uint8Array))
      return writeTextFrame(this.bytes, start, messageText({ type: 'gap', ...notice, seq }))
    this.bytes.set(notice, start)
    return start + notice.length
  }
}

/** Writes an ASCII text as a frame. @returns where the frame ends */
function writeTextFrame(bytes: Uint8Array, start: number, text: string): number {
  return writeAscii(bytes, writeTextFrameHeader(bytes, start, text.length), text)
}
