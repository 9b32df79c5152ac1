/**
 * Reads the descriptors of a lane's frames, and gives segments back to the lane. Main thread. See lane-layout.ts.
 * The bytes that a descriptor names stay untouched until `giveBack` of their segment.
 */
import { invariant } from '../common/errors.js'
import { AudienceDescriptor } from './audience-descriptor.js'
import {
  DESCRIPTOR_HEAD,
  DESCRIPTOR_TAIL,
  FREE_HEAD,
  FREE_TAIL,
  TURNS_CONSUMED,
  TURNS_PUBLISHED,
} from './control-words.js'
import { AUDIENCE_FRAMES, DESCRIPTOR_INT32S, KIND_INT32, REPLY, TURN_BEGIN } from './frame-descriptor.js'
import { FrameRingMemory } from './frame-ring-memory.js'
import type { LaneLayout } from './lane-layout.js'
import { ReplyDescriptor } from './reply-descriptor.js'
import { advance, distance } from './ring-position.js'
import { TurnBeginDescriptor, TurnEndDescriptor } from './turn-descriptor.js'

export type AnyDescriptor = AudienceDescriptor | ReplyDescriptor | TurnBeginDescriptor | TurnEndDescriptor

export class FrameRingReader {
  readonly segmentCount: number
  readonly segmentBytes: number
  // One of each kind, filled by `next`.
  private readonly audienceFrames = new AudienceDescriptor()
  private readonly reply = new ReplyDescriptor()
  private readonly turnBegin = new TurnBeginDescriptor()
  private readonly turnEnd = new TurnEndDescriptor()
  private readonly memory: FrameRingMemory
  private readonly layout: LaneLayout
  /** Position after the last descriptor that was read. */
  private tail: number

  /** @param memory that no lane has used yet: every segment becomes free */
  constructor(memory: SharedArrayBuffer, layout: LaneLayout) {
    this.memory = new FrameRingMemory(memory, layout)
    this.layout = layout
    this.segmentCount = layout.segmentCount
    this.segmentBytes = layout.segmentBytes
    this.tail = Atomics.load(this.memory.control, DESCRIPTOR_TAIL)
    for (let segment = 0; segment < layout.segmentCount; segment++) this.giveBack(segment)
  }

  hasNext(): boolean {
    // Pairs with the store in FrameRingWriter.publish: the descriptors before the head, and their frames, are visible
    // from here on.
    return Atomics.load(this.memory.control, DESCRIPTOR_HEAD) !== this.tail
  }

  /** The kind of the next descriptor; undefined when there is none. */
  nextKind(): number | undefined {
    if (!this.hasNext()) return undefined
    return this.memory.int32[this.tailIndex * DESCRIPTOR_INT32S + KIND_INT32]
  }

  /** Reads the next descriptor. @returns one that is valid until the next call; undefined when there is none */
  next(): AnyDescriptor | undefined {
    const kind = this.nextKind()
    if (kind === undefined) return undefined
    const descriptor = this.descriptorOf(kind)
    descriptor.read(this.memory.int32, this.memory.float64, this.tailIndex)
    this.tail = advance(this.tail, 1)
    return descriptor
  }

  /** Lets the lane overwrite every descriptor that was read. */
  release(): void {
    // Pairs with the load in FrameRingWriter.hasRoomForDescriptor.
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
   * Every segment that is not in `inUse` becomes free, also one that the lane took and published nothing in. No turn is
   * open.
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

  /** Index of the next descriptor in the ring. */
  private get tailIndex(): number {
    return this.tail & (this.layout.descriptorCount - 1)
  }

  private descriptorOf(kind: number): AnyDescriptor {
    if (kind === AUDIENCE_FRAMES) return this.audienceFrames
    if (kind === REPLY) return this.reply
    return kind === TURN_BEGIN ? this.turnBegin : this.turnEnd
  }
}
