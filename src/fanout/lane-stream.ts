/**
 * The frames of one lane as the transmitter takes them: what is published, read ahead and retained, and the audiences.
 * Main thread. Outlives the lane's thread: a successor writes into the same memory.
 */
import { invariant } from '../common/errors.js'
import { FrameRingReader } from '../memory/frame-ring-reader.js'
import type { LaneLayout } from '../memory/lane-layout.js'
import type { MainWakeUp } from '../memory/lane-wake-up.js'
import type { Audience } from './audience.js'
import { type QueueItem, RecordPass } from './record-pass.js'
import { RetainedFrames } from './retained-frames.js'

export interface LaneStreamDeps {
  /** Of the lane: 0, 1, 2 … */
  readonly index: number
  /** Of the lane. */
  readonly memory: SharedArrayBuffer
  readonly layout: LaneLayout
  readonly wakeUp: MainWakeUp
  /** See RetainedFramesEvents. */
  readonly segmentNeeded: (stream: LaneStream, segment: number) => void
}

export class LaneStream {
  readonly index: number
  readonly bytes: Uint8Array
  readonly ring: FrameRingReader
  readonly retained: RetainedFrames
  /** Those of the lane, by id. */
  readonly audiences = new Map<number, Audience>()
  /** What was read and is not sent yet, in its order. */
  readonly queue: QueueItem[] = []
  /** Whether the descriptors that are read now stand in a prompt turn. */
  isInPromptTurn = false
  private readonly memory: SharedArrayBuffer
  private readonly wakeUp: MainWakeUp
  private readonly hasWork = (): boolean => this.queue.length > 0 || this.ring.hasNext()

  constructor({ index, layout, memory, segmentNeeded, wakeUp }: LaneStreamDeps) {
    this.index = index
    this.memory = memory
    this.wakeUp = wakeUp
    this.bytes = new Uint8Array(memory)
    this.ring = new FrameRingReader(memory, layout)
    this.retained = new RetainedFrames(this.ring, {
      segmentFreed: () => this.wakeForRoom(),
      segmentNeeded: segment => segmentNeeded(this, segment),
    })
  }

  /** A view of the lane's memory: no bytes are copied. */
  slice(start: number, length: number): Buffer {
    return Buffer.from(this.memory, start, length)
  }

  /** Wakes the lane if it sleeps for want of room. Call it after making room. */
  wakeForRoom(): void {
    this.wakeUp.wakeLaneForRoom()
  }

  /** Whether all that the lane has published was handed to sockets, or to clients that are behind. */
  get isTransmitted(): boolean {
    return !this.hasWork()
  }

  /** Bytes of segments that sockets hold, so that the lane cannot write there, and of all segments. */
  ringOccupancy(): { readonly usedBytes: number; readonly bytes: number } {
    const { segmentBytes, segmentCount } = this.ring
    return { usedBytes: this.retained.pins.heldCount * segmentBytes, bytes: segmentCount * segmentBytes }
  }

  /** Asks the lane to wake the main thread. @returns whether there is something to transmit already */
  sleepUnlessWork(): boolean {
    return this.wakeUp.sleepUnless(this.hasWork)
  }

  /** The first record that is on its way; undefined: there is none. */
  get firstUnsent(): number | undefined {
    for (const item of this.queue) if (item instanceof RecordPass) return item.record
    return undefined
  }

  /** The clients of its audiences, by what they get. */
  clientCounts(): { every: number; latest: number } {
    const counts = { every: 0, latest: 0 }
    for (const { clientCount, isConflated } of this.audiences.values())
      counts[isConflated ? 'latest' : 'every'] += clientCount
    return counts
  }

  /** The lane's thread has ended, and all that it published was transmitted: readies the ring for a successor. */
  laneEnded(): void {
    invariant(
      this.isTransmitted,
      `lane ${this.index} has ended, and ${this.queue.length} records are to be sent`,
    )
    this.retained.laneEnded()
    this.isInPromptTurn = false
  }
}
