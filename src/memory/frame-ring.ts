/**
 * The frame ring: one lane writes WebSocket frames and descriptors of them, the main thread reads. See lane-layout.ts.
 * Bytes that a published descriptor names stay untouched until the main thread gives their segment back.
 */
import { invariant } from '../common/errors.js'
import {
  CONTROL_BYTES,
  DESCRIPTOR_BYTES,
  DESCRIPTOR_HEAD,
  DESCRIPTOR_TAIL,
  FREE_HEAD,
  FREE_TAIL,
  type LaneLayout,
  TURNS_CONSUMED,
  TURNS_PUBLISHED,
} from './lane-layout.js'
import { after, distance } from './ring-position.js'

const INT32S = DESCRIPTOR_BYTES / 4
const FLOAT64S = DESCRIPTOR_BYTES / 8

/**
 * One descriptor, with the fields of lane-layout.ts. Reused: valid until the next one is read. That of a replay has the words of a
 * ContinuityState, in their order, in `ticksTotal`, `lostTotal`, `receivedUs` and `unknownLosses`.
 */
export class Descriptor {
  kind = 0
  target = 0
  segment = 0
  /** Index of the first byte in the lane's memory. */
  start = 0
  length = 0
  /** Messages in these frames that carry ticks. */
  messages = 0
  join = 0
  /** How often, up to here, the audience was told of a loss whose size nobody knows. */
  unknownLosses = 0
  /** Ticks in these frames. */
  ticks = 0
  /** 0: ticks that are sent one by one; from 1 on: the latest ticks of so manieth interval of the audience. */
  part = 0
  /** Ticks that the part of the audience has been sent up to the end of these frames, or others that stand for them. */
  ticksTotal = 0
  /** All of the part's ticks up to this offset are in these frames or earlier ones. */
  lastOffset = 0
  /** When the oldest tick in these frames came in, µs; 0 for none. */
  receivedUs = 0
  /** Ticks that, up to here, the audience was told are lost. */
  lostTotal = 0
}

class FrameRingMemory {
  readonly control: Int32Array
  readonly int32: Int32Array
  readonly float64: Float64Array
  readonly freeQueue: Int32Array

  constructor(memory: SharedArrayBuffer, layout: LaneLayout) {
    const count = layout.descriptorCount
    this.control = new Int32Array(memory, 0, CONTROL_BYTES / 4)
    this.int32 = new Int32Array(memory, layout.descriptorsStart, count * INT32S)
    this.float64 = new Float64Array(memory, layout.descriptorsStart, count * FLOAT64S)
    this.freeQueue = new Int32Array(memory, layout.freeQueueStart, layout.segmentCount)
  }
}

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
    const words = index * INT32S
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
    const floats = index * FLOAT64S + 5
    float64[floats] = descriptor.ticksTotal
    float64[floats + 1] = descriptor.lastOffset
    float64[floats + 2] = descriptor.receivedUs
    float64[floats + 3] = descriptor.lostTotal
    this.used += descriptor.length
    this.head = after(this.head, 1)
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
    Atomics.store(control, TURNS_PUBLISHED, after(control[TURNS_PUBLISHED]!, 1))
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
    Atomics.store(control, FREE_TAIL, after(tail, 1))
    return true
  }
}

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
    return this.memory.int32[index * INT32S]
  }

  /** Reads the next descriptor into `descriptor`. @returns false when there is none */
  next(): boolean {
    if (!this.hasNext()) return false
    const { int32, float64 } = this.memory
    const { descriptor } = this
    const index = this.tail & (this.layout.descriptorCount - 1)
    const words = index * INT32S
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
    const floats = index * FLOAT64S + 5
    descriptor.ticksTotal = float64[floats]!
    descriptor.lastOffset = float64[floats + 1]!
    descriptor.receivedUs = float64[floats + 2]!
    descriptor.lostTotal = float64[floats + 3]!
    this.tail = after(this.tail, 1)
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
    Atomics.store(control, TURNS_CONSUMED, after(control[TURNS_CONSUMED]!, 1))
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
    Atomics.store(control, FREE_HEAD, after(head, 1))
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
