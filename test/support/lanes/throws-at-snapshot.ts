/** A lane that throws at each request for a snapshot of the symbol FATAL. */
import { snapshotSymbols } from '../../../src/lane-protocol/lane-commands.js'
import type { LaneTask } from '../../../src/lane-protocol/lane-task.js'
import { SnapshotTransfer } from '../../../workers/transfer/snapshot-transfer.js'
import { runPatchedLane } from './faults.js'

const FATAL_SYMBOL = 'FATAL'

export default function runFaultyLane(task: LaneTask): Promise<void> {
  return runPatchedLane(
    task,
    SnapshotTransfer.prototype,
    'snapshotFor',
    snapshotFor =>
      function (this: SnapshotTransfer, ...args) {
        const [{ replies: answers }] = args
        if (snapshotSymbols(answers).includes(FATAL_SYMBOL)) throw new Error('a snapshot of FATAL')
        return snapshotFor.apply(this, args)
      },
  )
}
