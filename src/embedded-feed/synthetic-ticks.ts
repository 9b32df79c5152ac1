/**
 * Makes ticks like those of a market: bursts, few symbols with most of the ticks, random walks on a price grid.
 * Feed's thread. The same options give the same ticks.
 */
import { RingcastError } from '../common/errors.js'
import { quoteValue } from '../common/quote-value.js'
import { Random } from '../common/random.js'
import { blankTick, type TickToEncode } from '../ticks/market-tick-encoder.js'
import { SyntheticMarket } from './synthetic-market.js'
import { TickArrivals } from './tick-arrivals.js'
import type { SupplyResult, TickSupply } from './tick-supply.js'

export interface SyntheticOptions {
  /** Number of symbols, SYM0001 and up: 1 to 10,000. */
  readonly symbols: number
  /** Ticks per second in the long mean. */
  readonly rate: number
  readonly seed: number
  /** Time of the first tick, microseconds since the Unix epoch. */
  readonly startUs: number
}

const SYMBOLS_MAX = 10_000
const RATE_MAX = 1e8

export class SyntheticTicks implements TickSupply {
  readonly tick: TickToEncode
  /** By rank, the most popular first. */
  private readonly markets: readonly SyntheticMarket[]
  private readonly arrivals: TickArrivals
  private readonly startUs: number

  /** @throws RingcastError `option_invalid` */
  constructor(options: SyntheticOptions) {
    checkOptions(options)
    const { symbols, rate, seed, startUs } = options
    const random = new Random(seed)
    this.markets = Array.from({ length: symbols }, (_, rank) => new SyntheticMarket(rank, random))
    this.arrivals = new TickArrivals(symbols, rate, random)
    this.startUs = startUs
    this.tick = blankTick(this.markets[0]!.symbol)
  }

  get dueMs(): number {
    return this.arrivals.dueMs
  }

  next(): SupplyResult {
    const { tick } = this
    const arrivals = this.arrivals
    arrivals.advance()
    const dueUs = arrivals.dueMs * 1000
    const wholeUs = Math.floor(dueUs)
    tick.timeUs = this.startUs + wholeUs
    tick.timeRestNs = Math.floor((dueUs - wholeUs) * 1000)
    this.markets[arrivals.rank]!.fill(tick)
    return 'tick'
  }

  async ready(): Promise<void> {}

  async close(): Promise<void> {}
}

function checkOptions({ symbols, rate, seed }: SyntheticOptions): void {
  if (!Number.isInteger(symbols) || symbols < 1 || symbols > SYMBOLS_MAX) {
    throw new RingcastError(
      'option_invalid',
      `the number of symbols must be whole, from 1 to ${SYMBOLS_MAX}, got ${quoteValue(symbols)}`,
    )
  }
  if (!(rate > 0 && rate <= RATE_MAX)) {
    throw new RingcastError(
      'option_invalid',
      `the rate must be above 0 and at most 1e8 ticks/s, got ${quoteValue(rate)}`,
    )
  }
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new RingcastError(
      'option_invalid',
      `the seed must be a whole number from 0 up, got ${quoteValue(seed)}`,
    )
  }
}
