/**
 * Writes a tick as a `Tick` message of proto/ringcast.proto, by hand, since the general encoder is several
 * times dearer. Any thread. The bytes lack the position: whoever counts the ticks appends it.
 */

import { RingcastError } from '../common/errors.js'
import { quoteValue } from '../common/quote-value.js'
import { symbolFault } from '../common/symbol.js'
import { QUOTE, TICK_BYTES_MAX, type TickKind } from './tick-fields.js'
import { writeVarint, writeVarintHalves } from './varint.js'

const TWO_TO_32 = 2 ** 32

// Field number << 3 | wire type (0 varint, 1 eight bytes, 2 length and bytes).
const TAG_SYMBOL = 0x0a
const TAG_KIND = 0x10
const TAG_SEQUENCE = 0x18
const TAG_SOURCE_TIME = 0x20
const TAG_BID = 0x29
const TAG_BID_SIZE = 0x31
const TAG_ASK = 0x39
const TAG_ASK_SIZE = 0x41
const TAG_LAST = 0x49
const TAG_LAST_SIZE = 0x51

/** A symbol with its field already encoded: made once, used by each of its ticks. */
export interface TickSymbol {
  readonly name: string
  /** Tag, length and UTF-8 bytes. */
  readonly field: Uint8Array
}

/** What `TickEncoder` writes. Prices of the other kind are ignored. */
export interface TickToEncode {
  symbol: TickSymbol
  kind: TickKind
  /** 0 to 2^53 − 1. */
  sequence: number
  /** Microseconds since the Unix epoch, whole, not negative. */
  timeUs: number
  /** Nanoseconds beyond `timeUs`, 0 to 999. Apart, because a number cannot hold today's nanoseconds. */
  timeRestNs: number
  bid: number
  bidSize: number
  ask: number
  askSize: number
  last: number
  lastSize: number
}

/** @throws RingcastError `tick_invalid` when the name is no symbol */
export function tickSymbol(name: string): TickSymbol {
  const fault = symbolFault(name)
  if (fault !== undefined) throw new RingcastError('tick_invalid', `${fault}, got ${quoteValue(name)}`)
  const bytes = Buffer.from(name)
  const field = new Uint8Array(2 + bytes.length)
  field[0] = TAG_SYMBOL
  field[1] = bytes.length
  field.set(bytes, 2)
  return { name: bytes.toString(), field }
}

/** An empty record, to be filled again and again: one object for all ticks of a producer. */
export function blankTick(symbol: TickSymbol): TickToEncode {
  return {
    symbol,
    kind: QUOTE,
    sequence: 0,
    timeUs: 0,
    timeRestNs: 0,
    bid: 0,
    bidSize: 0,
    ask: 0,
    askSize: 0,
    last: 0,
    lastSize: 0,
  }
}

export class TickEncoder {
  /** The last encoded tick, from 0 on. */
  readonly bytes = new Uint8Array(TICK_BYTES_MAX)
  readonly #view = new DataView(this.bytes.buffer)

  /** Encodes over the tick before; returns the length. */
  encode(tick: TickToEncode): number {
    const bytes = this.bytes
    const field = tick.symbol.field
    let at = 0
    for (; at < field.length; at++) bytes[at] = field[at]!
    bytes[at++] = TAG_KIND
    bytes[at++] = tick.kind
    bytes[at++] = TAG_SEQUENCE
    at = writeVarint(bytes, at, tick.sequence)
    bytes[at++] = TAG_SOURCE_TIME
    at = writeNanoseconds(bytes, at, tick.timeUs, tick.timeRestNs)
    if (tick.kind === QUOTE) {
      at = this.#double(at, TAG_BID, tick.bid)
      at = this.#double(at, TAG_BID_SIZE, tick.bidSize)
      at = this.#double(at, TAG_ASK, tick.ask)
      return this.#double(at, TAG_ASK_SIZE, tick.askSize)
    }
    at = this.#double(at, TAG_LAST, tick.last)
    return this.#double(at, TAG_LAST_SIZE, tick.lastSize)
  }

  #double(at: number, tag: number, value: number): number {
    this.bytes[at] = tag
    this.#view.setFloat64(at + 1, value, true)
    return at + 9
  }
}

/** `timeUs` × 1000 + `restNs` needs 61 bits: multiplied in two halves of 32. */
function writeNanoseconds(bytes: Uint8Array, at: number, timeUs: number, restNs: number): number {
  const low = (timeUs % TWO_TO_32) * 1000 + restNs
  const high = Math.floor(timeUs / TWO_TO_32) * 1000 + Math.floor(low / TWO_TO_32)
  return writeVarintHalves(bytes, at, high, low % TWO_TO_32)
}
