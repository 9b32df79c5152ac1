/**
 * Writes WebSocket frames into the segments of a lane's ring, and a descriptor of each run of frames. One lane's own.
 * The main thread sees a descriptor, and the frames that it names, only after `publish`. See lane-layout.ts.
 */
import { invariant } from '../common/errors.js'
import {
  DESCRIPTOR_HEAD,
  DESCRIPTOR_TAIL,
  FREE_HEAD,
  FREE_TAIL,
  TURNS_CONSUMED,
  TURNS_PUBLISHED,
} from './control-words.js'
import type { FrameDescriptor } from './frame-descriptor.js'
import { FrameRingMemory } from './frame-ring-memory.js'
import type { LaneLayout } from './lane-layout.js'
import { advance, distance } from './ring-position.js'

const NO_SEGMENT = -1

export class FrameRingWriter {
  /** The lane's whole memory: frames are composed of bytes in the scratch. */
  readonly bytes: Uint8Array
  private readonly memory: FrameRingMemory
  private readonly layout: LaneLayout
  /** Position after the last descriptor that was written. */
  private head: number
  /** Index of the segment that is being filled. */
  private segment = NO_SEGMENT
  /** Bytes of that segment that are described already. */
  private usedBytes = 0

  /** @param memory the lane's; descriptors that an earlier lane published in it stay */
  constructor(memory: SharedArrayBuffer, layout: LaneLayout) {
    this.memory = new FrameRingMemory(memory, layout)
    this.layout = layout
    this.bytes = new Uint8Array(memory)
    this.head = Atomics.load(this.memory.control, DESCRIPTOR_HEAD)
  }

  /** Count of published turns that the transmitter has not finished. */
  turnsAhead(): number {
    const { control } = this.memory
    // Pairs with the store in FrameRingReader.turnConsumed.
    return distance(Atomics.load(control, TURNS_CONSUMED), control[TURNS_PUBLISHED]!)
  }

  hasRoomFor(length: number): boolean {
    return this.fits(length) || this.freeSegments() > 0
  }

  /** Finds `length` free bytes in a row. @returns their offset in `bytes`; undefined while no segment is free */
  reserve(length: number): number | undefined {
    invariant(
      length <= this.layout.segmentBytes,
      `frames of ${length} bytes, segment ${this.layout.segmentBytes}`,
    )
    if (!this.fits(length) && !this.takeSegment()) return undefined
    return this.freeStart()
  }

  hasRoomForDescriptor(): boolean {
    // Pairs with the store in FrameRingReader.release.
    const tail = Atomics.load(this.memory.control, DESCRIPTOR_TAIL)
    return distance(tail, this.head) < this.layout.descriptorCount
  }

  /**
   * Writes a descriptor of `descriptor.length` bytes from the offset on that `reserve` returned last; 0 for no bytes.
   * There must be room for a descriptor. Fills in `start` and `segment`. Publishes nothing.
   */
  describe(descriptor: FrameDescriptor): void {
    const { float64, int32 } = this.memory
    descriptor.segment = this.segment
    descriptor.start = this.freeStart()
    descriptor.write(int32, float64, this.head & (this.layout.descriptorCount - 1))
    this.usedBytes += descriptor.length
    this.head = advance(this.head, 1)
  }

  /** Shows every descriptor that was written to the main thread. */
  publish(): void {
    // Pairs with the load in FrameRingReader.hasNext.
    Atomics.store(this.memory.control, DESCRIPTOR_HEAD, this.head)
  }

  /** Counts a turn. Call it after the turn's end was described, and before `publish`. */
  countTurn(): void {
    const { control } = this.memory
    // Pairs with the load of the same word in `turnsAhead` of a successor, after this thread's end.
    Atomics.store(control, TURNS_PUBLISHED, advance(control[TURNS_PUBLISHED]!, 1))
  }

  /** Offset in bytes of the first free byte in the segment that is being filled. */
  private freeStart(): number {
    return this.layout.framesStart + this.segment * this.layout.segmentBytes + this.usedBytes
  }

  private fits(length: number): boolean {
    return this.segment !== NO_SEGMENT && this.usedBytes + length <= this.layout.segmentBytes
  }

  private freeSegments(): number {
    const { control } = this.memory
    // Pairs with the store in FrameRingReader.giveBack.
    return distance(control[FREE_TAIL]!, Atomics.load(control, FREE_HEAD))
  }

  private takeSegment(): boolean {
    if (this.freeSegments() === 0) return false
    const { control, freeQueue } = this.memory
    const tail = control[FREE_TAIL]!
    this.segment = freeQueue[(tail >>> 0) % freeQueue.length]!
    this.usedBytes = 0
    // Pairs with the load in FrameRingReader.freeSegments.
    Atomics.store(control, FREE_TAIL, advance(tail, 1))
    return true
  }
}
