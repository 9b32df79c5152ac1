/** A lane that throws in the midst of a record. */

import type { LaneTask } from '../../../src/lane-protocol/lane-task.js'
import { MarketTickReader } from '../../../src/ticks/market-tick-reader.js'
import runLane from '../../../workers/lane.js'
import { Faults, patched } from './faults.js'

export default function runFaultyLane(task: LaneTask): void {
  // So far apart that no successor gets from one to the next with what it repeats: a second death at the same tick would make it poison.
  const faults = new Faults(task, [100, 1000, 2000])
  patched(
    MarketTickReader.prototype,
    'decode',
    decode =>
      function (this: MarketTickReader, ...args) {
        if (faults.isDue()) throw new Error('thrown in decode')
        return decode.apply(this, args)
      },
    () => runLane(task),
  )
}
