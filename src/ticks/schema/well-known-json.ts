/**
 * Writes `google.protobuf.Timestamp` and `google.protobuf.Duration` as proto JSON does, straight into bytes. Any thread.
 * A value outside of the range of the type becomes null.
 */
import { writeAscii, writeInteger } from '../number-text.js'

/** 0001-01-01 and the second after 9999-12-31, in seconds since the Unix epoch. */
const TIMESTAMP_MIN = -62_135_596_800
const TIMESTAMP_END = 253_402_300_800
/** 10,000 years. */
const DURATION_MAX = 315_576_000_000
const NANOS_MAX = 999_999_999
const DAY_S = 86_400
const QUOTE = 0x22

/** Writes `"2024-08-08T23:54:15.088169Z"`. @returns the index after it */
export function writeTimestamp(target: Uint8Array, at: number, seconds: number, nanos: number): number {
  const isInRange = seconds >= TIMESTAMP_MIN && seconds < TIMESTAMP_END && nanos >= 0 && nanos <= NANOS_MAX
  if (!isInRange) return writeAscii(target, at, 'null')
  const days = Math.floor(seconds / DAY_S)
  const second = seconds - days * DAY_S
  target[at] = QUOTE
  let next = writeDate(target, at + 1, days)
  next = writePadded(target, next, 0x54, Math.floor(second / 3600), 2)
  next = writePadded(target, next, 0x3a, Math.floor(second / 60) % 60, 2)
  next = writePadded(target, next, 0x3a, second % 60, 2)
  next = writeFraction(target, next, nanos)
  target[next] = 0x5a
  target[next + 1] = QUOTE
  return next + 2
}

/** Writes `"1.500s"`. @returns the index after it */
export function writeDuration(target: Uint8Array, at: number, seconds: number, nanos: number): number {
  const isNegative = seconds < 0 || nanos < 0
  const isInRange = Math.abs(seconds) <= DURATION_MAX && Math.abs(nanos) <= NANOS_MAX
  const isMixed = (seconds < 0 && nanos > 0) || (seconds > 0 && nanos < 0)
  if (!isInRange || isMixed) return writeAscii(target, at, 'null')
  let next = at
  target[next++] = QUOTE
  if (isNegative) target[next++] = 0x2d
  next = writeInteger(target, next, Math.abs(seconds))
  next = writeFraction(target, next, Math.abs(nanos))
  target[next] = 0x73
  target[next + 1] = QUOTE
  return next + 2
}

/** The Gregorian date of a day since 1970-01-01: https://howardhinnant.github.io/date_algorithms.html#civil_from_days */
function writeDate(target: Uint8Array, at: number, days: number): number {
  const shifted = days + 719_468
  const era = Math.floor(shifted / 146_097)
  const dayOfEra = shifted - era * 146_097
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  )
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153)
  const day = dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
  let next = writeDigits(target, at, year, 4)
  next = writePadded(target, next, 0x2d, month, 2)
  return writePadded(target, next, 0x2d, day, 2)
}

/** Writes a point and 3, 6 or 9 digits; nothing for 0. */
function writeFraction(target: Uint8Array, at: number, nanos: number): number {
  if (nanos === 0) return at
  if (nanos % 1_000_000 === 0) return writePadded(target, at, 0x2e, nanos / 1_000_000, 3)
  if (nanos % 1000 === 0) return writePadded(target, at, 0x2e, nanos / 1000, 6)
  return writePadded(target, at, 0x2e, nanos, 9)
}

function writePadded(target: Uint8Array, at: number, before: number, value: number, digits: number): number {
  target[at] = before
  return writeDigits(target, at + 1, value, digits)
}

function writeDigits(target: Uint8Array, at: number, value: number, digits: number): number {
  let rest = value
  for (let index = at + digits - 1; index >= at; index--) {
    target[index] = 0x30 + (rest % 10)
    rest = Math.floor(rest / 10)
  }
  return at + digits
}
