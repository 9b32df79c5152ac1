/**
 * Composes frames from a plan: one message with the ticks of the turn or one per tick, and gap messages in their
 * places. One lane's own; copies within the lane's memory and allocates nothing but for gaps.
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
import type { Gap, TurnBuffer } from '../collect/turn-buffer.js'
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

  /** Begins a turn. @param publishedUs its time, for messages with stamps, µs */
  beginTurn(publishedUs: number): void {
    this.publishedUs = publishedUs
  }

  /** Writes the frames of a plan from `start` on. @returns where they end */
  compose(stream: FrameStream, plan: FramePlan, start: number): number {
    const { runs, runCount } = plan
    let next = start
    let run = 0
    while (run < runCount) {
      const first = runs[run * 2]!
      if (first < 0) {
        next = this.gap(this.turn.gaps[-1 - first]!, stream.seq, next)
        run++
        continue
      }
      let endRun = run + 1
      while (endRun < runCount && runs[endRun * 2]! >= 0) endRun++
      next = stream.spec.batch
        ? this.batch(stream, runs, run, endRun, next)
        : this.singles(stream, runs, run, endRun, next)
      run = endRun
    }
    return next
  }

  /**
   * Writes the frames of latest ticks from `start` on.
   *
   * @param plan at least one tick, no gaps
   * @param offset up to which the ticks are the latest
   * @param merged how many ticks they replace
   * @returns where the frames end
   */
  composeLatest(stream: FrameStream, plan: FramePlan, start: number, offset: number, merged: number): number {
    const { runs, runCount } = plan
    const { head } = this
    if (stream.spec.batch) {
      head.begin(false, ++stream.seq, offset)
      if (merged > 0) stream.format.addMerged(head, merged)
      return this.message(stream, runs, 0, runCount, start, stream.windowBits)
    }
    let next = start
    let ticksLeft = plan.tickCount
    for (let run = 0; run < runCount; run++) {
      const last = runs[run * 2 + 1]!
      for (let tick = runs[run * 2]!; tick <= last; tick++) {
        head.begin(false, ++stream.seq, offset)
        if (--ticksLeft === 0 && merged > 0) stream.format.addMerged(head, merged)
        next = this.single(stream, tick, next)
      }
    }
    return next
  }

  /**
   * Writes one message of a snapshot from `start` on, not compressed.
   *
   * @param plan no gaps
   * @returns where the frame ends
   */
  composeSnapshot(
    stream: FrameStream,
    plan: FramePlan,
    start: number,
    offset: number,
    isLast: boolean,
  ): number {
    const { head } = this
    head.begin(true, stream.seq, offset)
    if (!isLast) stream.format.addMore(head)
    return this.message(stream, plan.runs, 0, plan.runCount, start, 0)
  }

  /** One message for the ticks of `runs[run, endRun)`. */
  private batch(stream: FrameStream, runs: Int32Array, run: number, endRun: number, start: number): number {
    const offset = this.turn.ticks[stream.spec.encoding].offsets[runs[endRun * 2 - 1]!]!
    this.head.begin(false, ++stream.seq, offset)
    return this.message(stream, runs, run, endRun, start, stream.windowBits)
  }

  /** A message for each tick of `runs[run, endRun)`. */
  private singles(stream: FrameStream, runs: Int32Array, run: number, endRun: number, start: number): number {
    const { offsets } = this.turn.ticks[stream.spec.encoding]
    let next = start
    for (let index = run; index < endRun; index++) {
      const last = runs[index * 2 + 1]!
      for (let tick = runs[index * 2]!; tick <= last; tick++) {
        this.head.begin(false, ++stream.seq, offsets[tick]!)
        next = this.single(stream, tick, next)
      }
    }
    return next
  }

  /** Writes the message that `head` begins, with the ticks of `runs[run, endRun)`. */
  private message(
    { format, spec }: FrameStream,
    runs: Int32Array,
    run: number,
    endRun: number,
    start: number,
    windowBits: number,
  ): number {
    const { bytes, head } = this
    const { receivedUs, starts } = this.turn.ticks[spec.encoding]
    let tickBytes = endRun > run ? -format.separatorBytes : 0
    for (let index = run; index < endRun; index++)
      tickBytes += starts[runs[index * 2 + 1]! + 1]! - starts[runs[index * 2]!]!
    if (spec.stamps) {
      let count = 0
      for (let index = run; index < endRun; index++)
        for (let tick = runs[index * 2]!; tick <= runs[index * 2 + 1]!; tick++)
          this.stamp(count++, receivedUs[tick]!)
      format.addStamps(head, this.publishedUs, this.stamps, count)
    }
    const payloadBytes = format.headBytes(head) + tickBytes + format.tailBytes
    const payloadStart = format.writeFrameHeader(bytes, start, payloadBytes)
    let next = format.writeHead(bytes, payloadStart, head)
    const ticksEnd = next + tickBytes
    for (let index = run; index < endRun; index++) {
      const from = starts[runs[index * 2]!]!
      const to = starts[runs[index * 2 + 1]! + 1]!
      this.copy(next, from, to - from)
      next += to - from
    }
    // The tail overwrites the last separator.
    return this.finish(start, payloadStart, format.writeTail(bytes, ticksEnd), windowBits)
  }

  /** Writes the message that `head` begins, with one tick. */
  private single({ format, spec, windowBits }: FrameStream, tick: number, start: number): number {
    const { bytes, head } = this
    const { receivedUs, starts } = this.turn.ticks[spec.encoding]
    const from = starts[tick]!
    const tickBytes = starts[tick + 1]! - from - format.separatorBytes
    if (spec.stamps) {
      this.stamp(0, receivedUs[tick]!)
      format.addStamps(head, this.publishedUs, this.stamps, 1)
    }
    const payloadBytes = format.headBytes(head) + tickBytes + format.tailBytes
    const payloadStart = format.writeFrameHeader(bytes, start, payloadBytes)
    const next = format.writeHead(bytes, payloadStart, head)
    this.copy(next, from, tickBytes)
    return this.finish(start, payloadStart, format.writeTail(bytes, next + tickBytes), windowBits)
  }

  /** Compresses the frame at `start`, if its stream is compressed. @returns where the frame ends */
  private finish(start: number, payloadStart: number, end: number, windowBits: number): number {
    return windowBits === 0 ? end : this.deflater.deflate(start, payloadStart, end, windowBits)
  }

  private stamp(index: number, receivedUs: number): void {
    if (index === this.stamps.length) {
      const larger = new Float64Array(2 * index)
      larger.set(this.stamps)
      this.stamps = larger
    }
    this.stamps[index] = receivedUs
  }

  private gap(gap: Gap, seq: number, start: number): number {
    return writeTextFrame(this.bytes, start, messageText({ type: 'gap', ...gap, seq }))
  }
}

/** Writes an ASCII text as a frame. @returns where the frame ends */
function writeTextFrame(bytes: Uint8Array, start: number, text: string): number {
  return writeAscii(bytes, writeTextFrameHeader(bytes, start, text.length), text)
}
