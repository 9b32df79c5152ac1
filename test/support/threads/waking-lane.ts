/** The lane's side of a game of ping-pong: replies to each ping, and sleeps until the next wake-up. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { CONTROL_BYTES } from '../../../src/memory/control-words.js'
import { LaneWakeUp } from '../../../src/memory/lane-wake-up.js'

export interface WakingLaneTask {
  readonly memory: SharedArrayBuffer
  readonly bell: MessagePort
  readonly rounds: number
  /** ASLEEP or ASLEEP_FOR_ROOM, see lane-wake-up.ts. */
  readonly flag: number
}

/** Words of the control block that nobody else uses. */
export const PING = 40
export const PONG = 41

if (workerData !== null) {
  const { memory, bell, rounds, flag } = workerData as WakingLaneTask
  const control = new Int32Array(memory, 0, CONTROL_BYTES / 4)
  const wakeUp = new LaneWakeUp(control, bell)
  let wakes = 0
  for (let pong = 0; pong < rounds; ) {
    const isPinged = (): boolean => Atomics.load(control, PING) !== pong
    while (!isPinged()) {
      wakes++
      wakeUp.waitUnless(isPinged, flag)
    }
    pong = Atomics.load(control, PING)
    Atomics.store(control, PONG, pong)
    wakeUp.wakeMain()
  }
  parentPort?.postMessage(wakes)
  bell.close()
}
