/**
 * The members of an audience and what they have been sent. Main thread; the lane has its own view in workers/.
 */
import type { AudienceSpec } from '../lane-protocol/audience-spec.js'
import type { Progress } from '../lane-protocol/lane-commands.js'
import type { AudienceState, GroupProgress } from '../lane-protocol/lane-task.js'
import type { Recipient } from './recipient.js'
import { NO_RECORD, type RetainedFrames } from './retained-frames.js'

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

export class Audience {
  readonly id: number
  readonly lane: number
  readonly key: string
  readonly spec: AudienceSpec
  /** Those that were admitted. Some may have been released since: they are taken out between passes. */
  readonly members: Recipient[] = []
  /** Those that have joined in the midst of an interval, after which they are to ask anew. */
  readonly newcomers = new Set<Recipient>()
  /** Clients that are members or about to join. */
  clientCount = 0
  /** Released members that still stand in the list. */
  private leftCount = 0
  /** At which member the next pass begins. */
  firstMember = 0
  /** The last record that was read. */
  lastRecord = NO_RECORD
  /** The first record that was read and is not sent, be it in hand or not; or NO_RECORD. */
  firstPending = NO_RECORD
  /** Whether a pass over the members is in hand. */
  isInPass = false
  /** Number of its last `ticks` message. */
  seq = 0
  /** What all its records have taken that were read, bytes. */
  bytesTotal = 0
  private sent: Progress = { ticksTotal: 0, lostTotal: 0, unknownLosses: 0, lastOffset: 0, flushedOffset: 0 }
  /** Goes for the one in `sent`, which is made anew when somebody looks. */
  private flushedOffset = 0
  /** How far each of `spec.latest` is; null: nobody has joined yet. */
  private readonly conflated: (Mutable<GroupProgress> | null)[]

  constructor(id: number, lane: number, key: string, spec: AudienceSpec) {
    this.id = id
    this.lane = lane
    this.key = key
    this.spec = spec
    this.conflated = spec.latest.map(() => null)
  }

  /** How far its members are that are not behind. */
  get progress(): Progress {
    const { flushedOffset } = this
    if (this.sent.flushedOffset !== flushedOffset) this.sent = { ...this.sent, flushedOffset }
    return this.sent
  }

  set progress(progress: Progress) {
    this.sent = progress
    this.flushedOffset = progress.flushedOffset
  }

  /** What a lane's successor has to know. */
  get state(): AudienceState {
    const { conflated, id, progress, seq, spec } = this
    const { flushedOffset: _, ...sent } = progress
    return { audience: id, spec, seq, ...sent, conflated: conflated.map(part => part && { ...part }) }
  }

  /** What all records have taken that were sent, bytes. */
  bytesSent(window: RetainedFrames): number {
    return this.firstPending === NO_RECORD ? this.bytesTotal : window.bytesTotalBefore(this.firstPending)
  }

  /** A record was read, which is to be sent. */
  recordRead(record: number, bytes: number): void {
    this.lastRecord = record
    this.bytesTotal += bytes
    if (this.firstPending === NO_RECORD) this.firstPending = record
  }

  /** All members that are not behind have got the record. */
  recordSent(window: RetainedFrames, record: number): void {
    this.firstPending = window.next(record)
    this.seq += window.messageCount(record)
    const part = window.part(record)
    if (part === 0) this.sent = window.progress(record, this.sent)
    else this.partSent(part, window.lastOffset(record), window.ticksTotal(record))
  }

  /** All members that are not behind are so far with the latest ticks of a part. */
  partSent(part: number, flushedOffset: number, ticksTotal: number): void {
    const { conflated } = this
    const sent = conflated[part - 1]
    if (sent) {
      sent.flushedOffset = flushedOffset
      sent.ticksTotal = ticksTotal
    } else conflated[part - 1] = { flushedOffset, ticksTotal }
    let least = flushedOffset
    for (let index = 0; index < conflated.length; index++)
      least = Math.min(least, conflated[index]?.flushedOffset ?? 0)
    this.flushedOffset = least
  }

  /** The lane has let somebody in: there is nothing up to that offset but what was read. */
  joinedAt(offset: number, window: RetainedFrames): void {
    if (this.firstPending === NO_RECORD) this.progress = { ...this.progress, lastOffset: offset }
    else window.extend(this.lastRecord, offset)
  }

  /** Lets the recipient get this audience's frames from the record on that is read next. */
  admit(recipient: Recipient): void {
    if (!this.isInPass) this.dropLeavers()
    recipient.receiving = this
    recipient.lastGiven = this.lastRecord
    // One that has left in the midst of the pass, and comes back, stands in the list yet.
    if (this.leftCount > 0 && this.members.includes(recipient)) this.leftCount--
    else this.members.push(recipient)
  }

  /** Lets the recipient get no more frames of this audience. At any time, once for each `admit`. */
  release(recipient: Recipient): void {
    recipient.receiving = undefined
    this.leftCount++
  }

  /** Takes those that were released out of the list. Never during a pass. */
  dropLeavers(): void {
    if (this.leftCount === 0) return
    const { members } = this
    let kept = 0
    for (const member of members) if (member.receiving === this) members[kept++] = member
    members.length = kept
    this.leftCount = 0
  }
}
