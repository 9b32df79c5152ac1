/**
 * What stands in a message with ticks before the ticks. Lanes only; one object is filled again and again.
 */

const EXTRAS_BYTES_AT_FIRST = 256

export class EnvelopeHead {
  /** Whether the ticks are the latest ones, for one client; otherwise it is the next message of a stream. */
  isSnapshot = false
  seq = 0
  offset = 0
  /** Fields that few messages have, as they stand in the message, `[0, extrasLength)`. See EnvelopeFormat. */
  extras = new Uint8Array(EXTRAS_BYTES_AT_FIRST)
  extrasLength = 0

  begin(isSnapshot: boolean, seq: number, offset: number): void {
    this.isSnapshot = isSnapshot
    this.seq = seq
    this.offset = offset
    this.extrasLength = 0
  }

  /** Makes room for so many bytes more of extras. */
  reserve(bytes: number): void {
    if (this.extrasLength + bytes <= this.extras.length) return
    const wider = new Uint8Array(2 * (this.extrasLength + bytes))
    wider.set(this.extras.subarray(0, this.extrasLength))
    this.extras = wider
  }
}
