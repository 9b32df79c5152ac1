/** A lane that once keeps memory outside of its heap with each tick, more and more. */
import type { LaneTask } from '../../../src/lane-protocol/lane-task.js'
import { MarketTickReader } from '../../../src/ticks/market-tick-reader.js'
import { Faults, runPatchedLane } from './faults.js'

const BYTES = 1 << 20

export default function runFaultyLane(task: LaneTask): Promise<void> {
  const faults = new Faults(task, [100])
  const kept: Buffer[] = []
  let leaks = false
  return runPatchedLane(
    task,
    MarketTickReader.prototype,
    'decode',
    decode =>
      function (this: MarketTickReader, ...args) {
        leaks ||= faults.isDue()
        if (leaks) kept.push(Buffer.alloc(BYTES, 1))
        return decode.apply(this, args)
      },
  )
}
