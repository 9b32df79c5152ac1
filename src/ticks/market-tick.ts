/**
 * A decoded quote or trade: the fields of `Tick` in proto/ringcast.proto. Any thread.
 * One object is filled again and again. A 64-bit number is two int32 halves.
 */
import { type TickFields, UNKNOWN_KIND } from './tick-codec.js'

// Values of the enum `Kind` in proto/ringcast.proto.
export const QUOTE = 1
export const TRADE = 2
export type TickKind = typeof QUOTE | typeof TRADE

// Indexes of the kinds in the codec.
export const QUOTE_INDEX = QUOTE - 1
export const TRADE_INDEX = TRADE - 1
/** Of a message without a kind. */
export const NO_KIND = -1
export const MARKET_KIND_NAMES = ['quote', 'trade'] as const

export class MarketTick implements TickFields {
  symbolStart = 0
  symbolLength = 0
  /** QUOTE_INDEX, TRADE_INDEX, UNKNOWN_KIND or NO_KIND. */
  kind: number = NO_KIND
  sequenceLow = 0
  sequenceHigh = 0
  /** Nanoseconds since the Unix epoch. */
  timeLow = 0
  timeHigh = 0
  bid = 0
  bidSize = 0
  ask = 0
  askSize = 0
  last = 0
  lastSize = 0

  get isKindKnown(): boolean {
    return this.kind !== UNKNOWN_KIND
  }

  /** Makes every field what it is in an empty message. */
  clear(): void {
    this.symbolLength = 0
    this.kind = NO_KIND
    this.sequenceLow = 0
    this.sequenceHigh = 0
    this.timeLow = 0
    this.timeHigh = 0
    this.bid = 0
    this.bidSize = 0
    this.ask = 0
    this.askSize = 0
    this.last = 0
    this.lastSize = 0
  }
}
