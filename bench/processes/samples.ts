/**
 * Keeps any number of samples for their quantiles, without an object for each sample.
 */
export class Samples {
  private values = new Float64Array(4096)
  private count = 0

  push(value: number): void {
    if (this.count === this.values.length) {
      const wider = new Float64Array(2 * this.count)
      wider.set(this.values)
      this.values = wider
    }
    this.values[this.count++] = value
  }

  clear(): void {
    this.count = 0
  }

  /** A quantile for each share; NaN while there are no samples. */
  static quantiles(all: readonly Samples[], parts: readonly number[]): number[] {
    const sorted = new Float64Array(all.reduce((sum, { count }) => sum + count, 0))
    let at = 0
    for (const { values, count } of all) {
      sorted.set(values.subarray(0, count), at)
      at += count
    }
    sorted.sort()
    return parts.map(part => sorted[Math.floor((sorted.length - 1) * part)] ?? Number.NaN)
  }
}
