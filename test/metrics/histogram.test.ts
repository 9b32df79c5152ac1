import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Histogram, LATENCY_BOUNDS_US } from '../../src/metrics/histogram.js'

describe('a histogram', () => {
  it('is all zero while empty', () => {
    const { boundsUs, counts, ...rest } = new Histogram().view()
    expect(rest).toEqual({ count: 0, sumUs: 0, p50Us: 0, p99Us: 0 })
    expect(counts.every(count => count === 0)).toBe(true)
    expect(boundsUs.length).toBe(counts.length)
    expect(boundsUs.at(-1)).toBeNull()
  })

  it('counts a duration in the first bucket whose bound is not below it', () => {
    const histogram = new Histogram()
    for (const bound of LATENCY_BOUNDS_US) histogram.observe(bound, 1)
    histogram.observe(LATENCY_BOUNDS_US.at(-1)! + 1, 4)
    histogram.observe(0, 2)
    const { counts, boundsUs } = histogram.view()
    expect(counts).toEqual(boundsUs.map((bound, index) => (bound === null ? 4 : index === 0 ? 3 : 1)))
  })

  it('weights a duration by the writes that it stands for', () => {
    const histogram = new Histogram()
    histogram.observe(40, 3)
    histogram.observe(900, 1)
    expect(histogram.view()).toMatchObject({ count: 4, sumUs: 1020 })
  })

  it('estimates a quantile within the bucket that holds it', () => {
    const histogram = new Histogram()
    histogram.observe(60, 50)
    histogram.observe(250, 49)
    histogram.observe(6_000, 1)
    const { p50Us, p99Us } = histogram.view()
    expect([p50Us, p99Us]).toEqual([100, 300])
    histogram.observe(6_000, 1)
    expect(histogram.view().p99Us).toBeCloseTo(5_000 + (2_500 * (0.99 * 101 - 99)) / 2, 6)
    const one = new Histogram()
    one.observe(150, 1)
    expect(one.view().p50Us).toBe(150)
  })

  it('reports the largest bound for quantiles beyond it', () => {
    const histogram = new Histogram()
    histogram.observe(1e9, 1)
    expect(histogram.view()).toMatchObject({ p50Us: 10_000_000, p99Us: 10_000_000 })
  })

  it('estimates quantiles within the bucket of the exact quantile, for any durations', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(9_999_999), { minLength: 1, maxLength: 300 }), durations => {
        const histogram = new Histogram()
        for (const duration of durations) histogram.observe(duration, 1)
        const sorted = durations.toSorted((first, second) => first - second)
        const { p50Us, p99Us } = histogram.view()
        for (const [estimate, quantile] of [
          [p50Us, 0.5],
          [p99Us, 0.99],
        ] as const) {
          const exact = sorted[Math.ceil(quantile * sorted.length) - 1]!
          const bucket = LATENCY_BOUNDS_US.findIndex(bound => exact <= bound)
          expect(estimate).toBeGreaterThanOrEqual(bucket === 0 ? 0 : LATENCY_BOUNDS_US[bucket - 1]!)
          expect(estimate).toBeLessThanOrEqual(LATENCY_BOUNDS_US[bucket]!)
        }
        expect(p50Us).toBeLessThanOrEqual(p99Us)
      }),
    )
  })
})
