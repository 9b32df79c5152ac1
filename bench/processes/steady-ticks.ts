/**
 * Ticks at an exact rate, which may change meanwhile: one at a time or several at once, the symbols in turns. Feed's
 * thread.
 * The sequences of each symbol and kind rise by one, so that a reader sees which ticks it missed.
 */

import type { SupplyResult, TickSupply } from '../../src/embedded-feed/tick-supply.js'
import {
  blankTick,
  setQuote,
  setTrade,
  type TickSymbol,
  tickSymbol,
} from '../../src/ticks/market-tick-encoder.js'

interface Book {
  readonly symbol: TickSymbol
  readonly price: number
  ticks: number
  quotes: number
  trades: number
}

/**
 * The step to the next symbol, so that neighbours in time are not neighbours by name. A prime, so that each symbol has
 * its turn.
 */
const STRIDE = 617
/** One of so many ticks of a symbol is a trade. */
const TRADE_EVERY = 7
const STEPS = 100

export class SteadyTicks implements TickSupply {
  readonly tick
  dueMs = 0
  private readonly books: readonly Book[]
  private readonly burst: number
  private made = 0
  private gapMs: number

  /** @param burst ticks that come at one moment */
  constructor(symbols: number, ticksPerSecond: number, burst: number) {
    this.burst = burst
    this.books = Array.from({ length: symbols }, (_, index) => ({
      symbol: tickSymbol(symbolName(index)),
      price: 10 + index,
      ticks: 0,
      quotes: 0,
      trades: 0,
    }))
    this.tick = blankTick(this.books[0]!.symbol)
    this.gapMs = 1000 / ticksPerSecond
  }

  set rate(ticksPerSecond: number) {
    this.gapMs = 1000 / ticksPerSecond
  }

  next(): SupplyResult {
    const { tick, books } = this
    const book = books[(this.made++ * STRIDE) % books.length]!
    const step = book.ticks++ % STEPS
    const price = book.price + step / 100
    tick.symbol = book.symbol
    if (book.ticks % TRADE_EVERY === 0) {
      setTrade(tick, ++book.trades, price, 1 + step / 10)
    } else setQuote(tick, ++book.quotes, price, 1 + step / 10, book.price + (step + 1) / 100, 2 + step / 10)
    if (this.made % this.burst === 0) this.dueMs += this.gapMs * this.burst
    return 'tick'
  }

  async ready(): Promise<void> {}

  async close(): Promise<void> {}
}

/** The names of the embedded feed's symbols. */
export function symbolName(index: number): string {
  return `SYM${String(index + 1).padStart(4, '0')}`
}
