/**
 * Makes lanes fail on purpose. Worker threads, which may run another lane after a failure.
 * A fault is due when the heartbeat of the lane reaches a given point. The heartbeat goes on rising in the lane's
 * successors.
 */
import type { LaneTask } from '../../../src/lane-protocol/lane-task.js'
import { CONTROL_BYTES, HEARTBEAT } from '../../../src/memory/control-words.js'
import runLane from '../../../workers/lane.js'

export class Faults {
  private readonly control: Int32Array
  private readonly points: number[]

  constructor(task: LaneTask, points: readonly number[]) {
    this.control = new Int32Array(task.memory.buffer, 0, CONTROL_BYTES / 4)
    this.points = points.filter(point => point > this.control[HEARTBEAT]!)
  }

  /** @returns whether a fault is due. Each fault is due once */
  isDue(): boolean {
    if (this.points.length === 0 || this.control[HEARTBEAT]! < this.points[0]!) return false
    this.points.shift()
    return true
  }
}

/** Runs a lane with a method replaced by the result of `wrap`. */
export async function runPatchedLane<Owner extends object, Key extends keyof Owner>(
  task: LaneTask,
  owner: Owner,
  key: Key,
  wrap: (original: Owner[Key]) => Owner[Key],
): Promise<void> {
  const original = owner[key]
  owner[key] = wrap(original)
  try {
    await runLane(task)
  } finally {
    owner[key] = original
  }
}

/** Replaces a method by the result of `wrap` while `work` runs. */
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
