/**
 * A histogram of durations with fixed buckets. One thread writes and reads it.
 * An observation has a weight: one reading of the clock stands for all writes since the reading before.
 */

/** Upper bounds of the buckets, µs. The last bucket has no bound. */
export const LATENCY_BOUNDS_US = [
  50, 100, 200, 300, 500, 750, 1_000, 1_500, 2_000, 3_000, 5_000, 7_500, 10_000, 15_000, 20_000, 30_000,
  50_000, 75_000, 100_000, 200_000, 500_000, 1_000_000, 2_000_000, 5_000_000, 10_000_000,
] as const

export interface HistogramView {
  /** Upper bound of each bucket, µs. The last is null: no bound. */
  readonly boundsUs: readonly (number | null)[]
  /** The observations of each bucket alone, by weight. */
  readonly counts: readonly number[]
  readonly count: number
  readonly sumUs: number
  /** Estimated within the bucket; 0 while empty. */
  readonly p50Us: number
  readonly p99Us: number
}

export class Histogram {
  private readonly counts = new Float64Array(LATENCY_BOUNDS_US.length + 1)
  private count = 0
  private sumUs = 0

  observe(durationUs: number, weight: number): void {
    let bucket = 0
    while (bucket < LATENCY_BOUNDS_US.length && durationUs > LATENCY_BOUNDS_US[bucket]!) bucket++
    this.counts[bucket]! += weight
    this.count += weight
    this.sumUs += durationUs * weight
  }

  view(): HistogramView {
    return {
      boundsUs: [...LATENCY_BOUNDS_US, null],
      counts: [...this.counts],
      count: this.count,
      sumUs: this.sumUs,
      p50Us: quantileUs(this.counts, 0.5),
      p99Us: quantileUs(this.counts, 0.99),
    }
  }
}

/**
 * Estimates a quantile, µs: linear within its bucket; the lower bound of the last bucket; 0 while empty.
 *
 * @param counts the observations of each bucket alone
 * @param quantile 0 to 1
 */
export function quantileUs(counts: ArrayLike<number>, quantile: number): number {
  let count = 0
  for (let bucket = 0; bucket < counts.length; bucket++) count += counts[bucket]!
  if (count === 0) return 0
  let rest = quantile * count
  for (let bucket = 0; bucket < LATENCY_BOUNDS_US.length; bucket++) {
    const inBucket = counts[bucket]!
    if (rest <= inBucket) {
      const low = bucket === 0 ? 0 : LATENCY_BOUNDS_US[bucket - 1]!
      return low + (LATENCY_BOUNDS_US[bucket]! - low) * (rest / inBucket)
    }
    rest -= inBucket
  }
  return LATENCY_BOUNDS_US.at(-1)!
}
