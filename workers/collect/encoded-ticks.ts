/**
 * The ticks of a turn in one encoding, side by side in the lane's scratch, so that neighbours are copied in one go. One lane's
 * own; emptied when the turn is published.
 */

/** Ticks in one turn at the most. */
const TICKS_MAX = 16_384

export class EncodedTicks {
  /** Where each tick begins; the next one's begin is its end. */
  readonly starts = new Int32Array(TICKS_MAX + 1)
  readonly offsets = new Float64Array(TICKS_MAX)
  readonly receivedUs = new Float64Array(TICKS_MAX)
  count = 0
  private readonly scratchMiddle: number
  private readonly scratchEnd: number
  private readonly tickBytesMax: number

  /**
   * @param scratchStart index of the first byte of its part of the scratch
   * @param tickBytesMax the longest tick in this encoding
   */
  constructor(scratchStart: number, scratchEnd: number, tickBytesMax: number) {
    this.scratchMiddle = (scratchStart + scratchEnd) / 2
    this.scratchEnd = scratchEnd
    this.tickBytesMax = tickBytesMax
    this.starts[0] = scratchStart
  }

  hasRoom(): boolean {
    return this.count < TICKS_MAX && this.end + this.tickBytesMax <= this.scratchEnd
  }

  get isHalfFull(): boolean {
    return this.count > TICKS_MAX / 2 || this.end > this.scratchMiddle
  }

  /** Where the next tick is to be written. */
  get end(): number {
    return this.starts[this.count]!
  }

  /** Takes in the tick that was written from `end` up to here. @returns its index */
  add(end: number, offset: number, receivedUs: number): number {
    const index = this.count++
    this.starts[index + 1] = end
    this.offsets[index] = offset
    this.receivedUs[index] = receivedUs
    return index
  }

  bytesOf(index: number): number {
    return this.starts[index + 1]! - this.starts[index]!
  }

  clear(): void {
    this.count = 0
  }
}
