/** A lane that never comes back from a reply to a client, once. */
import type { LaneTask } from '../../../src/lane-protocol/lane-task.js'
import { LaneControl } from '../../../workers/lane-control.js'
import { Faults, runPatchedLane } from './faults.js'

export default function runFaultyLane(task: LaneTask): Promise<void> {
  const faults = new Faults(task, [5])
  return runPatchedLane(
    task,
    LaneControl.prototype,
    'setCurrentClient',
    setCurrentClient =>
      function (this: LaneControl, client) {
        setCurrentClient.call(this, client)
        if (client !== 0 && faults.isDue()) for (;;);
      },
  )
}
