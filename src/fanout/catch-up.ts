/**
 * Takes care of clients whose sockets have not taken all that was written. Main thread.
 * The bytes that a socket holds stay as they are until it has drained. Then the client gets what it missed in larger
 * writes. A client that missed more than the ring holds, or than its limits allow, is overrun.
 */
import type { Clock } from '../common/clock.js'
import type { PatientClock } from '../common/patient-clock.js'
import { MAIN_SLOTS } from '../metrics/metric-table.js'
import type { Audience } from './audience.js'
import { lagMs } from './client-lag.js'
import { CLOSED, countWrites, type FrameBytes, HELD, type WriteCounts, writeFrames } from './frame-writes.js'
import { liveBegins, liveEnds } from './given-ticks.js'
import type { LaneStream } from './lane-stream.js'
import type { Membership } from './membership.js'
import type { Recipient } from './recipient.js'
import { NO_RECORD } from './retained-frames.js'
import type { SegmentPins } from './segment-pins.js'

/** Bytes that one client may be given before the other clients that are behind. */
const CATCH_UP_BYTES_MAX = 1 << 20
/** The longest single write of a client that is behind: what it pins if it blocks again. */
const CATCH_UP_WRITE_BYTES_MAX = 256 * 1024
const NO_BYTES = Buffer.alloc(0)

export interface CatchUpDeps extends WriteCounts {
  readonly clock: Pick<Clock, 'epochUs'>
  readonly patience: Pick<PatientClock, 'nowMs'>
  readonly streams: readonly LaneStream[]
  readonly membership: Membership
  /** Has the transmitter run again: there may be something to do. */
  readonly schedule: () => void
}

export class CatchUp {
  readonly blocked = new Set<Recipient>()
  /** Clients that are behind and not blocked. They were given as much as one may be given at once. */
  readonly catchingUp = new Set<Recipient>()
  private readonly deps: CatchUpDeps

  constructor(deps: CatchUpDeps) {
    this.deps = deps
  }

  /** The kernel has not taken all of a write: the segment stays as it is until it has. */
  block(recipient: Recipient, pins: SegmentPins, segment: number): void {
    pins.pin(segment)
    recipient.pins.push({ pins, segment })
    this.hold(recipient)
  }

  /**
   * Gives a client frames that are its alone, and in no ring.
   *
   * @returns false when the connection is ending
   */
  giveOwn(recipient: Recipient, frames: Uint8Array, ticks: number, messages: number): boolean {
    const outcome = writeFrames(recipient, new OwnFrames(frames), 0, frames.length)
    if (outcome === CLOSED) return false
    countWrites(this.deps, 1, ticks, messages, frames.length)
    recipient.ticksBefore += ticks
    if (outcome === HELD) this.hold(recipient)
    return true
  }

  /** The socket holds bytes: the client gets nothing more until it has taken them. */
  private hold(recipient: Recipient): void {
    this.deps.counters.values[MAIN_SLOTS.writesBlocked]! += 1
    if (recipient.isBlocked) return
    recipient.blockedSinceMs = this.deps.patience.nowMs()
    recipient.progressChecks = 0
    this.blocked.add(recipient)
    this.awaitDrain(recipient)
  }

  /**
   * A write of nothing ends when all writes before it have. (The event 'drain' only comes after writes above a mark.)
   */
  private awaitDrain(recipient: Recipient): void {
    recipient.socket.write(NO_BYTES, error => {
      if (recipient.hasLeft) return
      if (error) this.deps.counters.values[MAIN_SLOTS.broadcastErrors]! += 1
      else if (recipient.socket.writableLength > 0) this.awaitDrain(recipient)
      else {
        this.unblock(recipient)
        if (recipient.cursor.isBehind) this.sendMissed(recipient)
        else this.deps.membership.sendNext(recipient)
        this.deps.schedule()
      }
    })
  }

  unblock(recipient: Recipient): void {
    if (!recipient.isBlocked) return
    this.noteLag(recipient)
    this.blocked.delete(recipient)
    recipient.blockedSinceMs = 0
    for (const { pins, segment } of recipient.pins.splice(0)) pins.unpin(segment)
  }

