/** A lane that never comes back from a reply to a client, once. */
import type { LaneTask } from '../../../src/lane-protocol/lane-task.js'
import runLane from '../../../workers/lane.js'
import { LaneControl } from '../../../workers/lane-control.js'
import { Faults, patched } from './faults.js'

export default function runFaultyLane(task: LaneTask): void {
  const faults = new Faults(task, [5])
  patched(
    LaneControl.prototype,
    'setCurrentClient',
    setCurrentClient =>
      function (this: LaneControl, client) {
        setCurrentClient.call(this, client)
        if (client !== 0 && faults.isDue()) for (;;);
      },
    () => runLane(task),
  )
}
