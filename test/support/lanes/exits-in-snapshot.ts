/**
 * A lane whose thread exits when the first part of a reply is published and more parts of its snapshot are to follow.
 */
import type { LaneTask } from '../../../src/lane-protocol/lane-task.js'
import { FrameRingWriter } from '../../../src/memory/frame-ring-writer.js'
import { ReplyDescriptor, UNCHANGED } from '../../../src/memory/reply-descriptor.js'
import runLane from '../../../workers/lane.js'
import { Faults, patched } from './faults.js'

export default function runFaultyLane(task: LaneTask): void {
  const faults = new Faults(task, [100, 200, 300, 400, 500, 600, 700, 800])
  patched(
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
    () => runLane(task),
  )
}
