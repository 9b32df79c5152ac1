/**
 * Recipients whose sockets have not taken all that was written. What they hold stays as it is until they have; what they did not get
 * meanwhile they are given in larger writes, or, when that has left the ring, they are told that it is missing. Main thread.
 */
import type { Clock } from '../common/clock.js'
import type { PatientClock } from '../common/patient-clock.js'
import { isConflated } from '../lane-protocol/audience-spec.js'
import type { CounterWriter } from '../memory/counters.js'
import { MAIN_SLOTS } from '../metrics/metric-table.js'
import type { Audience } from './audience.js'
import { CLOSED, countWrites, HELD, writeFrames } from './frame-writes.js'
import type { LaneLink } from './lane-link.js'
import type { Recipient } from './recipient.js'
import { NO_RECORD, type RetainedFrames } from './retained-frames.js'

/** What one recipient that is behind may be given before the others' turn comes again, bytes. */
const CATCH_UP_BYTES_MAX = 1 << 20
/** The longest single write of a recipient that is behind: what it pins if it blocks again. */
const CATCH_UP_WRITE_BYTES_MAX = 256 * 1024
const NO_BYTES = Buffer.alloc(0)

export interface CatchUpDeps {
  readonly clock: Pick<Clock, 'epochUs'>
  readonly patience: Pick<PatientClock, 'nowMs'>
  readonly counters: CounterWriter
  readonly links: readonly LaneLink[]
  /** See TransmitterEvents and AnswerEvents. */
  readonly lapped: (recipient: Recipient) => void
  readonly caughtUp: (recipient: Recipient) => void
  /** Has those that are catching up be given more, soon. */
  readonly goOn: () => void
  /** A recipient is not blocked any more. */
  readonly drained: () => void
}

export class CatchUp {
  readonly blocked = new Set<Recipient>()
  /** Recipients that are behind and not blocked: what they may be given at once was given. */
  readonly catchingUp = new Set<Recipient>()
  private readonly parts: CatchUpDeps

  constructor(parts: CatchUpDeps) {
    this.parts = parts
  }

  /** The kernel has not taken all: the bytes stay as they are until it has. */
  block(recipient: Recipient, window: RetainedFrames, segment: number): void {
    this.parts.counters.values[MAIN_SLOTS.writesBlocked]! += 1
    window.pin(segment)
    recipient.pins.push({ window, segment })
    if (recipient.isBlocked) return
    recipient.blockedSinceMs = this.parts.patience.nowMs()
    recipient.looks = 0
    this.blocked.add(recipient)
    this.awaitDrain(recipient)
  }

  /** A write of nothing comes to its end when all before it has. ('drain' is only told of writes above a mark.) */
  private awaitDrain(recipient: Recipient): void {
    recipient.socket.write(NO_BYTES, error => {
      if (recipient.hasLeft) return
      if (error) this.parts.counters.values[MAIN_SLOTS.broadcastErrors]! += 1
      else if (recipient.socket.writableLength > 0) this.awaitDrain(recipient)
      else {
        this.unblock(recipient)
        if (recipient.nextRecord !== NO_RECORD) this.catchUp(recipient)
        else this.parts.caughtUp(recipient)
        this.parts.drained()
      }
    })
  }

  unblock(recipient: Recipient): void {
    if (!recipient.isBlocked) return
    this.blocked.delete(recipient)
    recipient.blockedSinceMs = 0
    const pins = recipient.pins.splice(0)
    for (const { window, segment } of pins) window.unpin(segment)
  }

  /** Gives a recipient what was read of its audience and is still on its way to the others, as far as it takes it. */
  bringUpToDate(recipient: Recipient): void {
    const audience = recipient.receiving
    const link = audience && this.parts.links[audience.lane]
    if (audience === undefined || link === undefined || recipient.isBehind) return
    if (recipient.lastGiven >= audience.lastRecord) return
    const { window } = link
    let record = audience.firstPending
    let { progress } = audience
    while (record !== NO_RECORD && record <= recipient.lastGiven) {
      progress = window.progress(record, progress)
      record = window.next(record)
    }
    if (record === NO_RECORD) return
    recipient.nextRecord = record
    recipient.progress = progress
    while (recipient.isBehind && !recipient.isBlocked)
      if (this.writeRecords(recipient, audience, link) === 0) break
    if (!recipient.isBehind) recipient.progress = undefined
  }

  /** Gives a recipient what it has not got, in writes as large as the ring has it in a row. */
  catchUp(recipient: Recipient): void {
    const audience = recipient.receiving
    const link = audience && this.parts.links[audience.lane]
    if (audience === undefined || link === undefined) {
      this.catchingUp.delete(recipient)
      return
    }
    let bytesLeft = CATCH_UP_BYTES_MAX
    while (recipient.nextRecord !== NO_RECORD) {
      if (this.isLeftBehind(recipient, audience, link.window)) {
        this.lap(recipient)
        return
      }
      if (bytesLeft <= 0) {
        // To the end of the line.
        this.catchingUp.delete(recipient)
        this.catchingUp.add(recipient)
        this.parts.goOn()
        return
      }
      const bytes = this.writeRecords(recipient, audience, link)
      if (bytes === 0 || recipient.isBlocked) break
      bytesLeft -= bytes
    }
    this.catchingUp.delete(recipient)
    if (recipient.isBehind) return
    recipient.progress = undefined
    this.parts.caughtUp(recipient)
  }

  /** Whether what it has not got is gone, or not worth being sent to it any more. */
  private isLeftBehind(
    { limits, nextRecord }: Recipient,
    audience: Audience,
    window: RetainedFrames,
  ): boolean {
    if (!window.holds(nextRecord) || isConflated(audience.spec)) return true
    if (audience.bytesSent(window) - window.bytesTotalBefore(nextRecord) > limits.lagBytesMax) return true
    const receivedUs = window.received(nextRecord)
    return receivedUs > 0 && this.parts.clock.epochUs() - receivedUs > limits.ageMsMax * 1000
  }

  /** Writes the next records that lie side by side. @returns bytes written; 0: the connection is ending */
  private writeRecords(recipient: Recipient, audience: Audience, link: LaneLink): number {
    const { window } = link
    const first = recipient.nextRecord
    const start = window.start(first)
    const segment = window.segment(first)
    let progress = window.progress(first, recipient.progress ?? audience.progress)
    let last = first
    let length = window.length(first)
    let messages = window.messageCount(first)
    let ticks = window.tickCount(first)
    let next = window.next(first)
    while (
      next !== NO_RECORD &&
      window.start(next) === start + length &&
      window.segment(next) === segment &&
      length + window.length(next) <= CATCH_UP_WRITE_BYTES_MAX
    ) {
      progress = window.progress(next, progress)
      length += window.length(next)
      messages += window.messageCount(next)
      ticks += window.tickCount(next)
      last = next
      next = window.next(next)
    }
    const outcome = writeFrames(recipient, link, start, length)
    if (outcome === CLOSED) return 0
    recipient.progress = progress
    recipient.lastGiven = last
    recipient.nextRecord = next
    countWrites(this.parts.counters, 1, ticks, messages, length)
    if (outcome === HELD) this.block(recipient, window, segment)
    return length
  }

  private lap(recipient: Recipient): void {
    this.catchingUp.delete(recipient)
    recipient.nextRecord = NO_RECORD
    recipient.receiving?.release(recipient)
    this.parts.lapped(recipient)
  }
}
