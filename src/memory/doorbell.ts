/**
 * How the two threads of a lane wake each other. A sleeper raises its flag, looks once more for work, and only then sleeps;
 * the other side publishes work first and looks at the flag after. All accesses are sequentially consistent, so at least one of
 * the two sees the other's store and no wake-up is lost. Nobody polls, and nobody is called who is awake.
 */
import type { MessagePort } from 'node:worker_threads'
import { LANE_ASLEEP, MAIN_ASLEEP, WAKE_UPS } from './control-words.js'

/** States of LANE_ASLEEP. */
export const AWAKE = 0
/** Everything may wake it. */
export const ASLEEP = 1
/** It waits for the transmitter: new ticks alone need not wake it, it will find them then. */
export const ASLEEP_FOR_ROOM = 2

/** The lane's side: it may block. */
export class LaneDoorbell {
  private readonly control: Int32Array
  private readonly port: MessagePort

  /** @param control the lane's control words */
  constructor(control: Int32Array, port: MessagePort) {
    this.control = control
    this.port = port
  }

  /**
   * Sleeps until rung or until `timeoutMs` have passed, unless `hasWork` says otherwise once the flag is up.
   *
   * @param flag ASLEEP or ASLEEP_FOR_ROOM
   */
  waitUnless(hasWork: () => boolean, flag = ASLEEP, timeoutMs = Number.POSITIVE_INFINITY): void {
    // Before the flag goes up: whoever takes it down counts the bell up after, so the wait below sees another number.
    const bell = Atomics.load(this.control, WAKE_UPS)
    // Pairs with the exchange in MainDoorbell.wakeLane.
    Atomics.store(this.control, LANE_ASLEEP, flag)
    if (!hasWork()) Atomics.wait(this.control, WAKE_UPS, bell, timeoutMs)
    Atomics.store(this.control, LANE_ASLEEP, AWAKE)
  }

  /** Wakes the main thread if it sleeps. Call it after publishing. */
  ringMain(): void {
    // Pairs with the store in MainDoorbell.sleepUnless.
    if (
      Atomics.load(this.control, MAIN_ASLEEP) === 1 &&
      Atomics.exchange(this.control, MAIN_ASLEEP, 0) === 1
    ) {
      this.port.postMessage(null)
    }
  }
}

/** The main thread's side: its sleep is the event loop, its bell a message. */
export class MainDoorbell {
  private readonly control: Int32Array

  constructor(control: Int32Array) {
    this.control = control
  }

  /** Wakes the lane if it sleeps. Call it after publishing. */
  ringLane(): void {
    // Pairs with the store in LaneDoorbell.waitUnless.
    if (Atomics.load(this.control, LANE_ASLEEP) !== AWAKE) this.wakeLane()
  }

  /** Wakes the lane if it sleeps for want of something to read. Call it after publishing into the tick log. */
  tellLane(): void {
    // Pairs with the store in LaneDoorbell.waitUnless. A lane that waits for room looks into the log when it has got some.
    if (Atomics.load(this.control, LANE_ASLEEP) === ASLEEP) this.wakeLane()
  }

  /** Wakes the lane if it sleeps for want of room. Call it after making some. */
  tellRoom(): void {
    // Pairs with the store in LaneDoorbell.waitUnless. A lane that waits for ticks has published all that it had.
    if (Atomics.load(this.control, LANE_ASLEEP) === ASLEEP_FOR_ROOM) this.wakeLane()
  }

  private wakeLane(): void {
    if (Atomics.exchange(this.control, LANE_ASLEEP, AWAKE) === AWAKE) return
    Atomics.add(this.control, WAKE_UPS, 1)
    Atomics.notify(this.control, WAKE_UPS)
  }

  /** Asks to be rung for the next thing published. @returns whether there is work already: then nothing was asked */
  sleepUnless(hasWork: () => boolean): boolean {
    // Pairs with the load in LaneDoorbell.ringMain.
    Atomics.store(this.control, MAIN_ASLEEP, 1)
    if (!hasWork()) return false
    Atomics.store(this.control, MAIN_ASLEEP, 0)
    return true
  }
}
