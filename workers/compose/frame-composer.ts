/**
 * Makes frames out of what was gathered: one message with ticks for the turn, or one for each tick, and gap messages in their
 * places. One lane's own; copies within the lane's memory, allocates nothing but for gaps.
 */
import type { CopyBytes } from '../../src/memory/lane-allocation.js'
import { MESSAGE_OVERHEAD_BYTES_MAX } from '../../src/protocol/envelope-format.js'
import { EnvelopeHead } from '../../src/protocol/envelope-head.js'
import { GAP_TEXT_BYTES_MAX, messageText } from '../../src/protocol/messages.js'
import { FRAME_HEADER_BYTES_MAX, writeTextFrameHeader } from '../../src/protocol/websocket-frame.js'
import { writeAscii } from '../../src/ticks/number-text.js'
import type { FramePlan } from '../collect/gathering.js'
import type { LaneAudience } from '../collect/lane-audience.js'
import type { Gap, Turn } from '../collect/turn-buffer.js'
import type { Deflater } from './deflater.js'

/** What a gap takes at the most: its own message, and that the ticks after it need a new one. */
export const GAP_BYTES_MAX = FRAME_HEADER_BYTES_MAX + GAP_TEXT_BYTES_MAX + MESSAGE_OVERHEAD_BYTES_MAX

const STAMPS_AT_FIRST = 256

/** Whose frames are composed. */
export type FrameStream = Pick<LaneAudience, 'spec' | 'format' | 'seq'>

export class FrameComposer {
  /** `ticks` messages in the frames last composed. */
  messages = 0
  /** When the turn in hand is published, µs; for those who ask for stamps. */
  publishedUs = 0
  private readonly bytes: Uint8Array
  private readonly copy: CopyBytes
  private readonly turn: Turn
  private readonly deflater: Deflater
  private readonly head = new EnvelopeHead()
  /** When the ticks of the message in hand came in, µs. */
  private stamps = new Float64Array(STAMPS_AT_FIRST)

  /**
   * @param bytes the lane's whole memory: scratch and frame ring
   * @param copy copies within it
   */
  constructor(bytes: Uint8Array, copy: CopyBytes, turn: Turn, deflater: Deflater) {
    this.bytes = bytes
    this.copy = copy
    this.turn = turn
    this.deflater = deflater
  }

  /** Writes at `at` the frames of what the audience has gathered, and moves its `seq`. @returns the index after them */
  compose(audience: FrameStream & FramePlan, at: number): number {
    const { runs, runCount } = audience
    let next = at
    let run = 0
    this.messages = 0
    while (run < runCount) {
      const first = runs[run * 2]!
      if (first < 0) {
        next = this.gap(this.turn.gaps[-1 - first]!, audience.seq, next)
        run++
        continue
      }
      let end = run + 1
      while (end < runCount && runs[end * 2]! >= 0) end++
      next = audience.spec.batch
        ? this.batch(audience, run, end, next)
        : this.singles(audience, run, end, next)
      run = end
    }
    return next
  }

  /**
   * Writes at `at` the frames of latest ticks, and moves the audience's `seq`.
   *
   * @param ticks of the turn, at least one
   * @param offset up to which they are the latest
   * @param merged how many ticks they stand for beside themselves
   * @returns the index after them
   */
  composeLatest(audience: FrameStream, ticks: FramePlan, at: number, offset: number, merged: number): number {
    const { runs, runCount } = ticks
    const { head } = this
    this.messages = 0
    if (audience.spec.batch) {
      head.begin(false, this.nextSeq(audience), offset)
      if (merged > 0) audience.format.addMerged(head, merged)
      return this.message(audience, runs, 0, runCount, at, audience.spec.windowBits)
    }
    let next = at
    let left = ticks.tickCount
    for (let run = 0; run < runCount; run++) {
      const last = runs[run * 2 + 1]!
      for (let tick = runs[run * 2]!; tick <= last; tick++) {
        head.begin(false, this.nextSeq(audience), offset)
        if (--left === 0 && merged > 0) audience.format.addMerged(head, merged)
        next = this.single(audience, tick, next)
      }
    }
    return next
  }

  /** Writes at `at` a message of a snapshot. @param ticks of the turn, maybe none @returns the index after it */
  composeSnapshot(
    audience: FrameStream,
    ticks: FramePlan,
    at: number,
    offset: number,
    isLast: boolean,
  ): number {
    const { head } = this
    head.begin(true, audience.seq, offset)
    if (!isLast) audience.format.addMore(head)
    // One client's own: whoever joins would cost the lane a compression.
    return this.message(audience, ticks.runs, 0, ticks.runCount, at, 0)
  }