  /** The lag of a blocked client ends, or its place in the audience is about to be lost. */
  noteLag(recipient: Recipient): void {
    if (!recipient.isBlocked) return
    const { audience } = recipient.cursor
    const retained = audience && this.deps.streams[audience.lane]!.retained
    recipient.worstLagMs = Math.max(recipient.worstLagMs, lagMs(recipient, retained, this.deps))
  }

  /**
   * Gives a client the records of its audience that are still on their way to other members, as far as it takes them.
   */
  sendPending(recipient: Recipient): void {
    const { cursor } = recipient
    const { audience } = cursor
    if (audience === undefined || !cursor.hasPending) return
    const { retained } = this.deps.streams[audience.lane]!
    let record = audience.firstPending
    let { progress } = audience
    while (record !== NO_RECORD && cursor.isPast(record)) {
      progress = retained.progress(record, progress)
      record = retained.next(record)
    }
    if (record === NO_RECORD) return
    liveEnds(recipient, retained)
    cursor.fallBehind(record, progress)
    while (cursor.isBehind && !recipient.isBlocked)
      if (this.writeRecords(recipient, audience) === undefined) return
  }

  /** Gives a client that is behind what it missed, in writes as large as the ring has it in a row. */
  sendMissed(recipient: Recipient): void {
    const { cursor } = recipient
    const { audience } = cursor
    let bytesLeft = CATCH_UP_BYTES_MAX
    while (audience !== undefined && cursor.isBehind) {
      if (this.isOverrun(recipient, audience)) {
        this.catchingUp.delete(recipient)
        cursor.overrun()
        this.deps.membership.recover(recipient)
        return
      }
      if (bytesLeft <= 0) {
        // To the end of the line.
        this.catchingUp.delete(recipient)
        this.catchingUp.add(recipient)
        this.deps.schedule()
        return
      }
      const bytes = this.writeRecords(recipient, audience)
      if (bytes === undefined || recipient.isBlocked) break
      bytesLeft -= bytes
    }
    this.catchingUp.delete(recipient)
    if (!cursor.isBehind) this.deps.membership.sendNext(recipient)
  }

  /** Whether the client's next record is gone, or is not to be sent to it any more. */
  private isOverrun({ cursor, limits }: Recipient, audience: Audience): boolean {
    const { retained } = this.deps.streams[audience.lane]!
    const { nextRecord } = cursor
    if (!retained.holds(nextRecord) || audience.isConflated) return true
    if (audience.bytesSent(retained) - retained.bytesTotalBefore(nextRecord) > limits.lagBytesMax) return true
    const receivedUs = retained.received(nextRecord)
    return receivedUs > 0 && this.deps.clock.epochUs() - receivedUs > limits.ageMsMax * 1000
  }

  /**
   * Writes the client's next records that lie side by side.
   *
   * @returns bytes written, 0 for a mark of a conflation group; undefined: the connection is ending
   */
  private writeRecords(recipient: Recipient, audience: Audience): number | undefined {
    const { cursor } = recipient
    const stream = this.deps.streams[audience.lane]!
    const { retained } = stream
    const first = cursor.nextRecord
    const start = retained.start(first)
    const segment = retained.segment(first)
    let progress = retained.progress(first, cursor.progress!)
    let last = first
    let length = retained.length(first)
    let messages = retained.messageCount(first)
    let ticks = retained.tickCount(first)
    let next = retained.next(first)
    while (
      next !== NO_RECORD &&
      retained.start(next) === start + length &&
      retained.segment(next) === segment &&
      length + retained.length(next) <= CATCH_UP_WRITE_BYTES_MAX
    ) {
      progress = retained.progress(next, progress)
      length += retained.length(next)
      messages += retained.messageCount(next)
      ticks += retained.tickCount(next)
      last = next
      next = retained.next(next)
    }
    const outcome = writeFrames(recipient, stream, start, length)
    if (outcome === CLOSED) return undefined
    cursor.advanceTo(last, next, progress)
    recipient.ticksBefore += ticks
    if (cursor.isLive) liveBegins(recipient, retained)
    countWrites(this.deps, 1, ticks, messages, length)
    if (outcome === HELD) this.block(recipient, retained.pins, segment)
    return length
  }
}

class OwnFrames implements FrameBytes {
  readonly bytes: Uint8Array

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  slice(start: number, length: number): Buffer {
    return Buffer.from(this.bytes.buffer, this.bytes.byteOffset + start, length)
  }
}
