/** A lane whose thread exits when the first part of a reply is published and more parts of its snapshot are to follow. */
import type { LaneTask } from '../../../src/lane-protocol/lane-task.js'
import { REPLAYED, REPLY_BEGUN } from '../../../src/memory/frame-descriptor.js'
import { FrameRingWriter } from '../../../src/memory/frame-ring-writer.js'
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
        const { kind, part } = descriptor
        if (kind !== REPLY_BEGUN && !(kind === REPLAYED && part === 1)) return
        if (!faults.isDue()) return
        this.publish()
        process.exit(3)
      },
    () => runLane(task),
  )
}
