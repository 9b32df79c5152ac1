/** A lane that hangs once outside of JavaScript, where its thread cannot be ended at once. */
import { spawnSync } from 'node:child_process'
import type { LaneTask } from '../../../src/lane-protocol/lane-task.js'
import { MarketTickReader } from '../../../src/ticks/market-tick-reader.js'
import { Faults, runPatchedLane } from './faults.js'

export default function runFaultyLane(task: LaneTask): Promise<void> {
  const faults = new Faults(task, [100])
  return runPatchedLane(
    task,
    MarketTickReader.prototype,
    'decode',
    decode =>
      function (this: MarketTickReader, ...args) {
        // The hang outlasts the timeout on any machine.
        if (faults.isDue()) spawnSync('sleep', ['2'])
        return decode.apply(this, args)
      },
  )
}
