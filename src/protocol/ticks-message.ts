/**
 * Writes JSON messages around encoded ticks: `{"type":"ticks","seq":7,"offset":815,"ticks":[…]}`. Lanes only.
 */
import { digitCount, writeInteger } from '../ticks/number-text.js'
import type { EnvelopeHead } from './envelope-head.js'

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text)

const TICKS_SEQ = ascii('{"type":"ticks","seq":')
const SNAPSHOT_SEQ = ascii('{"type":"snapshot","seq":')
const OFFSET = ascii(',"offset":')
const TICKS = ascii(',"ticks":[')
const MERGED = ascii(',"merged":')
const MORE = ascii(',"more":true')
const INCOMPLETE = ascii(',"incomplete":true')
const PUBLISHED = ascii(',"published":')
const RECEIVED = ascii(',"received":[')
const COMMA = 0x2c
const CLOSE_BRACKET = 0x5d
const CLOSE_BRACE = 0x7d
const INTEGER_BYTES_MAX = 16

export const TICKS_HEAD_BYTES_MAX = SNAPSHOT_SEQ.length + OFFSET.length + TICKS.length + 2 * INTEGER_BYTES_MAX
/** Bounds the extras without the times of receipt. */
export const TICKS_EXTRAS_BYTES_MAX =
  MERGED.length +
  MORE.length +
  INCOMPLETE.length +
  PUBLISHED.length +
  RECEIVED.length +
  2 * INTEGER_BYTES_MAX +
  1
/** Bounds one time of receipt, with its comma. */
export const STAMP_BYTES_MAX = INTEGER_BYTES_MAX + 1
export const TICKS_TAIL_BYTES = 2

/** Length of the head that `writeTicksHead` writes. */
export function ticksHeadBytes({ isSnapshot, seq, offset, extrasLength }: EnvelopeHead): number {
  const names = (isSnapshot ? SNAPSHOT_SEQ : TICKS_SEQ).length + OFFSET.length + TICKS.length
  return names + digitCount(seq) + digitCount(offset) + extrasLength
}

/** Writes the message up to the first tick. @returns the index behind the last byte written */
export function writeTicksHead(bytes: Uint8Array, at: number, head: EnvelopeHead): number {
  let next = copy(bytes, at, head.isSnapshot ? SNAPSHOT_SEQ : TICKS_SEQ)
  next = writeInteger(bytes, next, head.seq)
  next = copy(bytes, next, OFFSET)
  next = writeInteger(bytes, next, head.offset)
  for (let index = 0; index < head.extrasLength; index++) bytes[next++] = head.extras[index]!
  return copy(bytes, next, TICKS)
}

/** Writes the message behind the last tick. @returns the index behind the last byte written */
export function writeTicksTail(bytes: Uint8Array, at: number): number {
  bytes[at] = CLOSE_BRACKET
  bytes[at + 1] = CLOSE_BRACE
  return at + TICKS_TAIL_BYTES
}

/** @param merged how many older ticks were left out */
export function addMerged(head: EnvelopeHead, merged: number): void {
  addNumber(head, MERGED, merged)
}

/** Says that more messages of this snapshot follow. */
export function addMore(head: EnvelopeHead): void {
  addText(head, MORE)
}

/** Says that symbols may be missing in this snapshot. */
export function addIncomplete(head: EnvelopeHead): void {
  addText(head, INCOMPLETE)
}

/** @param receivedUs the times of receipt of the first `count` ticks */
export function addStamps(
  head: EnvelopeHead,
  publishedUs: number,
  receivedUs: Float64Array,
  count: number,
): void {
  addNumber(head, PUBLISHED, publishedUs)
  head.reserve(RECEIVED.length + count * STAMP_BYTES_MAX + 1)
  const { extras } = head
  let next = copy(extras, head.extrasLength, RECEIVED)
  for (let index = 0; index < count; index++) {
    if (index > 0) extras[next++] = COMMA
    next = writeInteger(extras, next, receivedUs[index]!)
  }
  extras[next++] = CLOSE_BRACKET
  head.extrasLength = next
}

function addText(head: EnvelopeHead, text: Uint8Array): void {
  head.reserve(text.length)
  head.extrasLength = copy(head.extras, head.extrasLength, text)
}

function addNumber(head: EnvelopeHead, name: Uint8Array, value: number): void {
  head.reserve(name.length + INTEGER_BYTES_MAX)
  head.extrasLength = writeInteger(head.extras, copy(head.extras, head.extrasLength, name), value)
}

function copy(bytes: Uint8Array, at: number, text: Uint8Array): number {
  for (let index = 0; index < text.length; index++) bytes[at + index] = text[index]!
  return at + text.length
}
