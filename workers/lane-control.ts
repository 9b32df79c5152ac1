/**
 * The lane's words in shared memory that the main thread watches, and those by which it steers the lane. One lane's
 * own. After this thread's end the main thread reads the current tick and client: they are the suspects.
 */
import {
  CONTROL_BYTES,
  CURRENT_CLIENT,
  CURRENT_TICK,
  HEARTBEAT,
  MAIN_WAITS,
  STOP,
} from '../src/memory/control-words.js'

export class LaneControl {
  readonly words: Int32Array

  constructor(memory: SharedArrayBuffer) {
    this.words = new Int32Array(memory, 0, CONTROL_BYTES / 4)
  }

  get isStopped(): boolean {
    // Pairs with the store in LaneHandle.setStop.
    return Atomics.load(this.words, STOP) === 1
  }

  /** Whether the main thread is to be woken. @param reason FOR_COMMIT or FOR_COMMAND_ROOM */
  mainWaits(reason: number): boolean {
    // Pairs with the store in LaneHandle.setWaiting.
    return (Atomics.load(this.words, MAIN_WAITS) & reason) !== 0
  }

  /** Shows the main thread that the lane does not hang. A store of one word does not tear. */
  heartbeat(): void {
    this.words[HEARTBEAT] = (this.words[HEARTBEAT]! + 1) | 0
  }

  /** @param serial of the tick that the lane works on; 0: none */
  setCurrentTick(serial: number): void {
    this.words[CURRENT_TICK] = serial | 0
  }

  /** @param client whom the lane writes a reply for; 0: none */
  setCurrentClient(client: number): void {
    this.words[CURRENT_CLIENT] = client
  }
}
