/**
 * How the lane and the main thread wake each other. Nobody polls, and a thread that is awake costs one load.
 * A thread that wants to sleep raises its flag, looks once more for work, and only then sleeps. The other thread
 * publishes its work first, and looks at the flag after. Atomics are sequentially consistent: one of the two sees the
 * other's store.
 *
 *   LANE_ASLEEP   AWAKE ──► ASLEEP or ASLEEP_FOR_ROOM     the lane
 *                 AWAKE ◄── ASLEEP or ASLEEP_FOR_ROOM     the lane, or the main thread that wakes it
 *   MAIN_ASLEEP   0 ──► 1     the main thread             1 ──► 0     either thread
 */
import type { MessagePort } from 'node:worker_threads'
import { LANE_ASLEEP, MAIN_ASLEEP, WAKE_UPS } from './control-words.js'

// States of LANE_ASLEEP.
export const AWAKE = 0
/** Every wake-up wakes the lane. */
export const ASLEEP = 1
/** The lane waits for the transmitter. New ticks do not wake the lane: it finds them when it has room. */
export const ASLEEP_FOR_ROOM = 2

/** The lane's side. The lane blocks while it sleeps. */
export class LaneWakeUp {
  private readonly control: Int32Array
  private readonly port: MessagePort

  /**
   * @param control the lane's control words
   * @param port a message on this port wakes the main thread
   */
  constructor(control: Int32Array, port: MessagePort) {
    this.control = control
    this.port = port
  }

  /**
   * Sleeps until a wake-up comes or `timeoutMs` have passed. Does not sleep if `hasWork` says so once the flag is up.
   *
   * @param flag ASLEEP or ASLEEP_FOR_ROOM
   */
  waitUnless(hasWork: () => boolean, flag = ASLEEP, timeoutMs = Number.POSITIVE_INFINITY): void {
    // Before the flag is up: a wake-up takes the flag down first and counts after, so the wait below sees another
    // count.
    const wakeUps = Atomics.load(this.control, WAKE_UPS)
    // Pairs with the loads in the MainWakeUp methods that wake the lane.
    Atomics.store(this.control, LANE_ASLEEP, flag)
    if (!hasWork()) Atomics.wait(this.control, WAKE_UPS, wakeUps, timeoutMs)
    // Pairs with the same loads: an awake lane needs no wake-up.
    Atomics.store(this.control, LANE_ASLEEP, AWAKE)
  }

  /** Wakes the main thread if it sleeps. Call it after publishing. */
  wakeMain(): void {
    // Pairs with the store of 1 in MainWakeUp.sleepUnless.
    if (
      Atomics.load(this.control, MAIN_ASLEEP) === 1 &&
      Atomics.exchange(this.control, MAIN_ASLEEP, 0) === 1
    ) {
      this.port.postMessage(null)
    }
  }
}

/** The main thread's side. The main thread sleeps in its event loop, and a message wakes it. */
export class MainWakeUp {
  private readonly control: Int32Array

  /** @param control the lane's control words */
  constructor(control: Int32Array) {
    this.control = control
  }

  /** Wakes the lane if it sleeps, whatever it waits for. */
  wakeLane(): void {
    // Pairs with the store in LaneWakeUp.waitUnless.
    if (Atomics.load(this.control, LANE_ASLEEP) !== AWAKE) this.wake()
  }

  /** Wakes the lane if it waits for ticks. Call it after publishing into the tick log. */
  wakeLaneForTicks(): void {
    // Pairs with the store in LaneWakeUp.waitUnless. A lane that waits for room reads the log when it has room.
    if (Atomics.load(this.control, LANE_ASLEEP) === ASLEEP) this.wake()
  }

  /** Wakes the lane if it waits for room. Call it after making room. */
  wakeLaneForRoom(): void {
    // Pairs with the store in LaneWakeUp.waitUnless. A lane that waits for ticks has nothing left to publish.
    if (Atomics.load(this.control, LANE_ASLEEP) === ASLEEP_FOR_ROOM) this.wake()
  }

  /**
   * Asks for a message when the lane publishes next.
   *
   * @returns true, without asking, when `hasWork` finds work already
   */
  sleepUnless(hasWork: () => boolean): boolean {
    // Pairs with the load in LaneWakeUp.wakeMain.
    Atomics.store(this.control, MAIN_ASLEEP, 1)
    if (!hasWork()) return false
    // Pairs with the same load: a thread that found work needs no message.
    Atomics.store(this.control, MAIN_ASLEEP, 0)
    return true
  }

  private wake(): void {
    if (Atomics.exchange(this.control, LANE_ASLEEP, AWAKE) === AWAKE) return
    // Pairs with the load in LaneWakeUp.waitUnless, and with its wait.
    Atomics.add(this.control, WAKE_UPS, 1)
    Atomics.notify(this.control, WAKE_UPS)
  }
}
