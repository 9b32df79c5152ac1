/**
 * The ticks of a turn in one encoding. They stand side by side in the lane's scratch, so one copy takes a span of them.
 * One lane's own; emptied when the turn is published.
 */

/** Ticks in one turn at most. */
const TICKS_MAX = 16_384

export class EncodedTicks {
  /** Where each tick starts, in bytes. Each tick ends where the next one starts. */
  readonly starts = new Int32Array(TICKS_MAX + 1)
  readonly offsets = new Float64Array(TICKS_MAX)
  readonly receivedUs = new Float64Array(TICKS_MAX)
  count = 0
  private readonly scratchMiddle: number
  private readonly scratchEnd: number
  private readonly tickBytesMax: number

  /**
   * @param scratchStart where its share of the scratch starts, in bytes
   * @param scratchEnd where its share ends
   * @param tickBytesMax length of the longest tick in this encoding
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

  /** Where to write the next tick. */
  get end(): number {
    return this.starts[this.count]!
  }

  /** Adds the tick that was written at `this.end` and ends at `end`. @returns its index */
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
