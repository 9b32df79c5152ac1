/**
 * Writes numbers as JSON text, straight into bytes. Any thread. Ordinary prices and sizes need no string.
 * `JSON.parse` of the text returns the same number.
 */

const TEN_TO_THE_9 = 1e9

/** The longest JSON text of a number: sign, 17 digits, point, exponent. */
export const NUMBER_BYTES_MAX = 25

/** Writes a whole number from 0 to 2^53 at `at`. @returns the index after it */
export function writeInteger(bytes: Uint8Array, at: number, value: number): number {
  if (value < TEN_TO_THE_9) return writeDigits(bytes, at, value, digitCount(value))
  const upper = Math.floor(value / TEN_TO_THE_9)
  return writeDigits(bytes, writeInteger(bytes, at, upper), value - upper * TEN_TO_THE_9, 9)
}

/** A double is tried as a whole number of each of these fractions. Prices and sizes have at most eight decimals. */
const SCALES = [1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8] as const
/** Two doubles never share a decimal of 15 digits, so the first scale that fits gives the shortest text. */
const SCALED_MAX = 1e15
/** JavaScript writes smaller numbers with an exponent. */
const PLAIN_MIN = 1e-6
/** From here on not every whole number is a float of 32 bits, so fewer digits may do than the number has. */
const WHOLE_FLOATS_END = 2 ** 24
/** Nine digits tell any two floats of 32 bits apart. */
const FLOAT_DIGITS_MAX = 9

/** Writes any double as `JSON.stringify` does: NaN and the infinities become null. @returns the index after it */
export function writeDouble(bytes: Uint8Array, at: number, value: number): number {
  let magnitude = value
  if (value < 0) {
    bytes[at] = 0x2d
    magnitude = -value
  }
  const start = value < 0 ? at + 1 : at
  if (magnitude === 0) return writeDigits(bytes, at, 0, 1)
  if (magnitude >= PLAIN_MIN) {
    for (let decimals = 0; decimals < SCALES.length; decimals++) {
      const scale = SCALES[decimals]!
      const scaled = Math.round(magnitude * scale)
      if (scaled > SCALED_MAX) break
      // `scaled` and `scale` are exact, so the quotient is the double nearest to the decimal.
      if (scaled / scale === magnitude) return writeDecimal(bytes, start, scaled, scale, decimals)
    }
  }
  return writeAscii(bytes, at, Number.isFinite(value) ? String(value) : 'null')
}

function writeDecimal(
  bytes: Uint8Array,
  at: number,
  scaled: number,
  scale: number,
  decimals: number,
): number {
  const whole = Math.floor(scaled / scale)
  let next = writeInteger(bytes, at, whole)
  if (decimals === 0) return next
  bytes[next++] = 0x2e
  return writeDigits(bytes, next, scaled - whole * scale, decimals)
}

/** Writes the `count` lowest digits of a whole number below 10^9. */
function writeDigits(bytes: Uint8Array, at: number, value: number, count: number): number {
  let rest = value | 0
  for (let index = at + count - 1; index >= at; index--) {
    const quotient = (rest / 10) | 0
    bytes[index] = 0x30 + rest - quotient * 10
    rest = quotient
  }
  return at + count
}

/** Writes a whole number from −2^53 to 2^53. @returns the index after it */
export function writeSigned(bytes: Uint8Array, at: number, value: number): number {
  if (value >= 0) return writeInteger(bytes, at, value)
  bytes[at] = 0x2d
  return writeInteger(bytes, at + 1, -value)
}

/**
 * Writes an unsigned 64-bit integer, which is two halves of 32 bits. Below 2^53 a number, which `JSON.parse` keeps exact;
 * from there on a string of digits.
 *
 * @returns the index after it
 */
export function writeUint64(bytes: Uint8Array, at: number, low: number, high: number): number {
  if (high >>> 21 === 0) return writeInteger(bytes, at, high * 0x1_0000_0000 + (low >>> 0))
  const digits = (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0)
  return writeAscii(bytes, at, `"${digits}"`)
}

/** Writes a signed 64-bit integer as `writeUint64` does. @returns the index after it */
export function writeInt64(bytes: Uint8Array, at: number, low: number, high: number): number {
  if (high >= 0) return writeUint64(bytes, at, low, high)
  const value = high * 0x1_0000_0000 + (low >>> 0)
  if (value > -(2 ** 53)) return writeSigned(bytes, at, value)
  const digits = (BigInt(high) << 32n) | BigInt(low >>> 0)
  return writeAscii(bytes, at, `"${digits}"`)
}

/** Writes a float of 32 bits with the fewest digits that are read back as the same float. @returns the index after it */
export function writeFloat(bytes: Uint8Array, at: number, value: number): number {
  const magnitude = Math.abs(value)
  if (magnitude >= PLAIN_MIN && magnitude < WHOLE_FLOATS_END) {
    for (let decimals = 0; decimals < SCALES.length; decimals++) {
      const scale = SCALES[decimals]!
      const scaled = Math.round(magnitude * scale)
      if (Math.fround(scaled / scale) !== magnitude) continue
      if (value < 0) bytes[at] = 0x2d
      return writeDecimal(bytes, value < 0 ? at + 1 : at, scaled, scale, decimals)
    }
  }
  return writeDouble(bytes, at, shortestFloat(value))
}

/** The double whose text is the shortest for a float. */
function shortestFloat(value: number): number {
  for (let digits = 1; digits < FLOAT_DIGITS_MAX; digits++) {
    const short = Number(value.toPrecision(digits))
    if (Math.fround(short) === value) return short
  }
  return Number(value.toPrecision(FLOAT_DIGITS_MAX))
}

/** Count of digits of a whole number from 0 to 2^53. */
export function digitCount(value: number): number {
  let count = 1
  for (let limit = 10; value >= limit; limit *= 10) count++
  return count
}

/** Writes a text of ASCII characters. @returns the index after it */
export function writeAscii(bytes: Uint8Array, at: number, text: string): number {
  for (let index = 0; index < text.length; index++) bytes[at + index] = text.charCodeAt(index)
  return at + text.length
}
