/**
 * How the positions of all rings count and wrap. Any thread.
 * A position is an int32 that grows, and wraps from 2^31 − 1 to −2^31: it fits one Atomics word. Two positions of one
 * ring are less than 2^31 apart, so their difference is exact when it is cut to 32 bits.
 */

/** How far `to` is past `from`; negative when `to` is behind. Exact across the wrap. */
export function distance(from: number, to: number): number {
  return (to - from) | 0
}

/** The position `count` after `position`. */
export function advance(position: number, count: number): number {
  return (position + count) | 0
}

export function isPowerOfTwo(value: number): boolean {
  return Number.isInteger(value) && value > 0 && Number.isInteger(Math.log2(value))
}
