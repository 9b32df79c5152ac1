/**
 * Finds the ticks in a protobuf message that holds them in a repeated field, such as `TickBatch`, without decoding them.
 * Any thread. The main thread counts the ticks of a batch, because it gives each tick its offset. Lanes find the ticks to
 * decode.
 * Wire format: https://protobuf.dev/programming-guides/encoding/
 */

const VARINT = 0
const FIXED64 = 1
const LENGTH_DELIMITED = 2
const START_GROUP = 3
const END_GROUP = 4
const FIXED32 = 5

export class BatchReader {
  // Offsets in bytes.
  /** Where the field of the current tick begins: its tag. */
  fieldStart = 0
  tickStart = 0
  tickEnd = 0
  private readonly ticksTag: number
  private bytes: Uint8Array = new Uint8Array(0)
  private at = 0
  private end = 0
  private broken = false

  /** @param field number of the field that holds the ticks */
  constructor(field: number) {
    this.ticksTag = ((field << 3) | LENGTH_DELIMITED) >>> 0
  }

  /** Begins the batch at `bytes[start, end)`. */
  reset(bytes: Uint8Array, start: number, end: number): void {
    this.bytes = bytes
    this.at = start
    this.end = end
    this.broken = false
  }

  /** Offset in bytes after the current tick, and after the batch when `next` has returned false. */
  get position(): number {
    return this.at
  }

  /** Whether `next` met bytes that are no field. The ticks before those bytes are valid. */
  get isBroken(): boolean {
    return this.broken
  }

  /** Makes the next tick the current one. Skips unknown fields. @returns false at the end, and at bytes that are no field */
  next(): boolean {
    while (this.at < this.end) {
      this.fieldStart = this.at
      const tag = this.varint()
      if (tag < 8) return this.fail()
      if ((tag & 7) === LENGTH_DELIMITED) {
        const length = this.varint()
        if (length < 0 || length > this.end - this.at) return this.fail()
        this.tickStart = this.at
        this.at += length
        if (tag !== this.ticksTag) continue
        this.tickEnd = this.at
        return true
      }
      if (!this.skip(tag)) return this.fail()
    }
    return false
  }

  private skip(tag: number): boolean {
    const wireType = tag & 7
    if (wireType === FIXED64) this.at += 8
    else if (wireType === FIXED32) this.at += 4
    else if (wireType === START_GROUP) return this.skipGroup()
    else if (wireType !== VARINT) return false
    else
      do {
        if (this.at >= this.end) return false
      } while (this.bytes[this.at++]! >= 0x80)
    return this.at <= this.end
  }

  /** Skips a group with the groups in it. Which field each of them belongs to makes no difference. */
  private skipGroup(): boolean {
    for (let depth = 1; depth > 0; ) {
      const tag = this.varint()
      if (tag < 8) return false
      const wireType = tag & 7
      if (wireType === START_GROUP) depth++
      else if (wireType === END_GROUP) depth--
      else if (wireType === LENGTH_DELIMITED) {
        const length = this.varint()
        if (length < 0 || length > this.end - this.at) return false
        this.at += length
      } else if (!this.skip(tag)) return false
    }
    return true
  }

  /** Reads a tag or a length of at most 32 bits. @returns -1 when it is longer or cut off */
  private varint(): number {
    let value = 0
    for (let shift = 0; shift <= 28; shift += 7) {
      if (this.at >= this.end) return -1
      const byte = this.bytes[this.at++]!
      if (shift === 28) return byte < 0x10 ? (value | (byte << 28)) >>> 0 : -1
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
    return -1
  }

  private fail(): boolean {
    this.broken = true
    this.at = this.end
    return false
  }
}
