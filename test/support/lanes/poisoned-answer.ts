/** A lane that throws at each answer with a snapshot of the symbol POISON. */
import { snapshotSymbols } from '../../../src/lane-protocol/lane-commands.js'
import type { LaneTask } from '../../../src/lane-protocol/lane-task.js'
import runLane from '../../../workers/lane.js'
import { LatestFrames } from '../../../workers/transfer/latest-frames.js'
import { patched } from './faults.js'

const POISON = 'POISON'

export default function runPoisonedLane(task: LaneTask): void {
  patched(
    LatestFrames.prototype,
    'snapshotFor',
    snapshotFor =>
      function (this: LatestFrames, ...args) {
        const [{ answers }] = args
        if (snapshotSymbols(answers).includes(POISON)) throw new Error('an answer with POISON')
        return snapshotFor.apply(this, args)
      },
    () => runLane(task),
  )
}
