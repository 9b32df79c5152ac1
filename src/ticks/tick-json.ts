/**
 * One tick as JSON, straight into bytes. Lanes only; nothing is allocated for a tick whose numbers are ordinary.
 * Every text it writes is at most TICK_JSON_BYTES_MAX long.
 */

import { SYMBOL_BYTES_MAX } from '../common/symbol.js'
import { NUMBER_BYTES_MAX, writeAscii, writeDouble, writeInteger } from './number-text.js'
import { QUOTE, type TickFields } from './tick-fields.js'

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text)

const TIME = ascii(',"time":')
const BID = ascii(',"bid":')
const BID_SIZE = ascii(',"bidSize":')
const ASK = ascii(',"ask":')
const ASK_SIZE = ascii(',"askSize":')
const LAST = ascii(',"last":')
const LAST_SIZE = ascii(',"lastSize":')
const CLOSE = 0x7d

/** Six bytes (`\u0001`) for each byte of the symbol, six numbers, and all the names. */
export const TICK_JSON_BYTES_MAX = 6 * SYMBOL_BYTES_MAX + 6 * NUMBER_BYTES_MAX + 128

/** How the JSON of every tick of one symbol begins: `{"symbol":"BTCUSDT","kind":"quote","sequence":`. */
export interface SymbolPrefixes {
  readonly quote: Uint8Array
  readonly trade: Uint8Array
}

export function symbolPrefixes(symbol: string): SymbolPrefixes {
  const prefix = (kind: string): Uint8Array =>
    ascii(`{"symbol":${JSON.stringify(symbol)},"kind":"${kind}","sequence":`)
  return { quote: prefix('quote'), trade: prefix('trade') }
}

/** Writes `tick` at `at`. @returns the index after it */
export function writeTickJson(
  bytes: Uint8Array,
  at: number,
  tick: TickFields,
  prefixes: SymbolPrefixes,
): number {
  const isQuote = tick.kind === QUOTE
  let next = copy(bytes, at, isQuote ? prefixes.quote : prefixes.trade)
  next = writeUint64(bytes, next, tick.sequenceLow, tick.sequenceHigh)
  next = copy(bytes, next, TIME)
  next = writeSigned(bytes, next, nanosToMicros(tick.timeLow, tick.timeHigh))
  if (isQuote) {
    next = writeDouble(bytes, copy(bytes, next, BID), tick.bid)
    next = writeDouble(bytes, copy(bytes, next, BID_SIZE), tick.bidSize)
    next = writeDouble(bytes, copy(bytes, next, ASK), tick.ask)
    next = writeDouble(bytes, copy(bytes, next, ASK_SIZE), tick.askSize)
  } else {
    next = writeDouble(bytes, copy(bytes, next, LAST), tick.last)
    next = writeDouble(bytes, copy(bytes, next, LAST_SIZE), tick.lastSize)
  }
  bytes[next++] = CLOSE
  return next
}

function copy(bytes: Uint8Array, at: number, part: Uint8Array): number {
  for (let index = 0; index < part.length; index++) bytes[at + index] = part[index]!
  return at + part.length
}

/** A number where `JSON.parse` keeps it whole (below 2^53), a string of digits above. */
function writeUint64(bytes: Uint8Array, at: number, low: number, high: number): number {
  if (high >>> 21 === 0) return writeInteger(bytes, at, high * 0x1_0000_0000 + (low >>> 0))
  const digits = (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0)
  return writeAscii(bytes, at, `"${digits}"`)
}

function writeSigned(bytes: Uint8Array, at: number, value: number): number {
  if (value >= 0) return writeInteger(bytes, at, value)
  bytes[at] = 0x2d
  return writeInteger(bytes, at + 1, -value)
}

/** Nanoseconds of an int64 as whole microseconds, rounded down; exact up to 2^53 µs, the year 2255. */
function nanosToMicros(low: number, high: number): number {
  const upper = Math.floor(high / 1000)
  const rest = high - upper * 1000
  return upper * 0x1_0000_0000 + Math.floor((rest * 0x1_0000_0000 + (low >>> 0)) / 1000)
}
