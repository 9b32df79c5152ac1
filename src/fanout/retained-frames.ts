/**
 * The records of one lane whose bytes are still in its ring. Main thread. A record is one run of frames of one
 * audience. Records are numbered from 0; those from `firstRecord` on are retained.
 * A segment goes back to the lane when no record in it is retained and no socket holds its bytes.
 */
import { invariant } from '../common/errors.js'
import type { Progress } from '../lane-protocol/lane-commands.js'
import { type AudienceDescriptor, NO_GROUP } from '../memory/audience-descriptor.js'
import type { FrameRingReader } from '../memory/frame-ring-reader.js'
import type { StreamPlace } from '../memory/stream-place.js'
import { SegmentPins } from './segment-pins.js'

/** Records that are retained at most, a power of two; about 5 MiB. More than are read ahead: QUEUE_MAX. */
const RECORDS_MAX = 65_536
const MASK = RECORDS_MAX - 1
/** Segments that the lane can always get beside the newest, whatever sockets hold. */
const FREE_SEGMENTS_MIN = 2
const NO_SEGMENT = -1
export const NO_RECORD = -1

export interface RetainedFramesEvents {
  /** The lane may have waited for a segment, and has one now. */
  segmentFreed(): void
  /** The lane needs this segment: the sockets that hold bytes of it have to let go now. */
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
  private readonly groups = new Int32Array(RECORDS_MAX)
  private readonly unknownLosses = new Int32Array(RECORDS_MAX)
  private readonly statusNumbers = new Float64Array(RECORDS_MAX)
  private readonly ticksTotals = new Float64Array(RECORDS_MAX)
  private readonly lastSerials = new Float64Array(RECORDS_MAX)
  private readonly lastOffsets = new Float64Array(RECORDS_MAX)
  private readonly epochs = new Int32Array(RECORDS_MAX)
  private readonly lostTotals = new Float64Array(RECORDS_MAX)
  private readonly receivedUs = new Float64Array(RECORDS_MAX)
  private readonly bytesBefore = new Float64Array(RECORDS_MAX)
  private readonly nextOfAudience = new Float64Array(RECORDS_MAX)

  /** Segments with retained records, oldest first, and the first record in each. */
  private readonly segmentsInUse: { segment: number; firstRecord: number }[] = []
  readonly pins: SegmentPins
  private current = NO_SEGMENT
  /** Below this number of free segments, the oldest records are given up. */
  private readonly freeSegmentsWanted: number
  /** Above this number of segments that only sockets hold, the clients that hold the oldest are evicted. */
  private readonly drainingSegmentsMax: number

  constructor(ring: FrameRingReader, events: RetainedFramesEvents) {
    this.ring = ring
    this.events = events
    this.pins = new SegmentPins(ring.segmentCount, segment => {
      ring.giveBack(segment)
      events.segmentFreed()
    })
    this.freeSegmentsWanted = Math.max(FREE_SEGMENTS_MIN, ring.segmentCount / 4)
    this.drainingSegmentsMax = ring.segmentCount - 1 - FREE_SEGMENTS_MIN
  }

  /**
   * Notes that frames lie in `segment`; to be called for every descriptor that names bytes, in order.
   *
   * @param keepFrom see `makeRoom`
   */
  useSegment(segment: number, keepFrom = this.nextRecord): void {
    if (segment === this.current) return
    this.current = segment
    this.segmentsInUse.push({ segment, firstRecord: this.nextRecord })
    this.makeRoom(keepFrom)
  }

  /**
   * Gives segments back to the lane if it has too few.
   *
   * @param keepFrom this record and those after it are on their way: they stay, whatever the lane needs
   */
  makeRoom(keepFrom = this.nextRecord): void {
    while (this.ring.freeSegments() < this.freeSegmentsWanted && this.segmentsInUse.length > 1) {
      // Nobody is evicted then: the lane waits for the transmitter, not for clients that do not read.
      if (this.segmentsInUse[1]!.firstRecord > keepFrom) return
      this.dropOldest()
    }
    const { drainingSegments } = this.pins
    // Free segments say nothing here: a lane that is ahead of this thread has taken them, and gets them back.
    while (drainingSegments.length > this.drainingSegmentsMax) {
      const needed = drainingSegments[0]!
      this.events.segmentNeeded(needed)
      invariant(
        drainingSegments[0] !== needed,
        `segment ${needed} is still held by ${this.pins.count(needed)} writes`,
      )
    }
  }

