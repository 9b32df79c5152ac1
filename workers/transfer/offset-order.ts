/**
 * Sorts places of a stream, step by step and without objects: a radix sort. Pure.
 */

const DIGIT_BITS = 11
const DIGITS = 2 ** DIGIT_BITS

/**
 * Each `next` of the generator is one step, of about 10 ns for each offset.
 *
 * @param offsets from 0 to 2^53
 * @param count how many of them count
 * @returns the indexes of the offsets, in the order of the offsets; equal ones in the order of the indexes
 */
export function* orderOf(offsets: Float64Array, count: number): Generator<void, Uint32Array> {
  let order = new Uint32Array(count)
  let least = Number.POSITIVE_INFINITY
  let greatest = 0
  for (let index = 0; index < count; index++) {
    const offset = offsets[index]!
    order[index] = index
    if (offset < least) least = offset
    if (offset > greatest) greatest = offset
  }
  let other = new Uint32Array(count)
  const ends = new Uint32Array(DIGITS)
  for (let scale = 1; scale <= greatest - least; scale *= DIGITS) {
    const digitOf = (index: number): number => Math.floor((offsets[index]! - least) / scale) % DIGITS
    ends.fill(0)
    for (let index = 0; index < count; index++) ends[digitOf(index)]!++
    for (let digit = 1; digit < DIGITS; digit++) ends[digit]! += ends[digit - 1]!
    for (let rank = count - 1; rank >= 0; rank--) {
      const index = order[rank]!
      const digit = digitOf(index)
      ends[digit]!--
      other[ends[digit]!] = index
    }
    const sorted = other
    other = order
    order = sorted
    yield
  }
  return order
}
