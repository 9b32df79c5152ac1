/**
 * Walks the outermost fields of a protobuf `TickBatch`: where each tick lies, without a look inside. Any thread.
 * The main thread counts ticks with it, since offsets are given out there; lanes find the ticks with it.
 * Wire format: https://protobuf.dev/programming-guides/encoding/
 */

/** Tag of `TickBatch.ticks`: field 1, length-delimited. */
const TICKS_TAG = 0x0a
const VARINT = 0
const FIXED64 = 1
const LENGTH_DELIMITED = 2
const FIXED32 = 5

export class BatchReader {
  /** The tick that `next` found, and where its field begins. */
  fieldStart = 0
  tickStart = 0
  tickEnd = 0
  private bytes: Uint8Array = new Uint8Array(0)
  private at = 0
  private end = 0
  private broken = false

  /** Begins with the batch at `bytes[start, end)`. */
  reset(bytes: Uint8Array, start: number, end: number): void {
    this.bytes = bytes
    this.at = start
    this.end = end
    this.broken = false
  }

  /** Where the walk stands: after the last tick found. */
  get position(): number {
    return this.at
  }

  /** Whether the walk ended at bytes that are no field. What came before them stands. */
  get isBroken(): boolean {
    return this.broken
  }

  /** Steps onto the next tick, over fields it does not know. @returns false at the end, and where the bytes are broken */
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
        if (tag !== TICKS_TAG) continue
        this.tickEnd = this.at
        return true
      }
      if (!this.skip(tag & 7)) return this.fail()
    }
    return false
  }

  private skip(wireType: number): boolean {
    if (wireType === FIXED64) this.at += 8
    else if (wireType === FIXED32) this.at += 4
    else if (wireType !== VARINT) return false
    else
      do {
        if (this.at >= this.end) return false
      } while (this.bytes[this.at++]! >= 0x80)
    return this.at <= this.end
  }

  /** Reads a tag or a length: four bytes, 256 MiB, are more than a gRPC message holds. @returns -1 when broken */
  private varint(): number {
    let value = 0
    for (let shift = 0; shift <= 21; shift += 7) {
      if (this.at >= this.end) return -1
      const byte = this.bytes[this.at++]!
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
