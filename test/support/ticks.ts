/**
 * Ticks for tests whose numbers tell where they belong.
 */
import type { QuoteTick, TradeTick } from '../../src/ticks/pushed-tick.js'

/** The `sequence`th quote of a symbol; its prices are made from the sequence, so a torn one shows. */
export function quote(symbol: string, sequence: number): QuoteTick {
  return {
    symbol,
    kind: 'quote',
    sequence,
    sourceTimeNs: 1_723_161_255_000_000_000n + BigInt(sequence),
    bid: sequence + 0.25,
    bidSize: sequence / 8,
    ask: sequence + 0.5,
    askSize: sequence / 4,
  }
}

/** The same as a trade. */
export function trade(symbol: string, sequence: number): TradeTick {
  const { sourceTimeNs, bid, bidSize } = quote(symbol, sequence)
  return { symbol, kind: 'trade', sequence, sourceTimeNs, last: bid, lastSize: bidSize }
}

/** Sequences from first to last. */
export function sequences(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index)
}
