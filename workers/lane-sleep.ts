/**
 * Lets the lane sleep until the main thread wakes it, and counts its busy and idle time. One lane's own.
 */
import type { Clock } from '../src/common/clock.js'
import type { CounterWriter } from '../src/memory/counters.js'
import type { FrameRingWriter } from '../src/memory/frame-ring-writer.js'
import { ASLEEP_FOR_ROOM, type LaneWakeUp } from '../src/memory/lane-wake-up.js'
import { LANE_SLOTS } from '../src/metrics/metric-table.js'
import type { LaneControl } from './lane-control.js'
import type { LaneMemoryWatch } from './lane-memory-watch.js'

/** Thrown out of a wait for room when the lane is told to stop. */
export class Stopped extends Error {}

export interface LaneSleepDeps {
  readonly control: LaneControl
  readonly wakeUp: LaneWakeUp
  readonly ring: FrameRingWriter
  readonly counters: CounterWriter
  readonly clock: Pick<Clock, 'nowMs'>
  readonly memoryWatch: Pick<LaneMemoryWatch, 'look'>
}

export class LaneSleep {
  private readonly deps: LaneSleepDeps
  /** Time since then is not counted yet, ms. */
  private countedMs: number

  constructor(deps: LaneSleepDeps) {
    this.deps = deps
    this.countedMs = deps.clock.nowMs()
  }

  /**
   * Counts the time until now as busy, and shows all counters to the main thread.
   *
   * @throws TooMuchMemory
   */
  countBusy(): void {
    const { clock, counters, memoryWatch } = this.deps
    const nowMs = clock.nowMs()
    counters.values[LANE_SLOTS.busyUs]! += Math.round((nowMs - this.countedMs) * 1000)
    this.countedMs = nowMs
    counters.flush()
    memoryWatch.look(nowMs)
  }

  /**
   * Sleeps until the main thread wakes the lane, or `timeoutMs` have passed. Returns at once where `hasWork` says so.
   *
   * @param flag what the lane sleeps for: ASLEEP or ASLEEP_FOR_ROOM
   */
  sleep(hasWork: () => boolean, flag: number, timeoutMs = Number.POSITIVE_INFINITY): void {
    const { clock, counters, wakeUp } = this.deps
    this.countBusy()
    wakeUp.waitUnless(hasWork, flag, timeoutMs)
    const nowMs = clock.nowMs()
    counters.values[LANE_SLOTS.idleUs]! += Math.round((nowMs - this.countedMs) * 1000)
    this.countedMs = nowMs
  }

  /**
   * Publishes the part of a turn that is written, and sleeps until the frame ring has room for more.
   *
   * @throws Stopped
   */
  waitForRoom(hasRoom: () => boolean): void {
    const { control, wakeUp, ring } = this.deps
    while (!hasRoom()) {
      if (control.isStopped) throw new Stopped()
      ring.publish()
      wakeUp.wakeMain()
      this.sleep(() => hasRoom() || control.isStopped, ASLEEP_FOR_ROOM)
    }
  }
}
