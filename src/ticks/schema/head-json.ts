/** Writes the mapped sequence and time of a tick as JSON, straight into bytes, and reads the time. One reader's own. */
import { writeAscii, writeSigned } from '../number-text.js'
import type { TimeUnit } from '../tick-schema.js'
import { nanosToMicros } from '../time-units.js'
import { FIXED32_NUMBER, FIXED64_NUMBER, STRING, TIMESTAMP, UINT32, UINT64 } from './json-form.js'
import type { MessageJson } from './message-json.js'
import { copyText } from './message-json.js'
import type { FieldPlan } from './message-plan.js'
import type { SlotPath } from './slot-path.js'
import { writeText } from './text-json.js'
import type { WireValue } from './wire-value.js'

const SEQUENCE = new TextEncoder().encode(',"sequence":')
const TIME = new TextEncoder().encode(',"time":')
const MICROS: Readonly<Record<TimeUnit, number>> = { ns: 1, us: 1, ms: 1000, s: 1_000_000 }
/** Digits of nanoseconds behind the microseconds. */
const NANOS_DIGITS = 3

export class HeadJson {
  private readonly bytes: Uint8Array
  private readonly json: MessageJson
  private readonly value: WireValue

  constructor(bytes: Uint8Array, json: MessageJson, value: WireValue) {
    this.bytes = bytes
    this.json = json
    this.value = value
  }

  /** Writes the sequence, if the tick has one. @returns the index after it */
  writeSequence(target: Uint8Array, at: number, path: SlotPath, words: Int32Array, root: number): number {
    const slot = path.find(words, root)
    const { field } = path
    if (slot === 0 || !isWritten(field, words[slot]!)) return at
    const next = copyText(target, at, SEQUENCE)
    const index = words[slot]!
    if (index === 0) return copyText(target, next, field.defaultText)
    if (field.form !== STRING) return this.json.writeNumber(target, next, field, index)
    const length = words[slot + 1]!
    const number = integerOf(this.bytes, index, length)
    return Number.isSafeInteger(number)
      ? writeSigned(target, next, number)
      : writeText(target, next, this.bytes, index, length)
  }

  /** Writes the time in µs, if the tick has one; null when it is no time. @returns the index after it */
  writeTime(
    target: Uint8Array,
    at: number,
    path: SlotPath,
    unit: TimeUnit,
    words: Int32Array,
    root: number,
  ): number {
    const slot = path.find(words, root)
    const { field } = path
    if (slot === 0 || !isWritten(field, words[slot]!)) return at
    const next = copyText(target, at, TIME)
    const micros = this.microsOf(field, unit, words, slot)
    return Number.isSafeInteger(micros) ? writeSigned(target, next, micros) : writeAscii(target, next, 'null')
  }

  /** The time in µs; NaN when the tick has none, or it is no time. */
  timeUs(path: SlotPath, unit: TimeUnit, words: Int32Array, root: number): number {
    const slot = path.find(words, root)
    return slot === 0 || words[slot] === 0 ? Number.NaN : this.microsOf(path.field, unit, words, slot)
  }

  private microsOf(field: FieldPlan, unit: TimeUnit, words: Int32Array, slot: number): number {
    const index = words[slot]!
    if (index === 0) return 0
    if (field.form === TIMESTAMP) {
      const seconds = this.value.memberNumber(words, field.child!.fieldOf(1)!, index)
      const nanos = this.value.memberNumber(words, field.child!.fieldOf(2)!, index)
      return seconds * 1_000_000 + Math.floor(nanos / 1000)
    }
    if (field.form === STRING) return this.microsOfText(unit, index, words[slot + 1]!)
    this.value.read(index, field)
    const { low } = this.value
    const high = isUnsigned(field.form) ? this.value.high >>> 0 : this.value.high
    return unit === 'ns' ? nanosToMicros(low, high) : (high * 0x1_0000_0000 + (low >>> 0)) * MICROS[unit]
  }

  private microsOfText(unit: TimeUnit, index: number, length: number): number {
    if (unit !== 'ns') return integerOf(this.bytes, index, length) * MICROS[unit]
    // Today's nanoseconds are above 2^53: what is below a microsecond is cut off before the text becomes a number.
    if (length <= NANOS_DIGITS) return Math.floor(integerOf(this.bytes, index, length) / 1000)
    const end = index + length
    for (let digit = end - NANOS_DIGITS; digit < end; digit++)
      if (!isDigit(this.bytes[digit]!)) return Number.NaN
    return integerOf(this.bytes, index, length - NANOS_DIGITS)
  }
}

/** A field without presence is there, with its default, also where the message does not hold it. */
function isWritten({ absentText, form }: FieldPlan, index: number): boolean {
  return index !== 0 || (absentText !== undefined && form !== STRING)
}

function isUnsigned(form: number): boolean {
  return form === UINT64 || form === FIXED64_NUMBER || form === UINT32 || form === FIXED32_NUMBER
}

/** The integer that a text holds; NaN for another text, and for digits that a number cannot hold. */
function integerOf(bytes: Uint8Array, start: number, length: number): number {
  const isNegative = bytes[start] === 0x2d
  const first = isNegative ? start + 1 : start
  const end = start + length
  // A text with zeros in front is not what the number would be written as.
  if (first >= end || (bytes[first] === 0x30 && (isNegative || end - first > 1))) return Number.NaN
  let value = 0
  for (let index = first; index < end; index++) {
    const byte = bytes[index]!
    if (!isDigit(byte)) return Number.NaN
    value = value * 10 + byte - 0x30
    if (value > Number.MAX_SAFE_INTEGER) return Number.NaN
  }
  return isNegative ? -value : value
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39
}
