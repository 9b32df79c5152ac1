/**
 * Makes ticks like a market's: random walks on a price grid, few symbols with most of the ticks, and bursts.
 * Feed's thread. The same options give the same ticks.
 */
import { RingcastError } from '../common/errors.js'
import { Random } from '../common/random.js'
import {
  blankTick,
  setQuote,
  setTrade,
  type TickSymbol,
  type TickToEncode,
  tickSymbol,
} from '../ticks/market-tick-encoder.js'
import type { SupplyResult, TickSupply } from './tick-supply.js'

export interface SyntheticOptions {
  /** How many symbols, SYM0001 and up: 1 to 10,000. */
  readonly symbols: number
  /** Ticks per second in the long mean. */
  readonly rate: number
  readonly seed: number
  /** Time of the first tick, microseconds since the Unix epoch. */
  readonly startUs: number
}

export const SYNTHETIC_SYMBOLS_MAX = 10_000

const TRADE_SHARE = 0.15
/** Popularity falls with the rank to this power, as it does on exchanges. */
const ZIPF_EXPONENT = 1.1
/** In a burst, this share of the ticks belongs to the symbol that set it off. */
const BURST_SYMBOL_SHARE = 0.6
const PRICE_STEPS_MIN = 100

interface Regime {
  /** Times the mean rate, before all are scaled to a mean of 1. */
  readonly intensity: number
  readonly lengthMsMean: number
  /** How often it is the next one. */
  readonly chance: number
}

// 344 s of four crypto instruments held 27 times their mean in the busiest 100 ms, 17 times in one of 1,000 and 0.4
// times in the median; these regimes give 20, 19 and 0.45.
const REGIMES: readonly Regime[] = [
  { intensity: 0.4, lengthMsMean: 800, chance: 0.5 },
  { intensity: 1.5, lengthMsMean: 300, chance: 0.35 },
  { intensity: 18, lengthMsMean: 70, chance: 0.15 },
]
const BURST = REGIMES[2]!

/** A symbol's market. Prices are whole steps of its grid. */
interface Market {
  readonly symbol: TickSymbol
  /** Steps of the grid in one unit of price. */
  readonly stepsPerUnit: number
  /** The grid's step and the sizes' step are powers of ten, so each price is the double nearest to its decimal. */
  readonly lotsPerUnit: number
  bidSteps: number
  spreadSteps: number
  quoteSequence: number
  tradeSequence: number
}

export class SyntheticTicks implements TickSupply {
  readonly tick: TickToEncode
  readonly #random: Random
  readonly #markets: Market[]
  /** Share of the ticks that belong to a symbol of this rank or a more popular one. */
  readonly #popularity: Float64Array
  readonly #startUs: number
  readonly #ticksPerMs: number
  #dueMs = 0
  #regime = REGIMES[0]!
  #regimeEndMs: number
  #burstMarket: Market

