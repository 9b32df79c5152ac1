/**
 * The groups whose intervals run, in the order in which the intervals end: a binary heap. One lane's own.
 */

/** `dueIndex` of an entry that is not in the queue. */
export const NOT_QUEUED = -1

/** The queue writes `dueIndex`. `dueMs` must not change while the entry is in the queue. */
export interface DueEntry {
  readonly dueMs: number
  dueIndex: number
}

export class DueQueue<Entry extends DueEntry> {
  private readonly heap: Entry[] = []

  /** When the first entry is due, ms; infinity when the queue is empty. */
  get nextMs(): number {
    return this.heap[0]?.dueMs ?? Number.POSITIVE_INFINITY
  }

  push(entry: Entry): void {
    this.rise(entry, this.heap.length)
  }

  /** Removes the first entry, if it is due at `nowMs`. @returns undefined when none is due */
  takeDue(nowMs: number): Entry | undefined {
    const first = this.heap[0]
    if (first === undefined || first.dueMs > nowMs) return undefined
    this.remove(first)
    return first
  }

  /** Removes an entry, if it is in the queue. */
  remove(entry: Entry): void {
    const { heap } = this
    const index = entry.dueIndex
    if (index === NOT_QUEUED) return
    entry.dueIndex = NOT_QUEUED
    const last = heap.pop()!
    if (last === entry) return
    this.sink(last, index)
    this.rise(last, last.dueIndex)
  }

  /** Puts `entry` at `start` and lets it rise to its place. */
  private rise(entry: Entry, start: number): void {
    let index = start
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (this.heap[parent]!.dueMs <= entry.dueMs) break
      this.put(this.heap[parent]!, index)
      index = parent
    }
    this.put(entry, index)
  }

  /** Puts `entry` at `start` and lets it sink to its place. */
  private sink(entry: Entry, start: number): void {
    const { heap } = this
    let index = start
    for (;;) {
      let child = 2 * index + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && heap[child + 1]!.dueMs < heap[child]!.dueMs) child++
      if (heap[child]!.dueMs >= entry.dueMs) break
      this.put(heap[child]!, index)
      index = child
    }
    this.put(entry, index)
  }

  private put(entry: Entry, index: number): void {
    this.heap[index] = entry
    entry.dueIndex = index
  }
}
