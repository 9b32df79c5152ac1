/**
 * Draws symbols as a market's ticks do: few symbols have most of the ticks. Feed's thread.
 * Popularity falls with the rank to a power (Zipf's law), as it does on exchanges.
 */
import type { Random } from '../common/random.js'

const ZIPF_EXPONENT = 1.1

export class SymbolPopularity {
  /** For each rank, the share of the ticks of this rank and all more popular ones. Ends with 1. */
  private readonly shares: Float64Array

  constructor(symbolCount: number) {
    const shares = new Float64Array(symbolCount)
    let sum = 0
    for (let rank = 0; rank < symbolCount; rank++) {
      sum += 1 / (rank + 1) ** ZIPF_EXPONENT
      shares[rank] = sum
    }
    for (let rank = 0; rank < symbolCount; rank++) shares[rank]! /= sum
    this.shares = shares
  }

  /** A rank from 0, the most popular. */
  draw(random: Random): number {
    const share = random.next()
    let low = 0
    let high = this.shares.length - 1
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.shares[middle]! > share) high = middle
      else low = middle + 1
    }
    return low
  }
}
