/** Times of ticks as microseconds since the Unix epoch. Any thread. */

/** An integer of 64 bits of nanoseconds as microseconds, rounded down. Exact up to 2^53 µs, the year 2255. */
export function nanosToMicros(low: number, high: number): number {
  const upper = Math.floor(high / 1000)
  const rest = high - upper * 1000
  return upper * 0x1_0000_0000 + Math.floor((rest * 0x1_0000_0000 + (low >>> 0)) / 1000)
}
