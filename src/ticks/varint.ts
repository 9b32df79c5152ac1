/**
 * Writes unsigned protobuf varints, straight into bytes. Any thread.
 * Wire format: https://protobuf.dev/programming-guides/encoding/#varints
 */

const TWO_TO_32 = 2 ** 32

/** Writes an unsigned integer below 2^53 at `at`. @returns the index after it */
export function writeVarint(bytes: Uint8Array, at: number, value: number): number {
  return writeVarintHalves(bytes, at, Math.floor(value / TWO_TO_32), value >>> 0)
}

/** Writes an unsigned 64-bit integer. @param high its upper 32 bits, unsigned @param low its lower 32 bits, unsigned @returns the index after it */
export function writeVarintHalves(bytes: Uint8Array, at: number, high: number, low: number): number {
  let end = at
  while (high > 0 || low > 127) {
    bytes[end++] = (low & 127) | 128
    low = ((low >>> 7) | (high << 25)) >>> 0
    high >>>= 7
  }
  bytes[end++] = low
  return end
}

/** Count of bytes that `writeVarint` writes. */
export function varintBytes(value: number): number {
  let bytes = 1
  for (let rest = value; rest > 127; rest = Math.floor(rest / 128)) bytes++
  return bytes
}
