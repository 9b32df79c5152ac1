/**
 * How a `ticks` message is put around encoded ticks, in each encoding. Lanes only; chosen once for each audience.
 */
import type { Encoding } from './audience-spec.js'
import {
  TICKS_HEAD_BYTES_MAX,
  TICKS_TAIL_BYTES,
  ticksHeadBytes,
  writeTicksHead,
  writeTicksTail,
} from './ticks-message.js'
import { varintBytes, writeVarint } from './varint.js'
import { FRAME_HEADER_BYTES_MAX, writeBinaryFrameHeader, writeTextFrameHeader } from './websocket-frame.js'

export interface TicksFormat {
  /** Bytes behind each encoded tick that are left out behind the last. */
  readonly separatorBytes: number
  readonly tailBytes: number
  /** Bytes that `writeHead` will write. */
  headBytes(seq: number, offset: number): number
  /** Each writes at `at`. @returns the index after what it wrote */
  writeFrameHeader(bytes: Uint8Array, at: number, payloadBytes: number): number
  writeHead(bytes: Uint8Array, at: number, seq: number, offset: number): number
  writeTail(bytes: Uint8Array, at: number): number
}

// Field number << 3 | wire type, of TicksMessage in proto/ringcast.proto.
const SEQ_TAG = 0x08
const OFFSET_TAG = 0x10
export const TICKS_TAG = 0x1a

export const TICKS_FORMATS: Readonly<Record<Encoding, TicksFormat>> = {
  json: {
    separatorBytes: 1,
    tailBytes: TICKS_TAIL_BYTES,
    headBytes: ticksHeadBytes,
    writeFrameHeader: writeTextFrameHeader,
    writeHead: writeTicksHead,
    writeTail: writeTicksTail,
  },
  protobuf: {
    separatorBytes: 0,
    tailBytes: 0,
    headBytes: (seq, offset) => 2 + varintBytes(seq) + varintBytes(offset),
    writeFrameHeader: writeBinaryFrameHeader,
    writeHead(bytes, at, seq, offset) {
      bytes[at] = SEQ_TAG
      const next = writeVarint(bytes, at + 1, seq)
      bytes[next] = OFFSET_TAG
      return writeVarint(bytes, next + 1, offset)
    },
    writeTail: (_, at) => at,
  },
}

/** What a `ticks` message adds to the ticks in it at the most, in any encoding: JSON needs more than protobuf. */
export const MESSAGE_OVERHEAD_BYTES_MAX = FRAME_HEADER_BYTES_MAX + TICKS_HEAD_BYTES_MAX + TICKS_TAIL_BYTES
