/**
 * Lets clients join audiences, and takes them through their transfers: docs/decisions/0045-one-transfer.md. Main
 * thread. A client stays on the lane of its first audience. So a change from one audience to another has one place in
 * one lane's stream, at which no tick is missing and none doubled.
 * Holds of audiences are counted: each `hold`, `holdChanged` and `holdAgain` needs one `drop`.
 */
import type { Clock } from '../common/clock.js'
import { type AudienceSpec, type EntryChange, entriesOf } from '../lane-protocol/audience-spec.js'
import {
  type CommandReply,
  type GoodbyeReply,
  goodbyeOf,
  type LaneCommand,
  type Progress,
  type ReplayStart,
} from '../lane-protocol/lane-commands.js'
import type { CounterWriter } from '../memory/counters.js'
import type { Histogram } from '../metrics/histogram.js'
import type { IntervalMs } from '../protocol/delivery.js'
import type { Audience } from './audience.js'
import { AudienceEntries } from './audience-entries.js'
import { Audiences } from './audiences.js'
import { liveBegins, liveEnds } from './given-ticks.js'
import type { LaneStream } from './lane-stream.js'
import { countOverrun } from './overrun-counts.js'
import type { Recipient } from './recipient.js'
import { type PastClients, Replays } from './replays.js'
import { RequestsInFlight } from './requests-in-flight.js'
import type { RetainedFrames } from './retained-frames.js'
import type { TransferOutcome, TransferRequest } from './transfer-request.js'
import type { SoughtStart, WantedStart } from './wanted-start.js'

export interface MembershipDeps {
  readonly streams: readonly LaneStream[]
  /** Chooses the lane of a client. */
  readonly place: (streams: readonly LaneStream[], hasAudience: (stream: LaneStream) => boolean) => LaneStream
  readonly send: (lane: number, command: LaneCommand) => void
  readonly clock: Pick<Clock, 'epochUs'>
  readonly counters: CounterWriter
  /** From the arrival of a command to its reply. */
  readonly replyLatency: Histogram
  /** Gives clients what has left the tick log; undefined: nobody has it. */
  readonly past: PastClients
  /** The client has been given its `goodbye`, behind everything that came before: close it now. */
  readonly goodbyeGiven: (recipient: Recipient) => void
  /** The client did not keep up, and misses so many ticks, which it is told. */
  readonly overrun: (recipient: Recipient, missed: number) => void
}

export class Membership {
  private readonly deps: MembershipDeps
  private readonly audiences: Audiences
  private readonly replays: Replays
  private readonly inFlight: RequestsInFlight

  constructor(deps: MembershipDeps) {
    this.deps = deps
    this.audiences = new Audiences(deps.streams, deps.send)
    this.inFlight = new RequestsInFlight(deps.send, recipient => deps.past.canRead(recipient))
    const send = (recipient: Recipient): void => this.inFlight.send(recipient)
    this.replays = new Replays(deps.streams.length, send, deps.past)
  }

  get audienceCount(): number {
    return this.audiences.count
  }

  /** Puts a client that is in no audience into the one for `spec`. @param replayStart see `move` */
  join(
    recipient: Recipient,
    spec: AudienceSpec,
    reply: CommandReply,
    replyBytes: number,
    replayStart: WantedStart = null,
  ): void {
    const { place, streams } = this.deps
    const entries = AudienceEntries.of(entriesOf(spec))
    const { index } = place(streams, stream => this.audiences.has(entries, spec, stream.index))
    const audience = this.audiences.hold(spec, entries, index, recipient)
    this.request(recipient, audience, reply, replyBytes, replayStart)
  }

  /**
   * Lets a client change its entries. The changes that it asks for while one is in flight are done together, as far as
   * their replays begin at the same place.
   *
   * @param replayStart where the replay of the symbols begins that the change adds; null: there is none
   */
  move(
    recipient: Recipient,
    change: EntryChange,
    reply: CommandReply,
    replyBytes: number,
    replayStart: ReplayStart | SoughtStart | null = null,
  ): void {
    const { cursor, transfer } = recipient
    const base = (transfer.last ?? cursor).audience
    if (base === undefined) return
    const audience = this.audiences.holdChanged(base, change, recipient)
    this.request(recipient, audience, reply, replyBytes, replayStart)
  }

  /** The change that gives a client these entries in place of those that it has asked for last. */
  changeTo({ cursor, transfer }: Recipient, entries: ReadonlyMap<string, IntervalMs>): EntryChange {
    const base = (transfer.last ?? cursor).audience
    return base === undefined ? { added: [...entries], removed: [] } : base.entries.changeTo(entries)
  }

