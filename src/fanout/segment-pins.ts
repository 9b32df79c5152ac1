/**
 * Counts which segments of a frame ring sockets hold bytes of. Main thread.
 * A segment that no record needs any more goes back to the lane as soon as no socket holds bytes of it.
 */
import { invariant } from '../common/errors.js'

export class SegmentPins {
  private readonly counts: Int32Array
  /** Segments that no record needs, and that sockets hold; oldest first. */
  private readonly draining: number[] = []
  private readonly giveBack: (segment: number) => void

  /** @param giveBack lets the lane write into a segment again */
  constructor(segmentCount: number, giveBack: (segment: number) => void) {
    this.counts = new Int32Array(segmentCount)
    this.giveBack = giveBack
  }

  get drainingSegments(): readonly number[] {
    return this.draining
  }

  /** How many segments sockets hold bytes of. */
  get heldCount(): number {
    return this.counts.reduce((held, count) => held + Math.min(count, 1), 0)
  }

  /** How many writes hold the segment. */
  count(segment: number): number {
    return this.counts[segment]!
  }

  /** Keeps a segment's bytes as they are, until as many calls of `unpin`. */
  pin(segment: number): void {
    this.counts[segment]! += 1
  }

  unpin(segment: number): void {
    invariant(this.counts[segment]! > 0, `segment ${segment} is not pinned`)
    this.counts[segment]! -= 1
    if (this.counts[segment] !== 0) return
    const index = this.draining.indexOf(segment)
    if (index < 0) return
    this.draining.splice(index, 1)
    this.giveBack(segment)
  }

  /** No record needs the segment any more: gives it back as soon as no socket holds it. */
  releaseWhenUnpinned(segment: number): void {
    if (this.counts[segment] === 0) this.giveBack(segment)
    else this.draining.push(segment)
  }
}
