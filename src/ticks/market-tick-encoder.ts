/**
 * Writes quotes and trades as the `Tick` of proto/ringcast.proto. Any thread. The position is left out: the feed that
 * counts the ticks appends it. Written by hand, because a general encoder takes several times as long.
 */
import { RingcastError } from '../common/errors.js'
import { quoteValue } from '../common/quote-value.js'
import { symbolFault } from '../common/symbol.js'
import { QUOTE, type TickKind, TRADE } from './market-tick.js'
import { checkTick, type PushedTick } from './pushed-tick.js'
import { TICK_BYTES_DEFAULT } from './tick-codec.js'
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

/** A symbol whose protobuf field is encoded already. A producer makes it once, and uses it for each tick. */
export interface TickSymbol {
  readonly name: string
  /** Tag, length and UTF-8 bytes. */
  readonly field: Uint8Array
}

/** One tick of a producer that makes many: one object is filled again and again. Prices of the other kind are ignored. */
export interface TickToEncode {
  symbol: TickSymbol
  kind: TickKind
  /** 0 to 2^53 − 1. */
  sequence: number
  /** Microseconds since the Unix epoch, whole, not negative. */
  timeUs: number
  /** Nanoseconds beyond `timeUs`, 0 to 999. A single number cannot hold today's nanoseconds. */
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

/** A tick without numbers, to be filled again and again. */
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

/** Makes the tick a quote. */
export function setQuote(
  tick: TickToEncode,
  sequence: number,
  bid: number,
  bidSize: number,
  ask: number,
  askSize: number,
): void {
  tick.kind = QUOTE
  tick.sequence = sequence
  tick.bid = bid
  tick.bidSize = bidSize
  tick.ask = ask
  tick.askSize = askSize
}

/** Makes the tick a trade. */
export function setTrade(tick: TickToEncode, sequence: number, last: number, lastSize: number): void {
  tick.kind = TRADE
  tick.sequence = sequence
  tick.last = last
  tick.lastSize = lastSize
}

export class MarketTickEncoder {
  /** The tick that was encoded last, from 0 on. */
  readonly bytes = new Uint8Array(TICK_BYTES_DEFAULT)
  private readonly view = new DataView(this.bytes.buffer)

  /** Encodes a producer's tick into `bytes`. @returns its length */
  encode(tick: TickToEncode): number {
    const { bytes } = this
    let at = this.symbolAndKind(tick.symbol, tick.kind)
    bytes[at++] = TAG_SEQUENCE
    at = writeVarint(bytes, at, tick.sequence)
    bytes[at++] = TAG_SOURCE_TIME
    at = writeNanoseconds(bytes, at, tick.timeUs, tick.timeRestNs)
    return tick.kind === QUOTE ? this.quotePrices(at, tick) : this.tradePrices(at, tick)
  }

  /**
   * Encodes a tick of the library's user, which `checkTick` has let pass, into `bytes`. Leaves fields of 0 out, as proto3 does.
   *
   * @returns its length
   */
  encodePushed(tick: PushedTick): number {
    let at = this.symbolAndKind(tickSymbol(tick.symbol), tick.kind === 'quote' ? QUOTE : TRADE)
    at = this.integerUnlessZero(at, TAG_SEQUENCE, BigInt(tick.sequence))
    at = this.integerUnlessZero(at, TAG_SOURCE_TIME, tick.sourceTimeNs)
    if (tick.kind === 'quote') {
      at = this.doubleUnlessZero(at, TAG_BID, tick.bid)
      at = this.doubleUnlessZero(at, TAG_BID_SIZE, tick.bidSize)
      at = this.doubleUnlessZero(at, TAG_ASK, tick.ask)
      return this.doubleUnlessZero(at, TAG_ASK_SIZE, tick.askSize)
    }
    at = this.doubleUnlessZero(at, TAG_LAST, tick.last)
    return this.doubleUnlessZero(at, TAG_LAST_SIZE, tick.lastSize)
  }

  private symbolAndKind({ field }: TickSymbol, kind: TickKind): number {
    const { bytes } = this
    let at = 0
    for (; at < field.length; at++) bytes[at] = field[at]!
    bytes[at++] = TAG_KIND
    bytes[at++] = kind
    return at
  }

  private quotePrices(at: number, tick: TickToEncode): number {
    this.double(at, TAG_BID, tick.bid)
    this.double(at + 9, TAG_BID_SIZE, tick.bidSize)
    this.double(at + 18, TAG_ASK, tick.ask)
    return this.double(at + 27, TAG_ASK_SIZE, tick.askSize)
  }

  private tradePrices(at: number, tick: TickToEncode): number {
    this.double(at, TAG_LAST, tick.last)
    return this.double(at + 9, TAG_LAST_SIZE, tick.lastSize)
  }

  private integerUnlessZero(at: number, tag: number, value: bigint): number {
    if (value === 0n) return at
    this.bytes[at] = tag
    return writeBigInt(this.bytes, at + 1, value)
  }

  private doubleUnlessZero(at: number, tag: number, value: number): number {
    // −0 is no default: it is written.
    return Object.is(value, 0) ? at : this.double(at, tag, value)
  }

  private double(at: number, tag: number, value: number): number {
    this.bytes[at] = tag
    this.view.setFloat64(at + 1, value, true)
    return at + 9
  }
}

const pushedEncoder = new MarketTickEncoder()

/** See `TickCodec.encodePushed`. */
export function encodePushedTick(tick: unknown): Uint8Array {
  checkTick(tick)
  return pushedEncoder.bytes.slice(0, pushedEncoder.encodePushed(tick))
}

/** `timeUs` × 1000 + `restNs` needs 61 bits: multiplied in two halves of 32. */
function writeNanoseconds(bytes: Uint8Array, at: number, timeUs: number, restNs: number): number {
  const low = (timeUs % TWO_TO_32) * 1000 + restNs
  const high = Math.floor(timeUs / TWO_TO_32) * 1000 + Math.floor(low / TWO_TO_32)
  return writeVarintHalves(bytes, at, high, low % TWO_TO_32)
}

/** Writes an int64 or a uint64 as the varint of its 64 bits. */
function writeBigInt(bytes: Uint8Array, at: number, value: bigint): number {
  const low = Number(BigInt.asUintN(32, value))
  const high = Number(BigInt.asUintN(32, value >> 32n))
  return writeVarintHalves(bytes, at, high, low)
}
