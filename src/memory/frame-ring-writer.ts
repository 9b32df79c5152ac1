/**
 * The frame ring: one lane writes WebSocket frames and descriptors of them, the main thread reads. See lane-layout.ts.
 * Bytes that a published descriptor names stay untouched until the main thread gives their segment back.
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
import { DESCRIPTOR_FLOAT64S, DESCRIPTOR_INT32S, type Descriptor } from './frame-descriptor.js'
import { FrameRingMemory } from './frame-ring-memory.js'
import type { LaneLayout } from './lane-layout.js'
import { advance, distance } from './ring-position.js'

const NO_SEGMENT = -1

export class FrameRingWriter {
  /** The lane's whole memory, so that frames can be gathered from the scratch without leaving it. */
  readonly bytes: Uint8Array
  private readonly memory: FrameRingMemory
  private readonly layout: LaneLayout
  private head: number
  private segment = NO_SEGMENT
  private used = 0

  /** @param memory a lane's memory; what an earlier lane published in it stays */
  constructor(memory: SharedArrayBuffer, layout: LaneLayout) {
    this.memory = new FrameRingMemory(memory, layout)
    this.layout = layout
    this.bytes = new Uint8Array(memory)
    this.head = Atomics.load(this.memory.control, DESCRIPTOR_HEAD)
  }

  /** Turns published that the transmitter has not finished. */
  turnsAhead(): number {
    const { control } = this.memory
    // Pairs with the store in FrameRingReader.turnConsumed.
    return distance(Atomics.load(control, TURNS_CONSUMED), control[TURNS_PUBLISHED]!)
  }

  hasRoomFor(length: number): boolean {
    return this.fits(length) || this.freeSegments() > 0
  }

  /** Finds `length` bytes in a row. @returns the index of the first in `bytes`; undefined while no segment is free */
  reserve(length: number): number | undefined {
    invariant(
      length <= this.layout.segmentBytes,
      `frames of ${length} bytes, segment ${this.layout.segmentBytes}`,
    )
    if (!this.fits(length) && !this.takeSegment()) return undefined
    return this.layout.framesStart + this.segment * this.layout.segmentBytes + this.used
  }

  hasRoomForDescriptors(count: number): boolean {
    // Pairs with the store in FrameRingReader.release.
    const tail = Atomics.load(this.memory.control, DESCRIPTOR_TAIL)
    return distance(tail, this.head) + count <= this.layout.descriptorCount
  }

  /**
   * Describes the bytes last reserved (none for a length of 0) without publishing them yet.
   * There must be room for a descriptor. `start` and `segment` are filled in here.
   */
  describe(descriptor: Descriptor): void {
    const { int32, float64 } = this.memory
    const index = this.head & (this.layout.descriptorCount - 1)
    const words = index * DESCRIPTOR_INT32S
    const start = this.layout.framesStart + this.segment * this.layout.segmentBytes + this.used
    int32[words] = descriptor.kind
    int32[words + 1] = descriptor.target
    int32[words + 2] = this.segment
    int32[words + 3] = start
    int32[words + 4] = descriptor.length
    int32[words + 5] = descriptor.messages
    int32[words + 6] = descriptor.join
    int32[words + 7] = descriptor.unknownLosses
    int32[words + 8] = descriptor.ticks
    int32[words + 9] = descriptor.part
    const floats = index * DESCRIPTOR_FLOAT64S + 5
    float64[floats] = descriptor.ticksTotal
    float64[floats + 1] = descriptor.lastOffset
    float64[floats + 2] = descriptor.receivedUs
    float64[floats + 3] = descriptor.lostTotal
    this.used += descriptor.length
    this.head = advance(this.head, 1)
  }

  /** Lets the main thread see all that was described. */
  publish(): void {
    // Pairs with the load in FrameRingReader.hasNext.
    Atomics.store(this.memory.control, DESCRIPTOR_HEAD, this.head)
  }

  /** Counts a turn whose TURN_END was described. Call it before `publish`. */
  turnPublished(): void {
    const { control } = this.memory
    // Loaded by nobody else but a successor of this lane, after this thread's end.
    Atomics.store(control, TURNS_PUBLISHED, advance(control[TURNS_PUBLISHED]!, 1))
  }

  private fits(length: number): boolean {
    return this.segment !== NO_SEGMENT && this.used + length <= this.layout.segmentBytes
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
    this.used = 0
    // Pairs with the load in FrameRingReader.freeSegments.
    Atomics.store(control, FREE_TAIL, advance(tail, 1))
    return true
  }
}
