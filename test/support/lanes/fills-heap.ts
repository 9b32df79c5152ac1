/** A lane that once takes all of its heap, at a tick. */
import type { LaneTask } from '../../../src/lane-protocol/lane-task.js'
import { MarketTickReader } from '../../../src/ticks/market-tick-reader.js'
import { Faults, runPatchedLane } from './faults.js'

export default function runFaultyLane(task: LaneTask): Promise<void> {
  const faults = new Faults(task, [100])
  const kept: object[] = []
  return runPatchedLane(
    task,
    MarketTickReader.prototype,
    'decode',
    decode =>
      function (this: MarketTickReader, ...args) {
        if (faults.isDue()) for (;;) kept.push({ kept: new Array(100).fill(kept) })
        return decode.apply(this, args)
      },
  )
}
