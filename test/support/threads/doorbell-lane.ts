/** The lane's side of a game of ping-pong over the doorbell: answers each ping, and sleeps between them. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { CONTROL_BYTES } from '../../../src/memory/control-words.js'
import { LaneDoorbell } from '../../../src/memory/doorbell.js'

export interface DoorbellTask {
  readonly memory: SharedArrayBuffer
  readonly bell: MessagePort
  readonly rounds: number
  /** As what it sleeps, see doorbell.ts. */
  readonly flag: number
}

/** Words of the control block that nobody else uses. */
export const PING = 40
export const PONG = 41

if (workerData !== null) {
  const { memory, bell, rounds, flag } = workerData as DoorbellTask
  const control = new Int32Array(memory, 0, CONTROL_BYTES / 4)
  const doorbell = new LaneDoorbell(control, bell)
  let wakes = 0
  for (let pong = 0; pong < rounds; ) {
    const isPinged = (): boolean => Atomics.load(control, PING) !== pong
    while (!isPinged()) {
      wakes++
      doorbell.waitUnless(isPinged, flag)
    }
    pong = Atomics.load(control, PING)
    Atomics.store(control, PONG, pong)
    doorbell.ringMain()
  }
  parentPort?.postMessage(wakes)
  bell.close()
}