  /** Throws `option_invalid`. */
  constructor(options: SyntheticOptions) {
    checkOptions(options)
    this.#random = new Random(options.seed)
    this.#markets = Array.from({ length: options.symbols }, (_, rank) => makeMarket(rank, this.#random))
    this.#popularity = zipf(options.symbols)
    this.#startUs = options.startUs
    this.#ticksPerMs = options.rate / 1000 / meanIntensity()
    this.#regimeEndMs = this.#random.exponential(this.#regime.lengthMsMean)
    this.#burstMarket = this.#markets[0]!
    this.tick = blankTick(this.#burstMarket.symbol)
  }

  get dueMs(): number {
    return this.#dueMs
  }

  next(): SupplyResult {
    this.#goToNextArrival()
    const market = this.#pickMarket()
    const tick = this.tick
    const dueUs = Math.floor(this.#dueMs * 1000)
    tick.symbol = market.symbol
    tick.timeUs = this.#startUs + dueUs
    tick.timeRestNs = Math.floor((this.#dueMs * 1000 - dueUs) * 1000)
    if (this.#random.next() < TRADE_SHARE) this.#trade(market)
    else this.#quote(market)
    return 'tick'
  }

  async ready(): Promise<void> {}

  async close(): Promise<void> {}

  /** Arrivals have no memory, so where a regime ends the wait begins anew at the next one's rate. */
  #goToNextArrival(): void {
    for (;;) {
      const dueMs = this.#dueMs + this.#random.exponential(1 / (this.#regime.intensity * this.#ticksPerMs))
      if (dueMs <= this.#regimeEndMs) {
        this.#dueMs = dueMs
        return
      }
      this.#dueMs = this.#regimeEndMs
      this.#regime = pickRegime(this.#random.next())
      this.#regimeEndMs += this.#random.exponential(this.#regime.lengthMsMean)
      if (this.#regime === BURST) this.#burstMarket = this.#markets[this.#pickRank()]!
    }
  }

  #pickMarket(): Market {
    if (this.#regime === BURST && this.#random.next() < BURST_SYMBOL_SHARE) return this.#burstMarket
    return this.#markets[this.#pickRank()]!
  }

  #pickRank(): number {
    const share = this.#random.next()
    let low = 0
    let high = this.#popularity.length - 1
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#popularity[middle]! > share) high = middle
      else low = middle + 1
    }
    return low
  }

  #quote(market: Market): void {
    market.bidSteps = Math.max(PRICE_STEPS_MIN, market.bidSteps + this.#random.below(3) - 1)
    market.spreadSteps = 1 + (this.#random.next() < 0.2 ? this.#random.below(3) : 0)
    const buyPrice = market.bidSteps / market.stepsPerUnit
    const sellPrice = (market.bidSteps + market.spreadSteps) / market.stepsPerUnit
    const buySize = this.#size(market)
    setQuote(this.tick, ++market.quoteSequence, buyPrice, buySize, sellPrice, this.#size(market))
  }

  #trade(market: Market): void {
    const isBuy = this.#random.next() < 0.5
    const price = (market.bidSteps + (isBuy ? market.spreadSteps : 0)) / market.stepsPerUnit
    setTrade(this.tick, ++market.tradeSequence, price, this.#size(market))
  }

  /** Many small, few large. */
  #size(market: Market): number {
    const lots = 1 + Math.floor(this.#random.exponential(400))
    return lots / market.lotsPerUnit
  }
}

function checkOptions({ symbols, rate, seed }: SyntheticOptions): void {
  if (!Number.isInteger(symbols) || symbols < 1 || symbols > SYNTHETIC_SYMBOLS_MAX) {
    throw new RingcastError(
      'option_invalid',
      `the number of symbols must be whole, from 1 to ${SYNTHETIC_SYMBOLS_MAX}, got ${symbols}`,
    )
  }
  if (!(rate > 0 && rate <= 1e8)) {
    throw new RingcastError('option_invalid', `the rate must be above 0 and at most 1e8 ticks/s, got ${rate}`)
  }
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new RingcastError('option_invalid', `the seed must be a whole number from 0 up, got ${seed}`)
  }
}

/** Cheap symbols have a finer grid and trade in larger lots than dear ones. */
function makeMarket(rank: number, random: Random): Market {
  const price = 10 ** (random.next() * 5)
  const decimals = price < 10 ? 4 : price < 1000 ? 2 : 1
  const stepsPerUnit = 10 ** decimals
  return {
    symbol: tickSymbol(`SYM${String(rank + 1).padStart(4, '0')}`),
    stepsPerUnit,
    lotsPerUnit: 10 ** (5 - decimals),
    bidSteps: Math.max(PRICE_STEPS_MIN, Math.round(price * stepsPerUnit)),
    spreadSteps: 1,
    quoteSequence: 0,
    tradeSequence: 0,
  }
}

function zipf(count: number): Float64Array {
  const shares = new Float64Array(count)
  let sum = 0
  for (let rank = 0; rank < count; rank++) {
    sum += 1 / (rank + 1) ** ZIPF_EXPONENT
    shares[rank] = sum
  }
  for (let rank = 0; rank < count; rank++) shares[rank]! /= sum
  return shares
}

function pickRegime(share: number): Regime {
  let sum = 0
  for (const regime of REGIMES) {
    sum += regime.chance
    if (share < sum) return regime
  }
  return REGIMES[0]!
}

/** In the long run, a regime holds its chance × length of all time. */
function meanIntensity(): number {
  let ticks = 0
  let ms = 0
  for (const { intensity, lengthMsMean, chance } of REGIMES) {
    ticks += intensity * lengthMsMean * chance
    ms += lengthMsMean * chance
  }
  return ticks / ms
}
