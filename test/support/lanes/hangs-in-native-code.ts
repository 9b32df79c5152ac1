/** A lane that is stuck, once, where no thread can be ended at once: outside of JavaScript. */

import { spawnSync } from 'node:child_process'
import type { LaneTask } from '../../../src/lane-protocol/lane-task.js'
import { MarketTickReader } from '../../../src/ticks/market-tick-reader.js'
import runLane from '../../../workers/lane.js'
import { Faults, patched } from './faults.js'

export default function runFaultyLane(task: LaneTask): void {
  const faults = new Faults(task, [100])
  patched(
    MarketTickReader.prototype,
    'decode',
    decode =>
      function (this: MarketTickReader, ...args) {
        // Seconds, however fast the machine is.
        if (faults.isDue()) spawnSync('sleep', ['2'])
        return decode.apply(this, args)
      },
    () => runLane(task),
  )
}
