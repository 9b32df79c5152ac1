/**
 * The members of an audience, and how far the records are that they were sent. Main thread; the lane has its own view
 * in workers/.
 */
import type { AudienceSpec, StreamForm } from '../lane-protocol/audience-spec.js'
import type { Progress } from '../lane-protocol/lane-commands.js'
import type { AudienceState, GroupProgress } from '../lane-protocol/lane-task.js'
import { NO_GROUP } from '../memory/audience-descriptor.js'
import type { StreamPlace } from '../memory/stream-place.js'
import type { AudienceEntries } from './audience-entries.js'
import type { Recipient } from './recipient.js'
import { NO_RECORD, type RetainedFrames } from './retained-frames.js'
import { NO_SYMBOL_BUDGET, type SymbolBudget } from './symbol-budget.js'

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/** A place in the stream. */
type Place = Pick<Progress, keyof StreamPlace | 'statusNumber'>

export class Audience {
  readonly id: number
  readonly lane: number
  readonly entries: AudienceEntries
  readonly form: StreamForm
  /** Whether its members get the latest ticks only. */
  readonly isConflated: boolean
  /** Clients that were let in. Some may be members no more: they are taken out between passes. */
  readonly members: Recipient[] = []
  /** Clients that are let in again when the audience has been sent its next record. */
  readonly awaitingFlush = new Set<Recipient>()
  /** Clients that have joined or are about to join. */
  clientCount = 0
  /** Clients in `members` that are members no more. */
  private formerCount = 0
  /** Index of the member at which the next pass begins. */
  firstMember = 0
  /** The last record that was read. */
  lastRecord = NO_RECORD
  /** The first record that was read and not yet sent to all live members; or NO_RECORD. */
  firstPending = NO_RECORD
  /** Whether a pass over the members has begun and not ended. */
  isInPass = false
  /** Number of its last `ticks` message. */
  seq = 0
  /** Bytes of all its records that were read. */
  bytesTotal = 0
  /** Ticks of all its records that all live members have. */
  private ticksSent = 0
  private sent: Progress = {
    ticksTotal: 0,
    lostTotal: 0,
    unknownLosses: 0,
    statusNumber: 0,
    serial: 0,
    offset: 0,
    epoch: 0,
    flushedSerial: 0,
  }
  /** Replaces the one in `sent`, which is made anew when somebody looks. */
  private flushedSerial = 0
  /** How far each conflation group is, in the order of the intervals; null: nobody has joined yet. */
  private readonly groups: (Mutable<GroupProgress> | null)[]

  /** Pays for the symbols that its prefixes match: the budget of the client that it was opened for. */
  private readonly payer: SymbolBudget
  private matched = 0

  constructor(
    id: number,
    lane: number,
    entries: AudienceEntries,
    form: StreamForm,
    payer: SymbolBudget = NO_SYMBOL_BUDGET,
  ) {
    this.payer = payer
    this.id = id
    this.lane = lane
    this.entries = entries
    this.form = form
    this.isConflated = entries.isConflated
    this.groups = Array.from({ length: entries.groupCount }, () => null)
  }

  /** The lane has told how many symbols its prefixes match; 0: it has closed. */
  setMatched(symbols: number): void {
    this.payer.symbolsMatched(this.matched, symbols)
    this.matched = symbols
  }

  /** What its members have in common. Made anew each time. */
  get spec(): AudienceSpec {
    return { ...this.entries.selection, ...this.form }
  }

  /** How far its live members are. */
  get progress(): Progress {
    const { flushedSerial } = this
    if (this.sent.flushedSerial !== flushedSerial) this.sent = { ...this.sent, flushedSerial }
    return this.sent
  }

  set progress(progress: Progress) {
    this.sent = progress
    this.flushedSerial = progress.flushedSerial
  }

  /** What a lane's successor has to know. */
  get state(): AudienceState {
    const { groups, id, progress, seq, spec } = this
    const { flushedSerial: _, ...sent } = progress
    return { audience: id, spec, seq, ...sent, conflated: groups.map(group => group && { ...group }) }
  }

  /** Bytes of all its records that were sent. */
  bytesSent(retained: RetainedFrames): number {
    return this.firstPending === NO_RECORD ? this.bytesTotal : retained.bytesTotalBefore(this.firstPending)
  }

  /** Ticks of all its records up to this one, which was read and may be on its way. Few records are on their way. */
  ticksUpTo(record: number, retained: RetainedFrames): number {
    let ticks = this.ticksSent
    for (let next = this.firstPending; next !== NO_RECORD && next <= record; next = retained.next(next))
      ticks += retained.tickCount(next)
    return ticks
  }

  /** A record was read, and is to be sent. */
  recordRead(record: number, bytes: number): void {
    this.lastRecord = record
    this.bytesTotal += bytes
    if (this.firstPending === NO_RECORD) this.firstPending = record
  }

  /** All live members have the record. */
  recordSent(retained: RetainedFrames, record: number): void {
    this.firstPending = retained.next(record)
    this.seq += retained.messageCount(record)
    this.ticksSent += retained.tickCount(record)
    const group = retained.group(record)
    if (group === NO_GROUP) this.sent = retained.progress(record, this.sent)
    else this.groupSent(group, retained.lastSerial(record), retained.ticksTotal(record))
  }

  /** All live members have the latest ticks of a conflation group up to `flushedSerial`. */
  groupSent(group: number, flushedSerial: number, ticksTotal: number): void {
    const { groups } = this
    const sent = groups[group]
    if (sent) {
      sent.flushedSerial = flushedSerial
      sent.ticksTotal = ticksTotal
    } else groups[group] = { flushedSerial, ticksTotal }
    let least = flushedSerial
    for (let index = 0; index < groups.length; index++)
      least = Math.min(least, groups[index]?.flushedSerial ?? 0)
    this.flushedSerial = least
  }

  /** The lane has let a client in: the records that were read hold everything up to there. */
  joinedAt({ epoch, offset, serial, statusNumber }: Place, retained: RetainedFrames): void {
    if (this.firstPending === NO_RECORD)
      this.progress = { ...this.progress, serial, offset, epoch, statusNumber }
    // Each change of the status has a record of its own.
    else retained.extend(this.lastRecord, { serial, offset, epoch })
  }

  /** For AudienceCursor, before the client is a member. */
  addMember(recipient: Recipient): void {
    if (!this.isInPass) this.dropFormer()
    // A client that left during the pass, and comes back, still stands in the list.
    if (this.formerCount > 0 && this.members.includes(recipient)) this.formerCount--
    else this.members.push(recipient)
  }

  /** For AudienceCursor: a client is no member any more. */
  removeMember(): void {
    this.formerCount++
  }

  /** Takes clients that are members no more out of the list. Never during a pass. */
  dropFormer(): void {
    if (this.formerCount === 0) return
    const { members } = this
    let kept = 0
    for (const member of members) if (member.cursor.isMemberOf(this)) members[kept++] = member
    members.length = kept
    this.formerCount = 0
  }
}
