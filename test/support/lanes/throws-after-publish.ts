/** A lane that throws when a turn is published and not yet committed. */
import type { LaneTask } from '../../../src/lane-protocol/lane-task.js'
import { CommittedState } from '../../../src/memory/committed-state.js'
import { Faults, runPatchedLane } from './faults.js'

export default function runFaultyLane(task: LaneTask): Promise<void> {
  const faults = new Faults(task, [100, 200, 300])
  return runPatchedLane(
    task,
    CommittedState.prototype,
    'commit',
    commit =>
      function (this: CommittedState, ...args) {
        if (faults.isDue()) throw new Error('thrown before commit')
        commit.apply(this, args)
      },
  )
}
