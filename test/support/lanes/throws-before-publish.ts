/** A lane that throws when a turn is written and not yet published. */
import type { LaneTask } from '../../../src/lane-protocol/lane-task.js'
import { FrameRingWriter } from '../../../src/memory/frame-ring-writer.js'
import runLane from '../../../workers/lane.js'
import { Faults, patched } from './faults.js'

export default function runFaultyLane(task: LaneTask): void {
  const faults = new Faults(task, [100, 200, 300])
  patched(
    FrameRingWriter.prototype,
    'publish',
    publish =>
      function (this: FrameRingWriter, ...args) {
        if (faults.isDue()) throw new Error('thrown before publish')
        publish.apply(this, args)
      },
    () => runLane(task),
  )
}
