/**
 * Which frames of one lane are still in its ring, and who needs their bytes. Main thread.
 * A record is one run of frames of one audience. Records are numbered from 0; those from `firstRecord` on are in the window.
 * A segment goes back to the lane when its records have left the window and no socket holds its bytes any more.
 */
import { invariant } from '../common/errors.js'
import type { Progress } from '../lane-protocol/lane-commands.js'
import type { FrameDescriptor } from '../memory/frame-descriptor.js'
import type { FrameRingReader } from '../memory/frame-ring-reader.js'

/** Records the window holds at the most, a power of two; about 5 MiB. */
const RECORDS_MAX = 65_536
const MASK = RECORDS_MAX - 1
/** Free segments below which the lane would soon have to wait: then sockets that hold bytes are cut off. */
const FREE_SEGMENTS_MIN = 2
const NO_SEGMENT = -1
export const NO_RECORD = -1

export interface RetainedFramesEvents {
  /** The lane may have waited for a segment, and has one now. */
  segmentFreed(): void
  /** The lane needs this segment: whoever holds bytes of it has to let go now. */
  segmentNeeded(segment: number): void
}

export class RetainedFrames {
  /** The oldest record whose bytes can still be sent. */
  firstRecord = 0
  nextRecord = 0
  private readonly ring: FrameRingReader
  private readonly events: RetainedFramesEvents
  private readonly starts = new Int32Array(RECORDS_MAX)
  private readonly lengths = new Int32Array(RECORDS_MAX)
  private readonly segments = new Int32Array(RECORDS_MAX)
  private readonly messages = new Int32Array(RECORDS_MAX)
  private readonly ticks = new Int32Array(RECORDS_MAX)
  private readonly parts = new Int32Array(RECORDS_MAX)
  private readonly unknownLosses = new Int32Array(RECORDS_MAX)
  private readonly ticksTotals = new Float64Array(RECORDS_MAX)
  private readonly lastOffsets = new Float64Array(RECORDS_MAX)
  private readonly lostTotals = new Float64Array(RECORDS_MAX)
  private readonly receivedUs = new Float64Array(RECORDS_MAX)
  private readonly bytesBefore = new Float64Array(RECORDS_MAX)
  private readonly nextOfAudience = new Float64Array(RECORDS_MAX)

  /** Segments with records in the window, oldest first, and the first record in each. */
  private readonly window: { segment: number; firstRecord: number }[] = []
  private readonly pins: Int32Array
  /** Out of the window, but held by sockets; oldest first. */
  private readonly condemned: number[] = []
  private current = NO_SEGMENT
  /** Segments kept free for the lane to write on while sockets hold others. */
  private readonly freeSegmentsWanted: number

  constructor(ring: FrameRingReader, events: RetainedFramesEvents) {
    this.ring = ring
    this.events = events
    this.pins = new Int32Array(ring.segmentCount)
    this.freeSegmentsWanted = Math.max(FREE_SEGMENTS_MIN, ring.segmentCount / 4)
  }

  /**
   * Notes that frames lie in `segment`; to be called for every descriptor that names bytes, in order.
   *
   * @param keepFrom see `makeRoom`
   */
  enter(segment: number, keepFrom = this.nextRecord): void {
    if (segment === this.current) return
    this.current = segment
    this.window.push({ segment, firstRecord: this.nextRecord })
    this.makeRoom(keepFrom)
  }

  /**
   * Gives segments back to the lane if it has too few.
   *
   * @param keepFrom this record and those after it are on their way: they stay, whatever the lane needs
   */
  makeRoom(keepFrom = this.nextRecord): void {
    while (this.ring.freeSegments() < this.freeSegmentsWanted && this.window.length > 1) {
      // Nor is anybody cut off then: the lane waits for the transmitter, not for those who do not read.
      if (this.window[1]!.firstRecord > keepFrom) return
      this.dropOldest()
    }
    while (this.ring.freeSegments() < FREE_SEGMENTS_MIN && this.condemned.length > 0) {
      const needed = this.condemned[0]!
      this.events.segmentNeeded(needed)
      invariant(
        this.condemned[0] !== needed,
        `segment ${needed} is still held by ${this.pins[needed]} writes`,
      )
    }
  }

