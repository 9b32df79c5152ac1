/** A lane that reads nothing until it is told to end. */
import type { MessagePort } from 'node:worker_threads'
import { CONTROL_BYTES, STOP } from '../../src/memory/control-words.js'
import { LaneWakeUp } from '../../src/memory/lane-wake-up.js'

export default function runLane({ memory, bell }: { memory: SharedArrayBuffer; bell: MessagePort }): void {
  const control = new Int32Array(memory, 0, CONTROL_BYTES / 4)
  const wakeUp = new LaneWakeUp(control, bell)
  const isStopped = () => Atomics.load(control, STOP) === 1
  while (!isStopped()) wakeUp.waitUnless(isStopped)
}