  /** It is known where the replay begins of a client whose request in flight waits for that. */
  startFound(recipient: Recipient, replayStart: ReplayStart | SoughtStart): void {
    const { transfer } = recipient
    if (!transfer.isAwaitingStart && transfer.sought === undefined) return
    transfer.startFound(replayStart)
    this.enter(recipient)
  }

  /** Lets a client leave, with a `goodbye` behind all that it is to be sent. Only the first call has an effect. */
  sayGoodbye(recipient: Recipient, goodbye: GoodbyeReply): void {
    if (recipient.transfer.goodbye !== undefined) return
    recipient.transfer.goodbye = goodbye
    this.sendNext(recipient)
  }

  /** Index of the client's lane. */
  laneOf({ cursor, transfer }: Recipient): number | undefined {
    return (transfer.last ?? cursor).audience?.lane
  }

  /** Upper bound of the bytes of the replies that the client waits for. */
  waitingBytes({ transfer }: Recipient): number {
    return transfer.waitingReplyBytes
  }

  /** Whether the client waits for so many changes that it may not ask for one more. @param replayStart see `move` */
  hasTooManyQueued({ transfer }: Recipient, replayStart: WantedStart): boolean {
    return transfer.isFullFor(replayStart)
  }

  /**
   * Sends the lane the client's queued request, or the next request of its replay. A queued request waits until no
   * other is in flight and the client has all frames of its audience. Every request waits while the client is blocked:
   * the reply, maybe a snapshot of all symbols, would pin the ring.
   */
  sendNext(recipient: Recipient): void {
    const { cursor, transfer } = recipient
    if (recipient.isBlocked) return
    const { goodbye, inFlight, queued } = transfer
    if (inFlight !== undefined) {
      if (transfer.begun !== undefined) this.replays.goOn(recipient, inFlight.audience.lane)
    } else if (cursor.isBehind) return
    else if (queued !== undefined) this.begin(recipient)
    else if (goodbye !== undefined && cursor.audience !== undefined)
      this.begin(recipient, this.stay(cursor.audience, [goodbye]))
  }

  clientOf(client: number, request: number): Recipient | undefined {
    return this.inFlight.clientOf(client, request)
  }

  /**
   * Takes the request in flight back. The client first takes the bytes in its socket, and its audience's frames.
   */
  takeBack(recipient: Recipient): void {
    const { transfer } = recipient
    const { inFlight } = transfer
    if (inFlight === undefined) return
    this.replays.takenBack(recipient, inFlight.audience.lane)
    const audience = transfer.takenBack()
    if (transfer.inFlight === undefined) this.inFlight.remove(recipient)
    if (audience !== undefined) this.audiences.drop(audience)
  }

  /**
   * Asks the lane for what a client missed that was overrun, or that awaited a flush. The client goes on in its
   * audience. It has an audience, so it is in no replay, and after `takeBack` it has no request in flight.
   */
  recover(recipient: Recipient): void {
    const { audience } = recipient.cursor
    if (audience === undefined) return
    this.takeBack(recipient)
    this.begin(recipient, this.stay(audience))
  }

  /** The audience was sent a record. Clients that awaited this ask again: from here on they can be members. */
  recordSent(audience: Audience): void {
    const { awaitingFlush } = audience
    for (const recipient of awaitingFlush) {
      const { isBlocked, transfer } = recipient
      // A replay that waits for its turn must not hold up the ticks of now: the client asks for it again afterwards.
      if (transfer.isSent || (isBlocked && transfer.inFlight !== undefined)) continue
      awaitingFlush.delete(recipient)
      if (!isBlocked) this.recover(recipient)
      // The client asks when its socket has taken all. A queued change brings what the client missed, too.
      else if (transfer.queued === undefined) transfer.enqueue(this.stay(audience))
    }
  }

  /** The request of a client for the audience that it is in. Without a reply, for what it missed there. */
  private stay(audience: Audience, replies: readonly CommandReply[] = []): TransferRequest {
    this.audiences.holdAgain(audience)
    return { audience, replies, replyBytes: 0, sinceUs: 0, wasTakenBack: false, replayStart: null }
  }

  /** The client was given a part of the lane's reply. @param outcome where it is now; undefined: where it was */
  partGiven(recipient: Recipient, outcome: TransferOutcome | undefined, isLast: boolean): void {
    if (!isLast) recipient.transfer.partGiven(outcome)
    else if (outcome !== undefined) this.settle(recipient, outcome, true)
  }

  /**
   * The lane's thread has ended, and all that it published was read: settles each reply where its last part left the
   * client.
   */
  laneEnded(lane: number): void {
    for (const recipient of this.inFlight.sentTo(lane)) {
      const { outcome } = recipient.transfer
      if (outcome !== undefined) this.settle(recipient, outcome, false)
    }
  }

  /** The successor of a lane has none of the lane's commands: sends it the requests that have no whole reply. */
  sendAgain(lane: number): void {
    for (const recipient of this.inFlight.sentTo(lane)) this.inFlight.send(recipient)
  }

