/** A lane whose thread exits five times, between two descriptors of a turn. */
import type { LaneTask } from '../../../src/lane-protocol/lane-task.js'
import { FrameRingWriter } from '../../../src/memory/frame-ring-writer.js'
import { Faults, runPatchedLane } from './faults.js'

export default function runFaultyLane(task: LaneTask): Promise<void> {
  const faults = new Faults(task, [100, 300, 500, 700, 900])
  return runPatchedLane(
    task,
    FrameRingWriter.prototype,
    'describe',
    describe =>
      function (this: FrameRingWriter, ...args) {
        describe.apply(this, args)
        if (faults.isDue()) process.exit(3)
      },
  )
}
