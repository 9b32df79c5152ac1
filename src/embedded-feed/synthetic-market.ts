/**
 * The market of one synthetic symbol: a random walk on a grid of prices. Feed's thread.
 * Steps of the grid and of the sizes are powers of ten, so each price is the double nearest to its decimal.
 */
import type { Random } from '../common/random.js'
import {
  setQuote,
  setTrade,
  type TickSymbol,
  type TickToEncode,
  tickSymbol,
} from '../ticks/market-tick-encoder.js'

const PRICE_STEPS_MIN = 100
const SIZE_LOTS_MEAN = 400
const TRADE_SHARE = 0.15
const WIDE_SPREAD_SHARE = 0.2

export class SyntheticMarket {
  readonly symbol: TickSymbol
  private readonly random: Random
  /** Steps of the price grid in one unit of price. */
  private readonly stepsPerUnit: number
  private readonly lotsPerUnit: number
  private bidSteps: number
  private spreadSteps = 1
  private quoteSequence = 0
  private tradeSequence = 0

  /** Cheap symbols have a finer grid and larger lots than expensive ones. */
  constructor(rank: number, random: Random) {
    const price = 10 ** (random.next() * 5)
    const decimals = price < 10 ? 4 : price < 1000 ? 2 : 1
    this.symbol = tickSymbol(`SYM${String(rank + 1).padStart(4, '0')}`)
    this.random = random
    this.stepsPerUnit = 10 ** decimals
    this.lotsPerUnit = 10 ** (5 - decimals)
    this.bidSteps = Math.max(PRICE_STEPS_MIN, Math.round(price * this.stepsPerUnit))
  }

  /** Writes the next quote or trade into `tick`, except for its time. */
  fill(tick: TickToEncode): void {
    tick.symbol = this.symbol
    if (this.random.next() < TRADE_SHARE) this.trade(tick)
    else this.quote(tick)
  }

  private quote(tick: TickToEncode): void {
    const random = this.random
    this.bidSteps = Math.max(PRICE_STEPS_MIN, this.bidSteps + random.below(3) - 1)
    this.spreadSteps = 1 + (random.next() < WIDE_SPREAD_SHARE ? random.below(3) : 0)
    const buyPrice = this.bidSteps / this.stepsPerUnit
    const sellPrice = (this.bidSteps + this.spreadSteps) / this.stepsPerUnit
    const buySize = this.size()
    setQuote(tick, ++this.quoteSequence, buyPrice, buySize, sellPrice, this.size())
  }

  private trade(tick: TickToEncode): void {
    const isBuy = this.random.next() < 0.5
    const price = (this.bidSteps + (isBuy ? this.spreadSteps : 0)) / this.stepsPerUnit
    setTrade(tick, ++this.tradeSequence, price, this.size())
  }

  /** Many small sizes, few large ones. */
  private size(): number {
    const lots = 1 + Math.floor(this.random.exponential(SIZE_LOTS_MEAN))
    return lots / this.lotsPerUnit
  }
}