  /** Takes a client out of all audiences. Safe to call twice. */
  leave(recipient: Recipient): void {
    const { cursor, transfer } = recipient
    const { inFlight } = transfer
    this.replays.leave(recipient, inFlight?.audience.lane)
    this.inFlight.remove(recipient)
    const { audience } = cursor
    if (audience !== undefined) liveEnds(recipient, this.retainedOf(audience))
    cursor.leave()
    for (const held of [audience, ...transfer.end()]) if (held !== undefined) this.audiences.drop(held)
  }

  /** @param gotWholeReply false: the lane has died, and the snapshot that the client was given has no end */
  private settle(recipient: Recipient, outcome: TransferOutcome, gotWholeReply: boolean): void {
    if (outcome.type === 'more') {
      // With the first part the client leaves its audience, which the lane needs for the next parts.
      this.replays.movedTo(recipient, outcome.position, this.leaveAudience(recipient))
      // It asks for the next part when it has taken this one.
      this.sendNext(recipient)
    } else if (outcome.type === 'gone') {
      this.replays.gone(recipient)
      this.sendNext(recipient)
    } else this.letIn(recipient, outcome.progress, outcome.type === 'await-flush', gotWholeReply)
    recipient.cursor.checkInvariants()
  }

  /** The client belongs to the audience that it asked for. */
  private letIn(
    recipient: Recipient,
    progress: Progress,
    awaitsFlush: boolean,
    gotWholeReply: boolean,
  ): void {
    const { cursor, transfer } = recipient
    const { left: earlier, request } = transfer.settled()
    const { audience, replayStart, replies, sinceUs } = request
    this.inFlight.remove(recipient)
    this.replays.leave(recipient, audience.lane)
    // A replay's duration depends on its length, so it is not measured.
    if (sinceUs > 0 && replayStart === null)
      this.deps.replyLatency.observe(this.deps.clock.epochUs() - sinceUs, 1)
    const left = this.leaveAudience(recipient)
    const retained = this.retainedOf(audience)
    audience.joinedAt(progress, retained)
    if (awaitsFlush) cursor.awaitFlush(audience, progress)
    else {
      cursor.join(audience)
      liveBegins(recipient, retained)
    }
    for (const held of [left, earlier]) if (held !== undefined) this.audiences.drop(held)
    if (!gotWholeReply) this.requestSnapshot(recipient, audience)
    else if (goodbyeOf(replies) !== undefined) this.deps.goodbyeGiven(recipient)
    else this.sendNext(recipient)
  }

  /** Takes the client out of its audience, which stays held. @returns the audience, if there is one */
  private leaveAudience(recipient: Recipient): Audience | undefined {
    const { cursor } = recipient
    const { audience } = cursor
    if (audience !== undefined) liveEnds(recipient, this.retainedOf(audience))
    if (cursor.isOverrun) {
      const missed = audience!.progress.ticksTotal - cursor.progress!.ticksTotal
      if (missed > 0) {
        recipient.gaps++
        this.deps.overrun(recipient, missed)
      }
      countOverrun(this.deps.counters, missed)
    }
    cursor.leave()
    return audience
  }

  private retainedOf(audience: Audience): RetainedFrames {
    return this.deps.streams[audience.lane]!.retained
  }

  /**
   * Asks for the latest ticks of all that the client gets, in place of a snapshot without an end, before anything else: the
   * client takes the next snapshot for this one.
   */
  private requestSnapshot(recipient: Recipient, audience: Audience): void {
    const replaced = recipient.transfer.enqueueFirst(this.stay(audience, [{ type: 'snapshot' }]))
    if (replaced !== undefined) this.audiences.drop(replaced)
    this.sendNext(recipient)
  }

  /** @param audience held for the client */
  private request(
    recipient: Recipient,
    audience: Audience,
    reply: CommandReply,
    replyBytes: number,
    replayStart: WantedStart,
  ): void {
    const sinceUs = this.deps.clock.epochUs()
    const request = { audience, replies: [reply], replyBytes, sinceUs, wasTakenBack: false, replayStart }
    const replaced = recipient.transfer.enqueue(request)
    if (replaced !== undefined) this.audiences.drop(replaced)
    this.sendNext(recipient)
  }

  /** Makes a request the one in flight; without one the queued request. */
  private begin(recipient: Recipient, request?: TransferRequest): void {
    const { transfer } = recipient
    transfer.begin(request)
    this.inFlight.add(recipient)
    this.enter(recipient)
  }

  /** Sends the request in flight; that of a replay when its turn comes. */
  private enter(recipient: Recipient): void {
    if (this.replays.begin(recipient)) return
    if (!recipient.transfer.isAwaitingStart) this.inFlight.send(recipient)
  }
}
