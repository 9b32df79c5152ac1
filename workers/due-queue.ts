/**
 * The conflated parts by the time at which they may be sent again, soonest first: a binary heap. One lane's own.
 */
import type { ConflatedPart } from './conflated-part.js'

export class DueQueue {
  private readonly heap: ConflatedPart[] = []

  /** When the soonest is due, ms; infinity when there is none. */
  get nextMs(): number {
    return this.heap[0]?.dueMs ?? Number.POSITIVE_INFINITY
  }

  /** `part.dueMs` must not change while it is in the queue. */
  push(part: ConflatedPart): void {
    const { heap } = this
    let index = heap.length
    heap.push(part)
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (heap[parent]!.dueMs <= part.dueMs) break
      heap[index] = heap[parent]!
      index = parent
    }
    heap[index] = part
  }

  /** Takes out the soonest that is due at `nowMs`. @returns undefined when none is */
  takeDue(nowMs: number): ConflatedPart | undefined {
    const { heap } = this
    const first = heap[0]
    if (first === undefined || first.dueMs > nowMs) return undefined
    const last = heap.pop()!
    if (heap.length > 0) this.sink(last)
    return first
  }

  /** Puts `part` in at the top and lets it sink to its place. */
  private sink(part: ConflatedPart): void {
    const { heap } = this
    let index = 0
    for (;;) {
      let child = 2 * index + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && heap[child + 1]!.dueMs < heap[child]!.dueMs) child++
      if (heap[child]!.dueMs >= part.dueMs) break
      heap[index] = heap[child]!
      index = child
    }
    heap[index] = part
  }
}