  /** One message for the ticks of `runs[run, end)`. */
  private batch(audience: FrameStream & FramePlan, run: number, end: number, at: number): number {
    const { runs } = audience
    const offset = this.turn.ticks[audience.spec.encoding].offsets[runs[end * 2 - 1]!]!
    this.head.begin(false, this.nextSeq(audience), offset)
    return this.message(audience, runs, run, end, at, audience.spec.windowBits)
  }

  /** A message for each tick of `runs[run, end)`. */
  private singles(audience: FrameStream & FramePlan, run: number, end: number, at: number): number {
    const { runs } = audience
    const { offsets } = this.turn.ticks[audience.spec.encoding]
    let next = at
    for (let index = run; index < end; index++) {
      const last = runs[index * 2 + 1]!
      for (let tick = runs[index * 2]!; tick <= last; tick++) {
        this.head.begin(false, this.nextSeq(audience), offsets[tick]!)
        next = this.single(audience, tick, next)
      }
    }
    return next
  }

  private nextSeq(audience: FrameStream): number {
    this.messages++
    return ++audience.seq
  }

  /** The message that `head` begins, with the ticks of `runs[run, end)`. */
  private message(
    { format, spec }: FrameStream,
    runs: Int32Array,
    run: number,
    end: number,
    at: number,
    windowBits: number,
  ): number {
    const { bytes, head } = this
    const { receivedUs, starts } = this.turn.ticks[spec.encoding]
    let tickBytes = end > run ? -format.separatorBytes : 0
    for (let index = run; index < end; index++)
      tickBytes += starts[runs[index * 2 + 1]! + 1]! - starts[runs[index * 2]!]!
    if (spec.stamps) {
      let count = 0
      for (let index = run; index < end; index++)
        for (let tick = runs[index * 2]!; tick <= runs[index * 2 + 1]!; tick++)
          this.stamp(count++, receivedUs[tick]!)
      format.addStamps(head, this.publishedUs, this.stamps, count)
    }
    const payloadBytes = format.headBytes(head) + tickBytes + format.tailBytes
    const payloadStart = format.writeFrameHeader(bytes, at, payloadBytes)
    let next = format.writeHead(bytes, payloadStart, head)
    const ticksEnd = next + tickBytes
    for (let index = run; index < end; index++) {
      const from = starts[runs[index * 2]!]!
      const to = starts[runs[index * 2 + 1]! + 1]!
      this.copy(next, from, to - from)
      next += to - from
    }
    // The last separator is written over.
    return this.finish(at, payloadStart, format.writeTail(bytes, ticksEnd), windowBits)
  }

  /** The message that `head` begins, with one tick. */
  private single({ format, spec }: FrameStream, tick: number, at: number): number {
    const { bytes, head } = this
    const { receivedUs, starts } = this.turn.ticks[spec.encoding]
    const from = starts[tick]!
    const tickBytes = starts[tick + 1]! - from - format.separatorBytes
    if (spec.stamps) {
      this.stamp(0, receivedUs[tick]!)
      format.addStamps(head, this.publishedUs, this.stamps, 1)
    }
    const payloadBytes = format.headBytes(head) + tickBytes + format.tailBytes
    const payloadStart = format.writeFrameHeader(bytes, at, payloadBytes)
    const next = format.writeHead(bytes, payloadStart, head)
    this.copy(next, from, tickBytes)
    return this.finish(at, payloadStart, format.writeTail(bytes, next + tickBytes), spec.windowBits)
  }

  /** Compresses the frame at `at` where that is wanted. @returns the index after it */
  private finish(at: number, payloadStart: number, end: number, windowBits: number): number {
    return windowBits === 0 ? end : this.deflater.deflate(at, payloadStart, end, windowBits)
  }

  private stamp(index: number, receivedUs: number): void {
    if (index === this.stamps.length) {
      const wider = new Float64Array(2 * index)
      wider.set(this.stamps)
      this.stamps = wider
    }
    this.stamps[index] = receivedUs
  }

  private gap(gap: Gap, seq: number, at: number): number {
    return writeTextFrame(this.bytes, at, messageText({ type: 'gap', ...gap, seq }))
  }
}

/** Writes an ASCII text as a frame at `at`. @returns the index after it */
function writeTextFrame(bytes: Uint8Array, at: number, text: string): number {
  return writeAscii(bytes, writeTextFrameHeader(bytes, at, text.length), text)
}
