/**
 * Histograms of durations and sizes with fixed buckets. One thread writes and reads each.
 * An observation has a weight: one reading of the clock stands for all writes since the reading before.
 */

/** Upper bounds of the buckets, µs. The last bucket has no bound. */
export const LATENCY_BOUNDS_US = [
  50, 100, 200, 300, 500, 750, 1_000, 1_500, 2_000, 3_000, 5_000, 7_500, 10_000, 15_000, 20_000, 30_000,
  50_000, 75_000, 100_000, 200_000, 500_000, 1_000_000, 2_000_000, 5_000_000, 10_000_000,
] as const

/** Upper bounds of the buckets, bytes. The last bucket has no bound. */
export const SIZE_BOUNDS_BYTES = [
  128, 256, 512, 1_024, 2_048, 4_096, 8_192, 16_384, 32_768, 65_536, 131_072, 262_144, 524_288, 1_048_576,
] as const

export interface SizeHistogramView {
  /** Upper bound of each bucket, bytes. The last is null: no bound. */
  readonly boundsBytes: readonly (number | null)[]
  /** The observations of each bucket alone, by weight. */
  readonly counts: readonly number[]
  readonly count: number
  readonly sumBytes: number
}

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

class Buckets {
  protected readonly bounds: readonly number[]
  protected readonly counts: Float64Array
  protected count = 0
  protected sum = 0

  constructor(bounds: readonly number[]) {
    this.bounds = bounds
    this.counts = new Float64Array(bounds.length + 1)
  }

  observe(value: number, weight: number): void {
    let bucket = 0
    while (bucket < this.bounds.length && value > this.bounds[bucket]!) bucket++
    this.counts[bucket]! += weight
    this.count += weight
    this.sum += value * weight
  }
}

/** Of durations, µs. */
export class Histogram extends Buckets {
  constructor() {
    super(LATENCY_BOUNDS_US)
  }

  view(): HistogramView {
    return {
      boundsUs: [...LATENCY_BOUNDS_US, null],
      counts: [...this.counts],
      count: this.count,
      sumUs: this.sum,
      p50Us: quantileUs(this.counts, 0.5),
      p99Us: quantileUs(this.counts, 0.99),
    }
  }
}

/** Of sizes, bytes. */
export class SizeHistogram extends Buckets {
  constructor() {
    super(SIZE_BOUNDS_BYTES)
  }

  view(): SizeHistogramView {
    return {
      boundsBytes: [...SIZE_BOUNDS_BYTES, null],
      counts: [...this.counts],
      count: this.count,
      sumBytes: this.sum,
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
