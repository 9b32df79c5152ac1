/** What the bytes of record or frame `number` have to be, so that whoever reads them can tell old, torn and foreign ones. Any thread. */

function mix(number: number): number {
  let value = Math.imul(number ^ (number >>> 16), 0x45d9f3b)
  value = Math.imul(value ^ (value >>> 16), 0x45d9f3b)
  return (value ^ (value >>> 16)) >>> 0
}

/** A length from 0 to `max` that only depends on the number. */
export function patternLength(number: number, max: number): number {
  return mix(number) % (max + 1)
}

export function writePattern(bytes: Uint8Array, start: number, length: number, number: number): void {
  const seed = mix(number)
  for (let index = 0; index < length; index++) bytes[start + index] = seed + index * 7
}

/** @returns the index of the first byte that is not of the pattern, -1 when all are */
export function findTorn(bytes: Uint8Array, start: number, length: number, number: number): number {
  const seed = mix(number)
  for (let index = 0; index < length; index++)
    if (bytes[start + index] !== ((seed + index * 7) & 0xff)) return index
  return -1
}
