/**
 * Ends a lane that keeps more and more memory outside of its heap, such as buffers. One lane's own.
 * V8 ends a thread whose heap is full, but it does not bound this memory: the whole process would run out.
 */

/** Of buffers that the lane itself has allocated. A lane of any settings needs a few MiB beside the memory that it shares. */
export const OWN_BYTES_MAX = 256 * 2 ** 20
/** A look costs some microseconds. */
const LOOK_INTERVAL_MS = 100

/** The lane keeps too much memory. Only the end of its thread gives that back. */
export class TooMuchMemory extends Error {}

export class LaneMemoryWatch {
  private readonly bytesNow: () => number
  private nextLookMs = 0

  /** @param bytesNow what the lane keeps outside of its heap. Default: as Node counts it */
  constructor(bytesNow = () => process.memoryUsage().arrayBuffers) {
    this.bytesNow = bytesNow
  }

  /** @throws TooMuchMemory */
  look(nowMs: number): void {
    if (nowMs < this.nextLookMs) return
    this.nextLookMs = nowMs + LOOK_INTERVAL_MS
    const bytes = this.bytesNow()
    if (bytes > OWN_BYTES_MAX) {
      const [has, may] = [bytes, OWN_BYTES_MAX].map(each => Math.round(each / 2 ** 20))
      throw new TooMuchMemory(`the lane keeps ${has} MiB outside of its heap, and ${may} MiB are the most`)
    }
  }
}
