/**
 * Makes an audience's frames out of what it gathered: one `ticks` message for the turn, or one for each tick, and gap
 * messages in their places. One lane's own; copies within the lane's memory, allocates nothing but for gaps.
 */
import { GAP_TEXT_BYTES_MAX, messageText } from '../src/protocol/messages.js'
import { writeAscii } from '../src/protocol/number-text.js'
import { MESSAGE_OVERHEAD_BYTES_MAX } from '../src/protocol/ticks-format.js'
import { FRAME_HEADER_BYTES_MAX, writeTextFrameHeader } from '../src/protocol/websocket-frame.js'
import type { LaneAudience } from './lane-audience.js'
import type { Gap, Turn } from './turn.js'

/** What a gap takes at the most: its own message, and that the ticks after it need a new one. */
export const GAP_BYTES_MAX = FRAME_HEADER_BYTES_MAX + GAP_TEXT_BYTES_MAX + MESSAGE_OVERHEAD_BYTES_MAX

export class FrameComposer {
  /** `ticks` messages in the frames last composed. */
  messages = 0
  private readonly bytes: Uint8Array
  private readonly turn: Turn

  /** @param bytes the lane's whole memory: scratch and frame ring */
  constructor(bytes: Uint8Array, turn: Turn) {
    this.bytes = bytes
    this.turn = turn
  }

  /** Writes the audience's frames at `at` and moves its `seq`. @returns the index after them */
  compose(audience: LaneAudience, at: number): number {
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

  /** One message for the ticks of `runs[run, end)`. */
  private batch(audience: LaneAudience, run: number, end: number, at: number): number {
    const { format, runs } = audience
    const { starts, offsets } = this.turn.ticks[audience.spec.encoding]
    let tickBytes = -format.separatorBytes
    for (let index = run; index < end; index++)
      tickBytes += starts[runs[index * 2 + 1]! + 1]! - starts[runs[index * 2]!]!
    const offset = offsets[runs[end * 2 - 1]!]!
    let next = this.head(audience, offset, tickBytes, at)
    for (let index = run; index < end; index++) {
      const from = starts[runs[index * 2]!]!
      const to = starts[runs[index * 2 + 1]! + 1]!
      this.bytes.copyWithin(next, from, to)
      next += to - from
    }
    // The last separator is written over.
    return format.writeTail(this.bytes, next - format.separatorBytes)
  }

  /** A message for each tick of `runs[run, end)`. */
  private singles(audience: LaneAudience, run: number, end: number, at: number): number {
    const { format, runs } = audience
    const { starts, offsets } = this.turn.ticks[audience.spec.encoding]
    let next = at
    for (let index = run; index < end; index++) {
      const last = runs[index * 2 + 1]!
      for (let tick = runs[index * 2]!; tick <= last; tick++) {
        const from = starts[tick]!
        const tickBytes = starts[tick + 1]! - from - format.separatorBytes
        next = this.head(audience, offsets[tick]!, tickBytes, next)
        this.bytes.copyWithin(next, from, from + tickBytes)
        next = format.writeTail(this.bytes, next + tickBytes)
      }
    }
    return next
  }

  private head(audience: LaneAudience, offset: number, tickBytes: number, at: number): number {
    const { format } = audience
    const seq = ++audience.seq
    this.messages++
    const payloadBytes = format.headBytes(seq, offset) + tickBytes + format.tailBytes
    return format.writeHead(this.bytes, format.writeFrameHeader(this.bytes, at, payloadBytes), seq, offset)
  }

  private gap(gap: Gap, seq: number, at: number): number {
    return writeTextFrame(this.bytes, at, messageText({ type: 'gap', ...gap, seq }))
  }
}

/** Writes an ASCII text as a frame at `at`. @returns the index after it */
function writeTextFrame(bytes: Uint8Array, at: number, text: string): number {
  return writeAscii(bytes, writeTextFrameHeader(bytes, at, text.length), text)
}
