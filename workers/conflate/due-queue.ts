/**
 * The conflated parts by the time at which they may be sent again, soonest first: a binary heap. One lane's own.
 */
import type { ConflationGroup } from './conflation-group.js'

/** `dueIndex` of a part that is not in the queue. */
export const NOT_DUE = -1

export class DueQueue {
  private readonly heap: ConflationGroup[] = []

  /** When the soonest is due, ms; infinity when there is none. */
  get nextMs(): number {
    return this.heap[0]?.dueMs ?? Number.POSITIVE_INFINITY
  }

  /** `part.dueMs` must not change while it is in the queue. */
  push(part: ConflationGroup): void {
    this.rise(part, this.heap.length)
  }

  /** Takes out the soonest that is due at `nowMs`. @returns undefined when none is */
  takeDue(nowMs: number): ConflationGroup | undefined {
    const first = this.heap[0]
    if (first === undefined || first.dueMs > nowMs) return undefined
    this.remove(first)
    return first
  }

  /** Takes out a part that may be in the queue. */
  remove(part: ConflationGroup): void {
    const { heap } = this
    const index = part.dueIndex
    if (index === NOT_DUE) return
    part.dueIndex = NOT_DUE
    const last = heap.pop()!
    if (last === part) return
    this.sink(last, index)
    this.rise(last, last.dueIndex)
  }

  /** Puts `part` in at `index` and lets it rise to its place. */
  private rise(part: ConflationGroup, start: number): void {
    let index = start
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (this.heap[parent]!.dueMs <= part.dueMs) break
      this.put(this.heap[parent]!, index)
      index = parent
    }
    this.put(part, index)
  }

  /** Puts `part` in at `index` and lets it sink to its place. */
  private sink(part: ConflationGroup, start: number): void {
    const { heap } = this
    let index = start
    for (;;) {
      let child = 2 * index + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && heap[child + 1]!.dueMs < heap[child]!.dueMs) child++
      if (heap[child]!.dueMs >= part.dueMs) break
      this.put(heap[child]!, index)
      index = child
    }
    this.put(part, index)
  }

  private put(part: ConflationGroup, index: number): void {
    this.heap[index] = part
    part.dueIndex = index
  }
}
