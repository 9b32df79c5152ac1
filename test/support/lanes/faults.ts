/**
 * Lanes that fail on purpose, for tests. Runs in worker threads, which may be used again after a failure.
 * A fault strikes when the lane's progress, which lives in shared memory and goes on rising in its successors, reaches
 * one of the given points.
 */

import type { LaneTask } from '../../../src/lane-protocol/lane-task.js'
import { CONTROL_BYTES, HEARTBEAT } from '../../../src/memory/control-words.js'

export class Faults {
  private readonly control: Int32Array
  private readonly points: number[]

  constructor(task: LaneTask, points: readonly number[]) {
    this.control = new Int32Array(task.memory.buffer, 0, CONTROL_BYTES / 4)
    this.points = points.filter(point => point > this.control[HEARTBEAT]!)
  }

  /** Whether a fault is due; each is due once. */
  isDue(): boolean {
    if (this.points.length === 0 || this.control[HEARTBEAT]! < this.points[0]!) return false
    this.points.shift()
    return true
  }
}

/** Puts what `wrap` makes of a method in its place for the time of `work`. */
export function patched<Owner extends object, Key extends keyof Owner>(
  owner: Owner,
  key: Key,
  wrap: (original: Owner[Key]) => Owner[Key],
  work: () => void,
): void {
  const original = owner[key]
  owner[key] = wrap(original)
  try {
    work()
  } finally {
    owner[key] = original
  }
}
