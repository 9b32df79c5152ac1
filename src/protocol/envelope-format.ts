/**
 * The envelope of a message with ticks (frame header, head and tail) in each encoding. Lanes only.
 * An audience chooses its format once.
 */
import { varintBytes, writeVarint } from '../ticks/varint.js'
import type { Encoding } from './encoding.js'
import type { EnvelopeHead } from './envelope-head.js'
import {
  addIncomplete,
  addMerged,
  addMore,
  addStamps,
  STAMP_BYTES_MAX,
  TICKS_EXTRAS_BYTES_MAX,
  TICKS_HEAD_BYTES_MAX,
  TICKS_TAIL_BYTES,
  ticksHeadBytes,
  writeTicksHead,
  writeTicksTail,
} from './ticks-message.js'
import { FRAME_HEADER_BYTES_MAX, writeBinaryFrameHeader, writeTextFrameHeader } from './websocket-frame.js'

export interface EnvelopeFormat {
  /** Length of the separator behind each encoded tick but the last. */
  readonly separatorBytes: number
  readonly tailBytes: number
  // Each adds a field to the extras of a head. Called at most once each, in this order.
  addMerged(head: EnvelopeHead, merged: number): void
  addMore(head: EnvelopeHead): void
  addIncomplete(head: EnvelopeHead): void
  addStamps(head: EnvelopeHead, publishedUs: number, receivedUs: Float64Array, count: number): void
  /** Length of the head that `writeHead` writes. */
  headBytes(head: EnvelopeHead): number
  // Each writes at the index `at` and returns the index behind the last byte written.
  writeFrameHeader(bytes: Uint8Array, at: number, payloadBytes: number): number
  writeHead(bytes: Uint8Array, at: number, head: EnvelopeHead): number
  writeTail(bytes: Uint8Array, at: number): number
}

// The tags of TicksMessage in proto/ringcast.proto: field number << 3 | wire type.
const SEQ_TAG = 0x08
const OFFSET_TAG = 0x10
const MERGED_TAG = 0x20
const SNAPSHOT_TAG = 0x28
const MORE_TAG = 0x30
const PUBLISHED_TAG = 0x38
const RECEIVED_TAG = 0x42
const INCOMPLETE_TAG = 0x50
const TRUE = 1
const VARINT_BYTES_MAX = 10

const json: EnvelopeFormat = {
  separatorBytes: 1,
  tailBytes: TICKS_TAIL_BYTES,
  addMerged,
  addMore,
  addIncomplete,
  addStamps,
  headBytes: ticksHeadBytes,
  writeFrameHeader: writeTextFrameHeader,
  writeHead: writeTicksHead,
  writeTail: writeTicksTail,
}

const protobuf: EnvelopeFormat = {
  separatorBytes: 0,
  tailBytes: 0,
  addMerged: (head, merged) => addVarint(head, MERGED_TAG, merged),
  addMore: head => addVarint(head, MORE_TAG, TRUE),
  addIncomplete: head => addVarint(head, INCOMPLETE_TAG, TRUE),
  addStamps(head, publishedUs, receivedUs, count) {
    addVarint(head, PUBLISHED_TAG, publishedUs)
    let bytes = 0
    for (let index = 0; index < count; index++) bytes += varintBytes(receivedUs[index]!)
    addVarint(head, RECEIVED_TAG, bytes)
    head.reserve(bytes)
    for (let index = 0; index < count; index++)
      head.extrasLength = writeVarint(head.extras, head.extrasLength, receivedUs[index]!)
  },
  headBytes: ({ isSnapshot, seq, offset, extrasLength }) =>
    2 + varintBytes(seq) + varintBytes(offset) + extrasLength + (isSnapshot ? 2 : 0),
  writeFrameHeader: writeBinaryFrameHeader,
  writeHead(bytes, at, head) {
    bytes[at] = SEQ_TAG
    let next = writeVarint(bytes, at + 1, head.seq)
    bytes[next] = OFFSET_TAG
    next = writeVarint(bytes, next + 1, head.offset)
    for (let index = 0; index < head.extrasLength; index++) bytes[next++] = head.extras[index]!
    if (!head.isSnapshot) return next
    bytes[next] = SNAPSHOT_TAG
    bytes[next + 1] = TRUE
    return next + 2
  },
  writeTail: (_, at) => at,
}

export const ENVELOPE_FORMATS: Readonly<Record<Encoding, EnvelopeFormat>> = { json, protobuf }

function addVarint(head: EnvelopeHead, tag: number, value: number): void {
  head.reserve(1 + VARINT_BYTES_MAX)
  head.extras[head.extrasLength] = tag
  head.extrasLength = writeVarint(head.extras, head.extrasLength + 1, value)
}

/** Bounds a message without its ticks and stamps, in any encoding. The JSON envelope is the longer one. */
export const MESSAGE_OVERHEAD_BYTES_MAX =
  FRAME_HEADER_BYTES_MAX + TICKS_HEAD_BYTES_MAX + TICKS_EXTRAS_BYTES_MAX + TICKS_TAIL_BYTES

export { STAMP_BYTES_MAX }
