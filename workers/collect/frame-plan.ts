/**
 * A plan for frames: spans of the turn's encoded ticks, and between them the notices to tell. One lane's own.
 *
 *   spans   | first tick, last tick | −1 − notice, 0 | first tick, last tick | …     int32 each
 */

const SPANS_AT_FIRST = 8

export class FramePlan {
  /** Pairs, as drawn above: indexes into the turn's encoded ticks, or into its notices. */
  spans = new Int32Array(2 * SPANS_AT_FIRST)
  spanCount = 0
  /** Ticks in the spans. */
  tickCount = 0
  /** Upper bound of the bytes of the spans in frames, without the message around them. */
  planBytes = 0

  /** Whether the span is a notice. */
  isNotice(span: number): boolean {
    return this.spans[span * 2]! < 0
  }

  /** Index of the notice in the turn's notices. @param span one that is a notice */
  noticeAt(span: number): number {
    return -1 - this.spans[span * 2]!
  }

  /** Index of the span's first tick in the turn's encoded ticks. @param span one that is not a notice */
  firstTick(span: number): number {
    return this.spans[span * 2]!
  }

  /** Whether the plan ends with this notice. */
  endsWithNotice(notice: number): boolean {
    return this.spanCount > 0 && this.noticeAt(this.spanCount - 1) === notice
  }

  /** @param bytes that the tick adds to the frames at most */
  addTick(tick: number, bytes: number): void {
    const last = this.spanCount * 2 - 1
    if (this.spanCount > 0 && this.spans[last] === tick - 1 && this.spans[last - 1]! >= 0)
      this.spans[last] = tick
    else this.addSpan(tick, tick)
    this.tickCount++
    this.planBytes += bytes
  }

  /** @param notice index of one of the turn's notices @param bytes that it adds to the frames at most */
  addNotice(notice: number, bytes: number): void {
    this.addSpan(-1 - notice, 0)
    this.planBytes += bytes
  }

  /** Empties the plan, once its frames are written. */
  clear(): void {
    this.spanCount = 0
    this.tickCount = 0
    this.planBytes = 0
  }

  private addSpan(first: number, last: number): void {
    const index = this.spanCount * 2
    if (index === this.spans.length) {
      const larger = new Int32Array(index * 2)
      larger.set(this.spans)
      this.spans = larger
    }
    this.spans[index] = first
    this.spans[index + 1] = last
    this.spanCount++
  }
}
