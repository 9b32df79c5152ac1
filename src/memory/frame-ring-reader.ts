/**
 * Reads the descriptors of a lane's frames, and gives segments back to the lane. Main thread. See lane-layout.ts.
 * The bytes that a descriptor names stay untouched until `giveBack` of their segment.
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
import { DESCRIPTOR_INT32S, FrameDescriptor } from './frame-descriptor.js'
import { FrameRingMemory } from './frame-ring-memory.js'
import type { LaneLayout } from './lane-layout.js'
import { advance, distance } from './ring-position.js'

export class FrameRingReader {
  readonly descriptor = new FrameDescriptor()
  readonly segmentCount: number
  private readonly memory: FrameRingMemory
  private readonly layout: LaneLayout
  /** Position after the last descriptor that was read. */
  private tail: number

  /** @param memory that no lane has used yet: every segment becomes free */
  constructor(memory: SharedArrayBuffer, layout: LaneLayout) {
    this.memory = new FrameRingMemory(memory, layout)
    this.layout = layout
    this.segmentCount = layout.segmentCount
    this.tail = Atomics.load(this.memory.control, DESCRIPTOR_TAIL)
    for (let segment = 0; segment < layout.segmentCount; segment++) this.giveBack(segment)
  }

  hasNext(): boolean {
    // Pairs with the store in FrameRingWriter.publish: the descriptors before the head, and their frames, are visible from here on.
    return Atomics.load(this.memory.control, DESCRIPTOR_HEAD) !== this.tail
  }

  /** The kind of the next descriptor; undefined when there is none. */
  nextKind(): number | undefined {
    if (!this.hasNext()) return undefined
    const index = this.tail & (this.layout.descriptorCount - 1)
    // The kind is the first word.
    return this.memory.int32[index * DESCRIPTOR_INT32S]
  }

  /** Reads the next descriptor into `descriptor`. @returns false when there is none */
  next(): boolean {
    if (!this.hasNext()) return false
    const { float64, int32 } = this.memory
    this.descriptor.read(int32, float64, this.tail & (this.layout.descriptorCount - 1))
    this.tail = advance(this.tail, 1)
    return true
  }

  /** Lets the lane overwrite every descriptor that was read. */
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

  /** Count of segments that the lane may still take. */
  freeSegments(): number {
    const { control } = this.memory
    // Pairs with the store in FrameRingWriter.takeSegment.
    return distance(Atomics.load(control, FREE_TAIL), control[FREE_HEAD]!)
  }

  /** Lets the lane overwrite a segment. */
  giveBack(segment: number): void {
    const { control, freeQueue } = this.memory
    invariant(this.freeSegments() < this.segmentCount, `segment ${segment} given back to a full queue`)
    const head = control[FREE_HEAD]!
    freeQueue[(head >>> 0) % freeQueue.length] = segment
    // Pairs with the load in FrameRingWriter.freeSegments.
    Atomics.store(control, FREE_HEAD, advance(head, 1))
  }

  /**
   * Prepares the ring for a successor. Call it after the lane's end and the last `next`.
   * Every segment that is not in `inUse` becomes free, also one that the lane took and published nothing in. No turn is open.
   */
  resetAfterLane(inUse: ReadonlySet<number>): void {
    const { control } = this.memory
    // No lane runs. The loads that these stores pair with are those of the successor, in FrameRingWriter.
    Atomics.store(control, FREE_TAIL, 0)
    Atomics.store(control, FREE_HEAD, 0)
    for (let segment = 0; segment < this.segmentCount; segment++) {
      if (!inUse.has(segment)) this.giveBack(segment)
    }
    Atomics.store(control, TURNS_PUBLISHED, 0)
    Atomics.store(control, TURNS_CONSUMED, 0)
  }
}
