/**
 * The groups whose intervals run, in the order in which the intervals end: a binary heap. One lane's own.
 */

/** `dueIndex` of an item that is not in the queue. */
export const NOT_QUEUED = -1

/** The queue writes `dueIndex`. `dueMs` must not change while the item is in the queue. */
export interface DueItem {
  readonly dueMs: number
  dueIndex: number
}

export class DueQueue<Item extends DueItem> {
  private readonly heap: Item[] = []

  /** When the first item is due, ms; infinity when the queue is empty. */
  get nextMs(): number {
    return this.heap[0]?.dueMs ?? Number.POSITIVE_INFINITY
  }

  push(item: Item): void {
    this.rise(item, this.heap.length)
  }

  /** Removes the first item, if it is due at `nowMs`. @returns undefined when none is due */
  takeDue(nowMs: number): Item | undefined {
    const first = this.heap[0]
    if (first === undefined || first.dueMs > nowMs) return undefined
    this.remove(first)
    return first
  }

  /** Removes an item, if it is in the queue. */
  remove(item: Item): void {
    const { heap } = this
    const index = item.dueIndex
    if (index === NOT_QUEUED) return
    item.dueIndex = NOT_QUEUED
    const last = heap.pop()!
    if (last === item) return
    this.sink(last, index)
    this.rise(last, last.dueIndex)
  }

  /** Puts `item` at `start` and lets it rise to its place. */
  private rise(item: Item, start: number): void {
    let index = start
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (this.heap[parent]!.dueMs <= item.dueMs) break
      this.put(this.heap[parent]!, index)
      index = parent
    }
    this.put(item, index)
  }

  /** Puts `item` at `start` and lets it sink to its place. */
  private sink(item: Item, start: number): void {
    const { heap } = this
    let index = start
    for (;;) {
      let child = 2 * index + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && heap[child + 1]!.dueMs < heap[child]!.dueMs) child++
      if (heap[child]!.dueMs >= item.dueMs) break
      this.put(heap[child]!, index)
      index = child
    }
    this.put(item, index)
  }

  private put(item: Item, index: number): void {
    this.heap[index] = item
    item.dueIndex = index
  }
}
