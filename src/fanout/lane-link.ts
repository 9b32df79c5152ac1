/**
 * The main thread's end of one lane: its frame ring, the window over it, its wake-up, and who listens. Main thread.
 * Outlives the lane's thread: a successor works on the same memory.
 */
import { invariant } from '../common/errors.js'
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
import { FrameRingReader } from '../memory/frame-ring-reader.js'
import { allocateLaneMemory, type LaneMemory } from '../memory/lane-allocation.js'
import type { LaneLayout } from '../memory/lane-layout.js'
import { AWAKE, MainWakeUp } from '../memory/lane-wake-up.js'
import { latestStoreBytes } from '../memory/latest-store.js'
import type { Audience } from './audience.js'
import type { RecordPass, TurnEnded } from './record-pass.js'
import { RetainedFrames } from './retained-frames.js'

export class LaneLink {
  readonly index: number
  /** What a lane is given, and its bytes. */
  readonly shared: LaneMemory
  readonly memory: SharedArrayBuffer
  readonly bytes: Uint8Array
  /** The lane's latest ticks, see LatestStore. */
  readonly latest: SharedArrayBuffer
  readonly layout: LaneLayout
  readonly ring: FrameRingReader
  readonly window: RetainedFrames
  readonly state: CommittedState
  readonly audiences = new Map<number, Audience>()
  /** What was read and is not sent yet, in its order. */
  readonly queue: (RecordPass | TurnEnded)[] = []
  /** Whether what is read now is between two turns, see PROMPT_TURN. */
  isAside = false
  private readonly control: Int32Array
  private readonly wakeUp: MainWakeUp
  private readonly hasWork = (): boolean => this.queue.length > 0 || this.ring.hasNext()

  /** @param segmentNeeded see RetainedFramesEvents */
  constructor(
    index: number,
    layout: LaneLayout,
    latestBytes: number,
    segmentNeeded: (link: LaneLink, segment: number) => void,
  ) {
    this.index = index
    this.layout = layout
    this.shared = allocateLaneMemory(layout.totalBytes)
    this.memory = this.shared.buffer
    this.bytes = new Uint8Array(this.memory)
    this.latest = new SharedArrayBuffer(latestStoreBytes(latestBytes))
    this.control = new Int32Array(this.memory, 0, CONTROL_BYTES / 4)
    this.ring = new FrameRingReader(this.memory, layout)
    this.wakeUp = new MainWakeUp(this.control)
    this.state = new CommittedState(this.memory)
    this.window = new RetainedFrames(this.ring, {
      segmentFreed: () => this.tellRoom(),
      segmentNeeded: segment => segmentNeeded(this, segment),
    })
  }

  /** A view of the lane's memory: no bytes are copied. */
  slice(start: number, length: number): Buffer {
    return Buffer.from(this.memory, start, length)
  }

  /** Wakes the lane if it sleeps. Call it after changing what the lane may wait for. */
  ringLane(): void {
    this.wakeUp.wakeLane()
  }

  /** Wakes the lane if it sleeps for want of something to read. Call it after putting something into the tick log. */
  tellLane(): void {
    this.wakeUp.wakeLaneForTicks()
  }

  /** Wakes the lane if it sleeps for want of room. Call it after making some. */
  tellRoom(): void {
    this.wakeUp.wakeLaneForRoom()
  }

  /** Whether all that the lane has published was handed to sockets, or to those that are behind. */
  get isTransmitted(): boolean {
    return !this.hasWork()
  }

  /** Asks the lane to ring. @returns whether there is something to transmit already */
  sleepUnlessWork(): boolean {
    return this.wakeUp.sleepUnless(this.hasWork)
  }

  /** Lets the lane wake the main thread, or not, when what the main thread waits for has happened. @param reason bit of MAIN_WAITS */
  setWaiting(reason: number, isWaiting: boolean): void {
    const reasons = this.control[MAIN_WAITS]!
    // Pairs with the load in LaneControl.mainWaits. Only the main thread writes this word.
    Atomics.store(this.control, MAIN_WAITS, isWaiting ? reasons | reason : reasons & ~reason)
  }

  /** Tells the lane to end, or lets a new one begin. */
  setStop(stop: boolean): void {
    // Pairs with the load in Lane.stopRequested.
    Atomics.store(this.control, STOP, stop ? 1 : 0)
    this.ringLane()
  }

  get isAsleep(): boolean {
    return Atomics.load(this.control, LANE_ASLEEP) !== AWAKE
  }

  /** Grows with every record the lane reads and every audience it writes for. */
  get progress(): number {
    return Atomics.load(this.control, HEARTBEAT)
  }

  /** Low 32 bits of the offset of the tick the lane was at work on when it ended; 0: none. */
  get currentTick(): number {
    return Atomics.load(this.control, CURRENT_TICK)
  }

  /** Id of the client that the lane was answering when it ended; 0: none. */
  get currentClient(): number {
    return Atomics.load(this.control, CURRENT_CLIENT)
  }

  /** The lane's thread has ended and all it published was transmitted: readies the memory for a successor. */
  laneEnded(): void {
    invariant(
      this.isTransmitted,
      `lane ${this.index} has ended, and ${this.queue.length} records are to be sent`,
    )
    this.window.laneEnded()
    this.isAside = false
    Atomics.store(this.control, CURRENT_TICK, 0)
    Atomics.store(this.control, CURRENT_CLIENT, 0)
    Atomics.store(this.control, LANE_ASLEEP, AWAKE)
  }
}