  /**
   * Adds an audience's frames.
   * @param before the audience's record before this one, or NO_RECORD
   * @param bytesBefore what all its records before this one have taken
   * @returns the record's number
   */
  add(descriptor: FrameDescriptor, before: number, bytesBefore: number): number {
    // The record's bytes stay with those of its segment, which may even be the one in use.
    if (this.nextRecord - this.firstRecord === RECORDS_MAX) this.firstRecord++
    const record = this.nextRecord++
    const index = record & MASK
    this.starts[index] = descriptor.start
    this.lengths[index] = descriptor.length
    this.segments[index] = descriptor.segment
    this.messages[index] = descriptor.messages
    this.ticks[index] = descriptor.ticks
    this.parts[index] = descriptor.part
    this.unknownLosses[index] = descriptor.unknownLosses
    this.ticksTotals[index] = descriptor.ticksTotal
    this.lastOffsets[index] = descriptor.lastOffset
    this.lostTotals[index] = descriptor.lostTotal
    this.receivedUs[index] = descriptor.receivedUs
    this.bytesBefore[index] = bytesBefore
    this.nextOfAudience[index] = NO_RECORD
    if (before >= this.firstRecord) this.nextOfAudience[before & MASK] = record
    return record
  }

  holds(record: number): boolean {
    return record >= this.firstRecord
  }

  start(record: number): number {
    return this.starts[record & MASK]!
  }

  length(record: number): number {
    return this.lengths[record & MASK]!
  }

  segment(record: number): number {
    return this.segments[record & MASK]!
  }

  messageCount(record: number): number {
    return this.messages[record & MASK]!
  }

  tickCount(record: number): number {
    return this.ticks[record & MASK]!
  }

  /** When its oldest tick came in, µs; 0: not told. */
  received(record: number): number {
    return this.receivedUs[record & MASK]!
  }

  /** What the audience's records before this one have taken, bytes. */
  bytesTotalBefore(record: number): number {
    return this.bytesBefore[record & MASK]!
  }

  /** Of which of its audience's symbols the record is, see FrameDescriptor. */
  part(record: number): number {
    return this.parts[record & MASK]!
  }

  /** Up to which offset it brings all ticks. */
  lastOffset(record: number): number {
    return this.lastOffsets[record & MASK]!
  }

  /** Ticks up to there, of its part or of its audience. */
  ticksTotal(record: number): number {
    return this.ticksTotals[record & MASK]!
  }

  /** How far whoever was at `before` is at the end of the record. */
  progress(record: number, before: Progress): Progress {
    const index = record & MASK
    const { flushedOffset } = before
    // Of several intervals nobody has counted which ones are done: what was missed of them is rather told twice.
    if (this.parts[index] !== 0) return before
    return {
      ticksTotal: this.ticksTotals[index]!,
      lostTotal: this.lostTotals[index]!,
      unknownLosses: this.unknownLosses[index]!,
      lastOffset: this.lastOffsets[index]!,
      flushedOffset,
    }
  }

  /** Its audience has nothing up to a later offset than the record told. */
  extend(record: number, lastOffset: number): void {
    const index = record & MASK
    invariant(this.parts[index] === 0, `record ${record} is of part ${this.parts[index]}`)
    this.lastOffsets[index] = Math.max(this.lastOffsets[index]!, lastOffset)
  }

  /** The audience's record after this one, or NO_RECORD. */
  next(record: number): number {
    return this.nextOfAudience[record & MASK]!
  }

  /** Keeps a segment's bytes as they are, until as many calls of `unpin`. */
  pin(segment: number): void {
    this.pins[segment]! += 1
  }

  unpin(segment: number): void {
    invariant(this.pins[segment]! > 0, `segment ${segment} is not pinned`)
    this.pins[segment]! -= 1
    if (this.pins[segment] !== 0) return
    const index = this.condemned.indexOf(segment)
    if (index < 0) return
    this.condemned.splice(index, 1)
    this.giveBack(segment)
  }

  /** The lane's thread has ended and all it published was read. Its successor begins with a segment of its own. */
  laneEnded(): void {
    this.current = NO_SEGMENT
    this.ring.resetAfterLane(new Set([...this.window.map(({ segment }) => segment), ...this.condemned]))
  }

  private dropOldest(): void {
    const oldest = this.window.shift()
    invariant(oldest !== undefined && this.window.length > 0, 'the segment in use cannot be dropped')
    this.firstRecord = Math.max(this.firstRecord, this.window[0]!.firstRecord)
    if (this.pins[oldest.segment] === 0) this.giveBack(oldest.segment)
    else this.condemned.push(oldest.segment)
  }

  private giveBack(segment: number): void {
    this.ring.giveBack(segment)
    this.events.segmentFreed()
  }
}
