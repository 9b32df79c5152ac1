/**
 * A lane whose thread exits when the first part of a reply is published and more parts of its snapshot are to follow.
 */
import type { LaneTask } from '../../../src/lane-protocol/lane-task.js'
import { FrameRingWriter } from '../../../src/memory/frame-ring-writer.js'
import { ReplyDescriptor, UNCHANGED } from '../../../src/memory/reply-descriptor.js'
import { Faults, runPatchedLane } from './faults.js'

export default function runFaultyLane(task: LaneTask): Promise<void> {
  const faults = new Faults(task, [100, 200, 300, 400, 500, 600, 700, 800])
  return runPatchedLane(
    task,
    FrameRingWriter.prototype,
    'describe',
    describe =>
      function (this: FrameRingWriter, descriptor) {
        describe.call(this, descriptor)
        if (!(descriptor instanceof ReplyDescriptor)) return
        if (descriptor.isLast || descriptor.outcome === UNCHANGED) return
        if (!faults.isDue()) return
        this.publish()
        process.exit(3)
      },
  )
}
