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
import { DESCRIPTOR_FLOAT64S, DESCRIPTOR_INT32S, Descriptor } from './frame-descriptor.js'
import { FrameRingMemory } from './frame-ring-memory.js'
import type { LaneLayout } from './lane-layout.js'
import { advance, distance } from './ring-position.js'

export class FrameRingReader {
  readonly descriptor = new Descriptor()
  readonly segmentCount: number
  private readonly memory: FrameRingMemory
  private readonly layout: LaneLayout
  private tail = 0

  /** Takes over fresh memory: gives every segment to the lane. */
  constructor(memory: SharedArrayBuffer, layout: LaneLayout) {
    this.memory = new FrameRingMemory(memory, layout)
    this.layout = layout
    this.segmentCount = layout.segmentCount
    this.tail = Atomics.load(this.memory.control, DESCRIPTOR_TAIL)
    for (let segment = 0; segment < layout.segmentCount; segment++) this.giveBack(segment)
  }

  hasNext(): boolean {
    // Pairs with the store in FrameRingWriter.publish: the descriptors before the head and their bytes are visible from here on.
    return Atomics.load(this.memory.control, DESCRIPTOR_HEAD) !== this.tail
  }

  /** What kind the next descriptor is; undefined: there is none. */
  nextKind(): number | undefined {
    if (!this.hasNext()) return undefined
    const index = this.tail & (this.layout.descriptorCount - 1)
    return this.memory.int32[index * DESCRIPTOR_INT32S]
  }

  /** Reads the next descriptor into `descriptor`. @returns false when there is none */
  next(): boolean {
    if (!this.hasNext()) return false
    const { int32, float64 } = this.memory
    const { descriptor } = this
    const index = this.tail & (this.layout.descriptorCount - 1)
    const words = index * DESCRIPTOR_INT32S
    descriptor.kind = int32[words]!
    descriptor.target = int32[words + 1]!
    descriptor.segment = int32[words + 2]!
    descriptor.start = int32[words + 3]!
    descriptor.length = int32[words + 4]!
    descriptor.messages = int32[words + 5]!
    descriptor.join = int32[words + 6]!
    descriptor.unknownLosses = int32[words + 7]!
    descriptor.ticks = int32[words + 8]!
    descriptor.part = int32[words + 9]!
    const floats = index * DESCRIPTOR_FLOAT64S + 5
    descriptor.ticksTotal = float64[floats]!
    descriptor.lastOffset = float64[floats + 1]!
    descriptor.receivedUs = float64[floats + 2]!
    descriptor.lostTotal = float64[floats + 3]!
    this.tail = advance(this.tail, 1)
    return true
  }

  /** Lets the lane use the place of every descriptor read so far. */
  release(): void {
    // Pairs with the load in FrameRingWriter.hasRoomForDescriptors.
    Atomics.store(this.memory.control, DESCRIPTOR_TAIL, this.tail)
  }

  /** Lets the lane publish one more turn. */
  turnConsumed(): void {
    const { control } = this.memory
    // Pairs with the load in FrameRingWriter.turnsAhead.
    Atomics.store(control, TURNS_CONSUMED, advance(control[TURNS_CONSUMED]!, 1))
  }

  /** Segments the lane may still take. */
  freeSegments(): number {
    const { control } = this.memory
    // Pairs with the store in FrameRingWriter.takeSegment.
    return distance(Atomics.load(control, FREE_TAIL), control[FREE_HEAD]!)
  }

  /** Lets the lane write over a segment. */
  giveBack(segment: number): void {
    const { control, freeQueue } = this.memory
    invariant(this.freeSegments() < this.segmentCount, `segment ${segment} given back to a full queue`)
    const head = control[FREE_HEAD]!
    freeQueue[(head >>> 0) % freeQueue.length] = segment
    // Pairs with the load in FrameRingWriter.freeSegments.
    Atomics.store(control, FREE_HEAD, advance(head, 1))
  }

  /**
   * After the lane's end and the last `next`: makes every segment that is not in `inUse` free again, also one the lane had
   * taken without publishing anything in it, and closes a turn it left open.
   */
  resetAfterLane(inUse: ReadonlySet<number>): void {
    const { control } = this.memory
    Atomics.store(control, FREE_TAIL, 0)
    Atomics.store(control, FREE_HEAD, 0)
    for (let segment = 0; segment < this.segmentCount; segment++) {
      if (!inUse.has(segment)) this.giveBack(segment)
    }
    Atomics.store(control, TURNS_PUBLISHED, 0)
    Atomics.store(control, TURNS_CONSUMED, 0)
  }
}