  /**
   * Adds an audience's frames.
   * @param before the audience's record before this one, or NO_RECORD
   * @param bytesBefore of all its records before this one
   * @returns the record's number
   */
  add(descriptor: AudienceDescriptor, before: number, bytesBefore: number): number {
    // Only the number is given up; the bytes stay until the segment goes. The oldest record was sent to all live
    // members: fewer than RECORDS_MAX are read ahead.
    if (this.nextRecord - this.firstRecord === RECORDS_MAX) this.firstRecord++
    const record = this.nextRecord++
    const index = record & MASK
    this.starts[index] = descriptor.start
    this.lengths[index] = descriptor.length
    this.segments[index] = descriptor.segment
    this.messages[index] = descriptor.messages
    this.ticks[index] = descriptor.ticks
    this.groups[index] = descriptor.group
    this.unknownLosses[index] = descriptor.unknownLosses
    this.statusNumbers[index] = descriptor.statusNumber
    this.ticksTotals[index] = descriptor.ticksTotal
    this.lastSerials[index] = descriptor.lastSerial
    this.lastOffsets[index] = descriptor.lastOffset
    this.epochs[index] = descriptor.epoch
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

  /** When its oldest tick came in, µs; 0: unknown. */
  received(record: number): number {
    return this.receivedUs[record & MASK]!
  }

  /** Bytes of the audience's records before this one. */
  bytesTotalBefore(record: number): number {
    return this.bytesBefore[record & MASK]!
  }

  /** Index of the conflation group whose latest ticks it holds, or NO_GROUP. */
  group(record: number): number {
    return this.groups[record & MASK]!
  }

  /** Up to which serial number it brings all ticks. */
  lastSerial(record: number): number {
    return this.lastSerials[record & MASK]!
  }

  /** Ticks up to there, of its group or of its audience. */
  ticksTotal(record: number): number {
    return this.ticksTotals[record & MASK]!
  }

  /** How far a client is after the record, if it was at `before` in front of it. */
  progress(record: number, before: Progress): Progress {
    const index = record & MASK
    const { flushedSerial } = before
    // Progress is not kept per group, so a client may get a group's latest ticks twice, never zero times.
    if (this.groups[index] !== NO_GROUP) return before
    return {
      ticksTotal: this.ticksTotals[index]!,
      lostTotal: this.lostTotals[index]!,
      unknownLosses: this.unknownLosses[index]!,
      statusNumber: this.statusNumbers[index]!,
      serial: this.lastSerials[index]!,
      offset: this.lastOffsets[index]!,
      epoch: this.epochs[index]!,
      flushedSerial,
    }
  }

  /**
   * There are no ticks of the audience between the record's last one and a place: the record then reaches up to there.
   */
  extend(record: number, { epoch, offset, serial }: StreamPlace): void {
    const index = record & MASK
    invariant(this.groups[index] === NO_GROUP, `record ${record} is of group ${this.groups[index]}`)
    if (serial < this.lastSerials[index]!) return
    this.lastSerials[index] = serial
    this.lastOffsets[index] = offset
    this.epochs[index] = epoch
  }

  /** The audience's record after this one, or NO_RECORD. */
  next(record: number): number {
    return this.nextOfAudience[record & MASK]!
  }

  /** The lane's thread has ended and all that it published was read. Its successor begins with a segment of its own. */
  laneEnded(): void {
    this.current = NO_SEGMENT
    const inUse = this.segmentsInUse.map(({ segment }) => segment)
    this.ring.resetAfterLane(new Set([...inUse, ...this.pins.drainingSegments]))
  }

  private dropOldest(): void {
    const oldest = this.segmentsInUse.shift()
    invariant(oldest !== undefined && this.segmentsInUse.length > 0, 'the segment in use cannot be dropped')
    this.firstRecord = Math.max(this.firstRecord, this.segmentsInUse[0]!.firstRecord)
    this.pins.releaseWhenUnpinned(oldest.segment)
  }
}
