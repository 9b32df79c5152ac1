/** A lane that throws when a turn is written and not yet published. */
import type { LaneTask } from '../../../src/lane-protocol/lane-task.js'
import { FrameRingWriter } from '../../../src/memory/frame-ring-writer.js'
import { Faults, runPatchedLane } from './faults.js'

export default function runFaultyLane(task: LaneTask): Promise<void> {
  const faults = new Faults(task, [100, 200, 300])
  return runPatchedLane(
    task,
    FrameRingWriter.prototype,
    'publish',
    publish =>
      function (this: FrameRingWriter, ...args) {
        if (faults.isDue()) throw new Error('thrown before publish')
        publish.apply(this, args)
      },
  )
}
