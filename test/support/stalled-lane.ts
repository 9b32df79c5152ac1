/** A lane that reads nothing until it is told to end. */

import type { LaneTask } from '../../src/lane-protocol/lane-task.js'
import { CONTROL_BYTES, STOP } from '../../src/memory/control-words.js'
import { LaneWakeUp } from '../../src/memory/lane-wake-up.js'

export default function runLane({ memory, wakeUpPort }: LaneTask): void {
  const control = new Int32Array(memory.buffer, 0, CONTROL_BYTES / 4)
  const wakeUp = new LaneWakeUp(control, wakeUpPort)
  const isStopped = () => Atomics.load(control, STOP) === 1
  while (!isStopped()) wakeUp.waitUnless(isStopped)
}
