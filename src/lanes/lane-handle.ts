/**
 * One lane as pool, ingest and placement see it: its memory, its control words, its wake-up. Main thread.
 * Outlives the lane's thread: a successor works on the same memory.
 */
import { LaneStream } from '../fanout/lane-stream.js'
import { CommittedState } from '../memory/committed-state.js'
import {
  CONTROL_BYTES,
  CURRENT_CLIENT,
  CURRENT_TICK,
  HEARTBEAT,
  LANE_ASLEEP,
  MAIN_WAITS,
  STOP,
} from '../memory/control-words.js'
import { allocateLaneMemory, type LaneMemory } from '../memory/lane-allocation.js'
import type { LaneLayout } from '../memory/lane-layout.js'
import { AWAKE, MainWakeUp } from '../memory/lane-wake-up.js'
import { latestStoreBytes } from '../memory/latest-store.js'

export class LaneHandle {
  /** 0, 1, 2 … */
  readonly index: number
  readonly layout: LaneLayout
  /** The memory that the lane shares with the main thread, and its bytes. */
  readonly shared: LaneMemory
  readonly memory: SharedArrayBuffer
  /** The lane's latest ticks, see LatestStore. */
  readonly latest: SharedArrayBuffer
  readonly state: CommittedState
  readonly stream: LaneStream
  private readonly control: Int32Array
  private readonly wakeUp: MainWakeUp

  /** @param segmentNeeded see LaneStreamDeps */
  constructor(
    index: number,
    layout: LaneLayout,
    latestBytes: number,
    segmentNeeded: (stream: LaneStream, segment: number) => void,
  ) {
    this.index = index
    this.layout = layout
    this.shared = allocateLaneMemory(layout.totalBytes)
    this.memory = this.shared.buffer
    this.latest = new SharedArrayBuffer(latestStoreBytes(latestBytes))
    this.control = new Int32Array(this.memory, 0, CONTROL_BYTES / 4)
    this.wakeUp = new MainWakeUp(this.control)
    this.state = new CommittedState(this.memory)
    this.stream = new LaneStream({ index, memory: this.memory, layout, wakeUp: this.wakeUp, segmentNeeded })
  }

  /** Wakes the lane if it sleeps. Call it after changing what the lane may wait for. */
  wakeLane(): void {
    this.wakeUp.wakeLane()
  }

  /** Wakes the lane if it sleeps for want of something to read. Call it after putting something into the tick log. */
  wakeLaneForTicks(): void {
    this.wakeUp.wakeLaneForTicks()
  }

  /**
   * Lets the lane wake the main thread, or not, when what the main thread waits for has happened.
   *
   * @param reason bit of MAIN_WAITS
   */
  setWaiting(reason: number, isWaiting: boolean): void {
    const reasons = this.control[MAIN_WAITS]!
    // Pairs with the load in LaneControl.mainWaits. Only the main thread writes this word.
    Atomics.store(this.control, MAIN_WAITS, isWaiting ? reasons | reason : reasons & ~reason)
  }

  /** Tells the lane to end, or lets a new one begin. */
  setStop(stop: boolean): void {
    // Pairs with the load in LaneControl.isStopped.
    Atomics.store(this.control, STOP, stop ? 1 : 0)
    this.wakeLane()
  }

  /** Whether everything that the lane has published was handed to sockets, or to clients that are behind. */
  get isTransmitted(): boolean {
    return this.stream.isTransmitted
  }

  get isAsleep(): boolean {
    // Pairs with the stores in LaneWakeUp.waitUnless.
    return Atomics.load(this.control, LANE_ASLEEP) !== AWAKE
  }

  /** Grows with every record the lane reads and every audience it writes for. */
  get progress(): number {
    // Pairs with the store in LaneControl.heartbeat.
    return Atomics.load(this.control, HEARTBEAT)
  }

  /** Low 32 bits of the serial number of the tick that the lane worked on when it ended; 0: none. */
  get currentTick(): number {
    // Pairs with the store in LaneControl.setCurrentTick.
    return Atomics.load(this.control, CURRENT_TICK)
  }

  /** Id of the client that the lane replied to when it ended; 0: none. */
  get currentClient(): number {
    // Pairs with the store in LaneControl.setCurrentClient.
    return Atomics.load(this.control, CURRENT_CLIENT)
  }

  /** The lane's thread has ended, and its stream is ready: clears what the thread said of itself. */
  laneEnded(): void {
    // No lane runs. A successor stores these words itself.
    Atomics.store(this.control, CURRENT_TICK, 0)
    Atomics.store(this.control, CURRENT_CLIENT, 0)
    Atomics.store(this.control, LANE_ASLEEP, AWAKE)
  }
}
