/**
 * Where one client is in its audience. Main thread; nothing else writes this state.
 *
 *                  ┌───────────────────────────── the lane lets the client in again ──────────────┐
 *                  ▼                                                                              │
 *   NOWHERE ────► LIVE ◄── it has got what it missed ──► BEHIND ── that has left the ring ──► OVERRUN
 *      │           ▲        or was blocked at a record
 *      │           └── the lane lets the client in again ──┐
 *      └────► AWAITS_FLUSH ────────────────────────────────┘      from everywhere: leave ──► NOWHERE
 */
import { invariant } from '../common/errors.js'
import type { Progress } from '../lane-protocol/lane-commands.js'
import type { Audience } from './audience.js'
import type { Recipient } from './recipient.js'
import { NO_RECORD } from './retained-frames.js'

/** In no audience. */
const NOWHERE = 0
/** A member that is given each record as it comes. */
const LIVE = 1
/** A member that was not given `nextRecord`, because it was blocked. */
const BEHIND = 2
/** No member any more: its next record has left the ring, or its limits are passed. */
const OVERRUN = 3
/** No member yet: the audience's next flush holds older ticks. */
const AWAITS_FLUSH = 4

type CursorState = typeof NOWHERE | typeof LIVE | typeof BEHIND | typeof OVERRUN | typeof AWAITS_FLUSH

export class AudienceCursor {
  private readonly recipient: Recipient
  private state: CursorState = NOWHERE
  private joined: Audience | undefined
  /** BEHIND: the first record that the client has not got. */
  private next = NO_RECORD
  /**
   * The last record that the client is not to be given any more. The client has it, or was no member at that record.
   */
  private lastGiven = NO_RECORD
  /** LIVE: `ticksUpTo` of the audience when the client became live. Only given-ticks.ts uses it. */
  ticksAtStart = 0
  /** BEHIND, OVERRUN, AWAITS_FLUSH: what the client has. */
  private reached: Progress | undefined

  constructor(recipient: Recipient) {
    this.recipient = recipient
  }

  /** The audience that the client has joined. */
  get audience(): Audience | undefined {
    return this.joined
  }

  /** The first record that the client has not got; NO_RECORD while it is not behind. */
  get nextRecord(): number {
    return this.next
  }

  /** How far the client is; undefined while it is live. */
  get progress(): Progress | undefined {
    return this.reached
  }

  /**
   * How far the client was when it became no member; undefined while it is a member. A client that is behind is a
   * member.
   */
  get fellBehindAt(): Progress | undefined {
    return this.state === BEHIND ? undefined : this.reached
  }

  get isLive(): boolean {
    return this.state === LIVE
  }

  get isBehind(): boolean {
    return this.state === BEHIND
  }

  get isOverrun(): boolean {
    return this.state === OVERRUN
  }

  /** Whether the client is a member of the audience. */
  isMemberOf(audience: Audience): boolean {
    return this.joined === audience && (this.state === LIVE || this.state === BEHIND)
  }

  /** Whether the audience's record is to be given to the client now. */
  isDue(audience: Audience, record: number): boolean {
    return this.state === LIVE && this.joined === audience && this.lastGiven < record
  }

  /** Whether records of the audience that were read are still to be given to the client. */
  get hasPending(): boolean {
    return this.state === LIVE && this.lastGiven < this.joined!.lastRecord
  }

  /** The last record that the client has, or is not to be given. */
  get lastRecord(): number {
    return this.lastGiven
  }

  /** Whether the client has the record, or is not to be given it. */
  isPast(record: number): boolean {
    return record <= this.lastGiven
  }

  /** The client is a member from the record on that is read next. */
  join(audience: Audience): void {
    this.leave()
    audience.addMember(this.recipient)
    this.joined = audience
    this.state = LIVE
    this.lastGiven = audience.lastRecord
  }

  /** The client belongs to the audience, and gets frames when it is let in again, after a flush. */
  awaitFlush(audience: Audience, progress: Progress): void {
    this.leave()
    audience.awaitingFlush.add(this.recipient)
    this.joined = audience
    this.state = AWAITS_FLUSH
    this.reached = progress
  }

  /** A live client was given the record. */
  given(record: number): void {
    this.lastGiven = record
  }

  /** A live client was not given the record. */
  fallBehind(record: number, progress: Progress): void {
    this.state = BEHIND
    this.next = record
    this.reached = progress
  }

  /**
   * A client that is behind was given all up to the record `last`.
   *
   * @param next the audience's record after that, or NO_RECORD
   */
  advanceTo(last: number, next: number, progress: Progress): void {
    this.lastGiven = last
    this.next = next
    if (next === NO_RECORD) this.state = LIVE
    this.reached = next === NO_RECORD ? undefined : progress
  }

  /** A client that is behind gets no more frames until it is let in again. */
  overrun(): void {
    this.joined!.removeMember()
    this.state = OVERRUN
    this.next = NO_RECORD
  }

  /** The client is in no audience. At any time, and as often as one likes. */
  leave(): void {
    const { joined } = this
    if (joined !== undefined && this.isMemberOf(joined)) joined.removeMember()
    joined?.awaitingFlush.delete(this.recipient)
    this.joined = undefined
    this.state = NOWHERE
    this.next = NO_RECORD
    this.reached = undefined
  }

  checkInvariants(): void {
    const { joined, lastGiven, next, reached, recipient, state } = this
    const place = `client ${recipient.id} in state ${state}, next record ${next}`
    invariant((state === NOWHERE) === (joined === undefined), `${place}: audience ${joined?.id}`)
    invariant((state === BEHIND) === (next !== NO_RECORD), place)
    invariant(state !== BEHIND || next > lastGiven, `${place}: record ${lastGiven} was given`)
    invariant(state <= LIVE === (reached === undefined), `${place}: progress ${JSON.stringify(reached)}`)
  }
}
