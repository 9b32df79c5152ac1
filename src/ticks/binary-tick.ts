/** The fields of `TicksMessage` in proto/ringcast.proto that hold ticks. Any thread. */
import { writeVarint } from './varint.js'

/** Tag of `ticks`: field 3, length-delimited. */
export const TICKS_TAG = 0x1a
/** Tag of `schema_ticks`: field 9, length-delimited. */
export const SCHEMA_TICKS_TAG = 0x4a

/** Bytes of tag and length before a field of at most `length` bytes. */
export function fieldHeadBytes(length: number): number {
  let bytes = 2
  for (let rest = length >>> 7; rest > 0; rest >>>= 7) bytes++
  return bytes
}

/** Writes a length-delimited field whose bytes are `source[start, end)`. @returns the index after it */
export function writeBytesField(
  target: Uint8Array,
  at: number,
  tag: number,
  source: Uint8Array,
  start: number,
  end: number,
): number {
  target[at] = tag
  let next = writeVarint(target, at + 1, end - start)
  for (let index = start; index < end; index++) target[next++] = source[index]!
  return next
}
