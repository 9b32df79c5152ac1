/**
 * A decoded tick, as the fields of `Tick` in proto/ringcast.proto. One object is filled again and again. Any thread.
 * 64-bit numbers are two halves (`high` signed), so that nothing is allocated and nothing is rounded.
 */

export const QUOTE = 1
export const TRADE = 2
export type TickKind = typeof QUOTE | typeof TRADE

/** The longest encoded tick, position included: a bound that the proto file sets. */
export const TICK_BYTES_MAX = 1024

export class TickFields {
  /** Where the symbol's bytes begin, in the buffer that was decoded. */
  symbolStart = 0
  symbolLength = 0
  kind = 0
  sequenceLow = 0
  sequenceHigh = 0
  timeLow = 0
  timeHigh = 0
  bid = 0
  bidSize = 0
  ask = 0
  askSize = 0
  last = 0
  lastSize = 0
  /** The feed's count, 0 for none. */
  position = 0
}
