/**
 * One quote or trade as JSON, straight into bytes. Lanes only.
 * Nothing is allocated for a tick whose numbers are ordinary. No text is longer than TICK_JSON_BYTES_MAX.
 */
import { SYMBOL_BYTES_MAX } from '../common/symbol.js'
import { MARKET_KIND_NAMES, type MarketTick, QUOTE_INDEX } from './market-tick.js'
import { NUMBER_BYTES_MAX, writeDouble, writeSigned, writeUint64 } from './number-text.js'
import { nanosToMicros } from './time-units.js'

interface MarketTickJson {
  readonly symbol: string
  /** The source's own number of the tick. A string of digits from 2^53 on. */
  readonly sequence: number | string
  /** The source's time, µs since the Unix epoch. */
  readonly time: number
}

/** Best bid and offer. null: the source sent NaN or an infinity. */
export interface QuoteJson extends MarketTickJson {
  readonly kind: 'quote'
  readonly bid: number | null
  readonly bidSize: number | null
  readonly ask: number | null
  readonly askSize: number | null
}

/** The last trade. null: the source sent NaN or an infinity. */
export interface TradeJson extends MarketTickJson {
  readonly kind: 'trade'
  readonly last: number | null
  readonly lastSize: number | null
}

/** One tick in a `ticks` message: `kind` says which fields it has. */
export type TickJson = QuoteJson | TradeJson

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text)

const TIME = ascii(',"time":')
const BID = ascii(',"bid":')
const BID_SIZE = ascii(',"bidSize":')
const ASK = ascii(',"ask":')
const ASK_SIZE = ascii(',"askSize":')
const LAST = ascii(',"last":')
const LAST_SIZE = ascii(',"lastSize":')
const CLOSE = 0x7d

/** Six bytes (`\u0001`) for each byte of the symbol, six numbers, and the names. */
export const TICK_JSON_BYTES_MAX = 6 * SYMBOL_BYTES_MAX + 6 * NUMBER_BYTES_MAX + 128

/** For a quote of BTCUSDT: `{"symbol":"BTCUSDT","kind":"quote","sequence":`. */
export function marketJsonPrefixes(symbol: string): readonly Uint8Array[] {
  return MARKET_KIND_NAMES.map(kind =>
    ascii(`{"symbol":${JSON.stringify(symbol)},"kind":"${kind}","sequence":`),
  )
}

/** Writes `tick` at `at`. @param prefix of its symbol and kind @returns the index after the JSON */
export function writeMarketTickJson(
  bytes: Uint8Array,
  at: number,
  tick: MarketTick,
  prefix: Uint8Array,
): number {
  const isQuote = tick.kind === QUOTE_INDEX
  let next = copy(bytes, at, prefix)
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

function copy(bytes: Uint8Array, at: number, text: Uint8Array): number {
  for (let index = 0; index < text.length; index++) bytes[at + index] = text[index]!
  return at + text.length
}
