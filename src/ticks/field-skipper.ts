/**
 * Skips a field that a schema does not know: of any wire type, groups included. Any thread. For fields that are rare.
 * Never reads outside of the range that it was given.
 * Wire format: https://protobuf.dev/programming-guides/encoding/
 */

export const VARINT = 0
export const FIXED64 = 1
export const LENGTH_DELIMITED = 2
export const START_GROUP = 3
export const END_GROUP = 4
export const FIXED32 = 5

/** Field numbers have 29 bits, and a tag holds three bits more. */
const TAG_MAX = 2 ** 32 - 1
const VARINT_BYTES_MAX = 10
/** Other readers of protobuf have the same bound. */
const GROUP_DEPTH_MAX = 100

export class FieldSkipper {
  private bytes: Uint8Array = new Uint8Array(0)
  private at = 0
  private end = 0

  /**
   * Skips the value of the field with this tag, which begins at `start`.
   *
   * @returns the index after the field; -1 when the value is cut off or is no field
   */
  skip(bytes: Uint8Array, start: number, end: number, tag: number): number {
    this.bytes = bytes
    this.at = start
    this.end = end
    return this.skipValue(tag, 0) ? this.at : -1
  }

  private skipValue(tag: number, depth: number): boolean {
    if (tag < 8) return false
    switch (tag & 7) {
      case VARINT:
        return this.varint() >= 0
      case FIXED64:
        return this.advance(8)
      case LENGTH_DELIMITED: {
        const length = this.varint()
        return length >= 0 && this.advance(length)
      }
      case START_GROUP:
        return depth < GROUP_DEPTH_MAX && this.skipGroup(tag + END_GROUP - START_GROUP, depth + 1)
      case FIXED32:
        return this.advance(4)
      default:
        return false
    }
  }

  private skipGroup(endTag: number, depth: number): boolean {
    for (;;) {
      const tag = this.varint()
      if (tag === endTag) return true
      if (tag > TAG_MAX || !this.skipValue(tag, depth)) return false
    }
  }

  private advance(length: number): boolean {
    if (length > this.end - this.at) return false
    this.at += length
    return true
  }

  /** @returns -1 when the varint is cut off or longer than ten bytes. Exact below 2^53. */
  private varint(): number {
    let value = 0
    for (let index = 0, factor = 1; index < VARINT_BYTES_MAX; index++, factor *= 128) {
      if (this.at >= this.end) return -1
      const byte = this.bytes[this.at++]!
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value
    }
    return -1
  }
}
