/** A lane that throws in the midst of a record. */

import type { LaneTask } from '../../../src/lane-protocol/lane-task.js'
import { TickDecoder } from '../../../src/ticks/tick-decoder.js'
import runLane from '../../../workers/lane.js'
import { Faults, patched } from './faults.js'

export default function runFaultyLane(task: LaneTask): void {
  // So far apart that no successor gets from one to the next with what it repeats: a second death at the same tick would make it poison.
  const faults = new Faults(task, [100, 1000, 2000])
  patched(
    TickDecoder.prototype,
    'decode',
    decode =>
      function (this: TickDecoder, ...args) {
        if (faults.isDue()) throw new Error('thrown in decode')
        return decode.apply(this, args)
      },
    () => runLane(task),
  )
}
