/** A lane that takes a tenth of a millisecond for each tick. */
import type { LaneTask } from '../../../src/lane-protocol/lane-task.js'
import { MarketTickReader } from '../../../src/ticks/market-tick-reader.js'
import { runPatchedLane } from './faults.js'

const MS_PER_TICK = 0.1

export default function runSlowLane(task: LaneTask): Promise<void> {
  return runPatchedLane(
    task,
    MarketTickReader.prototype,
    'decode',
    decode =>
      function (this: MarketTickReader, ...args) {
        const untilMs = performance.now() + MS_PER_TICK
        while (performance.now() < untilMs);
        return decode.apply(this, args)
      },
  )
}
