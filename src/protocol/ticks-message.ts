/**
 * A `ticks` message around tick texts: `{"type":"ticks","seq":7,"offset":815,"ticks":[…]}`. Lanes only.
 */
import { digitCount, writeInteger } from './number-text.js'

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text)

const SEQ = ascii('{"type":"ticks","seq":')
const OFFSET = ascii(',"offset":')
const TICKS = ascii(',"ticks":[')
const CLOSE_BRACKET = 0x5d
const CLOSE_BRACE = 0x7d
const INTEGER_BYTES_MAX = 16

const NAMES_BYTES = SEQ.length + OFFSET.length + TICKS.length

export const TICKS_HEAD_BYTES_MAX = NAMES_BYTES + 2 * INTEGER_BYTES_MAX
export const TICKS_TAIL_BYTES = 2

/** Bytes that `writeTicksHead` will write. */
export function ticksHeadBytes(seq: number, offset: number): number {
  return NAMES_BYTES + digitCount(seq) + digitCount(offset)
}

/** Writes all that stands before the first tick. @returns the index after it */
export function writeTicksHead(bytes: Uint8Array, at: number, seq: number, offset: number): number {
  bytes.set(SEQ, at)
  let next = writeInteger(bytes, at + SEQ.length, seq)
  bytes.set(OFFSET, next)
  next = writeInteger(bytes, next + OFFSET.length, offset)
  bytes.set(TICKS, next)
  return next + TICKS.length
}

/** Writes all that stands after the last tick. @returns the index after it */
export function writeTicksTail(bytes: Uint8Array, at: number): number {
  bytes[at] = CLOSE_BRACKET
  bytes[at + 1] = CLOSE_BRACE
  return at + TICKS_TAIL_BYTES
}
