/** A lane that throws when a turn is published and not yet committed. */
import type { LaneTask } from '../../../src/lane-protocol/lane-task.js'
import { CommittedState } from '../../../src/memory/committed-state.js'
import runLane from '../../../workers/lane.js'
import { Faults, patched } from './faults.js'

export default function runFaultyLane(task: LaneTask): void {
  const faults = new Faults(task, [100, 200, 300])
  patched(
    CommittedState.prototype,
    'commit',
    commit =>
      function (this: CommittedState, ...args) {
        if (faults.isDue()) throw new Error('thrown before commit')
        commit.apply(this, args)
      },
    () => runLane(task),
  )
}
