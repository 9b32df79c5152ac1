/**
 * A plan for one message of a snapshot: the ranges of encoded latest ticks that it copies. One lane's own.
 *
 *   ranges   | start, end | start, end | …     int32 each: offsets in bytes in the lane's memory
 */

const RANGES_AT_FIRST = 64
const TICKS_AT_FIRST = 256

export class SnapshotPlan {
  ranges = new Int32Array(2 * RANGES_AT_FIRST)
  rangeCount = 0
  tickCount = 0
  /** Bytes of the ranges: a separator stands behind each tick. */
  tickBytes = 0
  /** Upper bound of the bytes in a frame, without the message around the ticks. */
  planBytes = 0
  /** When each tick came in, µs. */
  receivedUs = new Float64Array(TICKS_AT_FIRST)

  /** @param start where the encoded tick starts @param length with its separator @param extraBytes see `LaneAudience` */
  addTick(start: number, length: number, extraBytes: number, receivedUs: number): void {
    const last = 2 * this.rangeCount - 1
    if (this.rangeCount > 0 && this.ranges[last] === start) this.ranges[last] = start + length
    else this.addRange(start, start + length)
    if (this.tickCount === this.receivedUs.length) {
      const larger = new Float64Array(2 * this.tickCount)
      larger.set(this.receivedUs)
      this.receivedUs = larger
    }
    this.receivedUs[this.tickCount++] = receivedUs
    this.tickBytes += length
    this.planBytes += length + extraBytes
  }

  clear(): void {
    this.rangeCount = 0
    this.tickCount = 0
    this.tickBytes = 0
    this.planBytes = 0
  }

  private addRange(start: number, end: number): void {
    const index = 2 * this.rangeCount++
    if (index === this.ranges.length) {
      const larger = new Int32Array(2 * index)
      larger.set(this.ranges)
      this.ranges = larger
    }
    this.ranges[index] = start
    this.ranges[index + 1] = end
  }
}
