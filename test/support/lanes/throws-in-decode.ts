/** A lane that throws in the middle of a record. */
import type { LaneTask } from '../../../src/lane-protocol/lane-task.js'
import { MarketTickReader } from '../../../src/ticks/market-tick-reader.js'
import { Faults, runPatchedLane } from './faults.js'

export default function runFaultyLane(task: LaneTask): Promise<void> {
  // A successor repeats fewer ticks than lie between two faults. Two crashes at one tick would quarantine the tick.
  const faults = new Faults(task, [100, 1000, 2000])
  return runPatchedLane(
    task,
    MarketTickReader.prototype,
    'decode',
    decode =>
      function (this: MarketTickReader, ...args) {
        if (faults.isDue()) throw new Error('thrown in decode')
        return decode.apply(this, args)
      },
  )
}
