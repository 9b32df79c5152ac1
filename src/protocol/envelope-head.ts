/**
 * The fields of a message that stand in front of its ticks. Lanes only.
 * One object serves all messages, one after the other.
 */
const EXTRAS_BYTES_INITIAL = 256

export class EnvelopeHead {
  /** True: a `snapshot` for one client. False: the next `ticks` message of an audience. */
  isSnapshot = false
  seq = 0
  offset = 0
  /** The bytes `[0, extrasLength)` are the optional fields as `EnvelopeFormat` has encoded them. */
  extras = new Uint8Array(EXTRAS_BYTES_INITIAL)
  extrasLength = 0

  beginTicks(seq: number, offset: number): void {
    this.begin(false, seq, offset)
  }

  beginSnapshot(seq: number, offset: number): void {
    this.begin(true, seq, offset)
  }

  private begin(isSnapshot: boolean, seq: number, offset: number): void {
    this.isSnapshot = isSnapshot
    this.seq = seq
    this.offset = offset
    this.extrasLength = 0
  }

  /** Makes room for more bytes of extras. */
  reserve(bytes: number): void {
    if (this.extrasLength + bytes <= this.extras.length) return
    const wider = new Uint8Array(2 * (this.extrasLength + bytes))
    wider.set(this.extras.subarray(0, this.extrasLength))
    this.extras = wider
  }
}
