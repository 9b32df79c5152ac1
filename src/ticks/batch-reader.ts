/**
 * Finds the ticks in a protobuf message that holds them in a repeated field, such as `TickBatch`, without decoding them.
 * Any thread. The main thread counts the ticks of a batch, because it gives each tick its offset. Lanes find the ticks to
 * decode.
 * Wire format: https://protobuf.dev/programming-guides/encoding/
 */

import { FieldSkipper, LENGTH_DELIMITED } from './field-skipper.js'

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
  private readonly skipper = new FieldSkipper()

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
    const at = this.skipper.skip(this.bytes, this.at, this.end, tag)
    if (at >= 0) this.at = at
    return at >= 0
  }

  /** Reads a tag or a length, of up to 32 bits. @returns -1 when it is larger or cut off */
  private varint(): number {
    let value = 0
    for (let shift = 0; shift <= 63; shift += 7) {
      if (this.at >= this.end) return -1
      const byte = this.bytes[this.at++]!
      const bits = byte & 0x7f
      if (shift < 28) value |= bits << shift
      else if (shift === 28 && bits < 16) value += bits * 2 ** 28
      else if (bits !== 0) return -1
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
