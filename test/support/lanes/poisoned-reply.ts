/** A lane that throws at each reply with a snapshot of the symbol POISON. */
import { snapshotSymbols } from '../../../src/lane-protocol/lane-commands.js'
import type { LaneTask } from '../../../src/lane-protocol/lane-task.js'
import runLane from '../../../workers/lane.js'
import { SnapshotTransfer } from '../../../workers/transfer/snapshot-transfer.js'
import { patched } from './faults.js'

const POISON = 'POISON'

export default function runPoisonedLane(task: LaneTask): void {
  patched(
    SnapshotTransfer.prototype,
    'snapshotFor',
    snapshotFor =>
      function (this: SnapshotTransfer, ...args) {
        const [{ answers }] = args
        if (snapshotSymbols(answers).includes(POISON)) throw new Error('a reply with POISON')
        return snapshotFor.apply(this, args)
      },
    () => runLane(task),
  )
}
