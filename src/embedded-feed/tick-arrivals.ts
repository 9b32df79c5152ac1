/**
 * Says when the next synthetic tick is due, and of which symbol. Feed's thread.
 * Ticks arrive at random (Poisson) at a rate that changes between quiet, busy and burst.
 */
import type { Random } from '../common/random.js'
import { SymbolPopularity } from './symbol-popularity.js'

interface Regime {
  /** Ticks in relation to the other regimes. All are scaled to a mean of 1. */
  readonly intensity: number
  readonly lengthMsMean: number
  /** Probability that this regime is the next one. */
  readonly chance: number
}

// Recorded: 344 s of four crypto instruments had 27 times the mean in the busiest 100 ms, 17 times in one of 1,000, and
// 0.4 times in the median. These regimes give 20, 19 and 0.45.
const REGIMES: readonly Regime[] = [
  { intensity: 0.4, lengthMsMean: 800, chance: 0.5 },
  { intensity: 1.5, lengthMsMean: 300, chance: 0.35 },
  { intensity: 18, lengthMsMean: 70, chance: 0.15 },
]
const BURST = REGIMES[2]!
/** In a burst, this share of the ticks belongs to one symbol. */
const BURST_SYMBOL_SHARE = 0.6

export class TickArrivals {
  private readonly random: Random
  private readonly popularity: SymbolPopularity
  private readonly ticksPerMs: number
  private _dueMs = 0
  private _rank = 0
  private regime = REGIMES[0]!
  private regimeEndMs: number
  /** The symbol of the current burst. */
  private burstRank = 0

  /** @param rate ticks per second in the long mean */
  constructor(symbolCount: number, rate: number, random: Random) {
    this.random = random
    this.popularity = new SymbolPopularity(symbolCount)
    this.ticksPerMs = rate / 1000 / meanIntensity()
    this.regimeEndMs = random.exponential(this.regime.lengthMsMean)
  }

  /** When the current tick is due, in milliseconds after the start. Never goes back. */
  get dueMs(): number {
    return this._dueMs
  }

  /** Rank of the current tick's symbol, from 0. */
  get rank(): number {
    return this._rank
  }

  /** Goes to the next tick. */
  advance(): void {
    this.advanceTime()
    const isOfBurst = this.regime === BURST && this.random.next() < BURST_SYMBOL_SHARE
    this._rank = isOfBurst ? this.burstRank : this.popularity.draw(this.random)
  }

  /** Arrivals have no memory: at the end of a regime the wait starts again, at the rate of the next one. */
  private advanceTime(): void {
    for (;;) {
      const dueMs = this._dueMs + this.random.exponential(1 / (this.regime.intensity * this.ticksPerMs))
      if (dueMs <= this.regimeEndMs) {
        this._dueMs = dueMs
        return
      }
      this._dueMs = this.regimeEndMs
      this.regime = regimeAt(this.random.next())
      this.regimeEndMs += this.random.exponential(this.regime.lengthMsMean)
      if (this.regime === BURST) this.burstRank = this.popularity.draw(this.random)
    }
  }
}

/** @param share 0 up to 1 */
function regimeAt(share: number): Regime {
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
