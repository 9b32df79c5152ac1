/**
 * Lets clients join audiences, and takes them through their transfers: docs/decisions/0045-one-transfer.md. Main
 * thread. A client stays on the lane of its first audience. So a change from one audience to another has one place in
 * one lane's stream, at which no tick is missing and none doubled.
 * Holds of audiences are counted: each `hold`, `holdChanged` and `holdAgain` needs one `drop`.
 */
import type { Clock } from '../common/clock.js'
import { invariant } from '../common/errors.js'
import { type AudienceSpec, type EntryChange, entriesOf } from '../lane-protocol/audience-spec.js'
import {
  type CommandReply,
  type GoodbyeReply,
  goodbyeOf,
  type LaneCommand,
  type Progress,
  type ReplayPosition,
} from '../lane-protocol/lane-commands.js'
import type { CounterWriter } from '../memory/counters.js'
import type { Histogram } from '../metrics/histogram.js'
import type { Audience } from './audience.js'
import { AudienceEntries } from './audience-entries.js'
import { Audiences } from './audiences.js'
import type { LaneStream } from './lane-stream.js'
import { countOverrun } from './overrun-counts.js'
import type { Recipient } from './recipient.js'
import { ReplayQueue } from './replay-queue.js'
import type { TransferOutcome, TransferRequest } from './transfer.js'

export interface MembershipDeps {
  readonly streams: readonly LaneStream[]
  /** Chooses the lane of a client. */
  readonly place: (streams: readonly LaneStream[], hasAudience: (stream: LaneStream) => boolean) => LaneStream
  readonly send: (lane: number, command: LaneCommand) => void
  readonly clock: Pick<Clock, 'epochUs'>
  readonly counters: CounterWriter
  /** From the arrival of a command to its reply. */
  readonly replyLatency: Histogram
  /** The client has been given its `goodbye`, behind everything that came before: close it now. */
  readonly goodbyeGiven: (recipient: Recipient) => void
}

export class Membership {
  private readonly deps: MembershipDeps
  private readonly audiences: Audiences
  private readonly replays: ReplayQueue
  /** Clients with a request in flight, by id. */
  private readonly clientsAsking = new Map<number, Recipient>()

  constructor(deps: MembershipDeps) {
    this.deps = deps
    this.audiences = new Audiences(deps.streams, deps.send)
    this.replays = new ReplayQueue(deps.streams.length, recipient => this.send(recipient))
  }

  get audienceCount(): number {
    return this.audiences.count
  }

  /** Puts a client that is in no audience into the one for `spec`. */
  join(recipient: Recipient, spec: AudienceSpec, reply: CommandReply, replyBytes: number): void {
    const { place, streams } = this.deps
    const entries = AudienceEntries.of(entriesOf(spec))
    const { index } = place(streams, stream => this.audiences.has(entries, spec, stream.index))
    this.request(recipient, this.audiences.hold(spec, entries, index), reply, replyBytes)
  }

  /** Lets a client change its entries. The changes that it asks for while one is in flight are done together. */
  move(recipient: Recipient, change: EntryChange, reply: CommandReply, replyBytes: number): void {
    const { cursor, transfer } = recipient
    const base = (transfer.queued ?? transfer.inFlight ?? cursor).audience
    if (base === undefined) return
    this.request(recipient, this.audiences.holdChanged(base, change), reply, replyBytes)
  }

  /**
   * Lets a client leave: it gets everything up to one place of the stream, and a `goodbye` that names the place. A client
   * that is behind or resumes takes what it has missed first. Only the first call has an effect.
   */
  sayGoodbye(recipient: Recipient, goodbye: GoodbyeReply): void {
    if (recipient.transfer.goodbye !== undefined) return
    recipient.transfer.goodbye = goodbye
    this.sendNext(recipient)
  }

  /** Index of the client's lane; undefined: it is in no audience. */
  laneOf({ cursor, transfer }: Recipient): number | undefined {
    return (transfer.inFlight ?? cursor).audience?.lane
  }

  /** Upper bound of the bytes of the replies that the client waits for. */
  waitingBytes({ transfer }: Recipient): number {
    return transfer.waitingReplyBytes
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
      if (transfer.isReplaying) this.replays.enter(recipient, inFlight.audience.lane)
    } else if (cursor.isBehind) return
    else if (queued !== undefined) this.begin(recipient)
    else if (goodbye !== undefined && cursor.audience !== undefined)
      this.begin(recipient, this.stay(cursor.audience, [goodbye]))
  }

  /**
   * The client whose request the lane replies to; undefined: it has left or asked again, or a successor repeats a
   * reply.
   */
  clientOf(client: number, request: number): Recipient | undefined {
    const recipient = this.clientsAsking.get(client)
    return recipient?.transfer.isSent && recipient.transfer.requestId === request ? recipient : undefined
  }

  /**
   * Takes the request in flight back. The client first takes the bytes that its socket holds, and the rest of its
   * audience's frames.
   */
  takeBack(recipient: Recipient): void {
    const { id, transfer } = recipient
    const { inFlight } = transfer
    if (inFlight === undefined) return
    this.replays.leave(recipient, inFlight.audience.lane)
    const audience = transfer.takenBack()
    if (transfer.inFlight === undefined) this.clientsAsking.delete(id)
    if (audience !== undefined) this.audiences.drop(audience)
  }

  /**
   * Asks the lane for what a client missed that was overrun, or that awaited a flush. The client goes on in the
   * audience that it is in. It is not replaying, because a client in a replay is in no audience: after `takeBack` it
   * has no request in flight.
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
      if (transfer.inFlight !== undefined) continue
      awaitingFlush.delete(recipient)
      if (!isBlocked) this.recover(recipient)
      // The client asks when its socket has taken all. A queued change brings what the client missed, too.
      else if (transfer.queued === undefined) transfer.queue(this.stay(audience))
    }
  }

  /** The request of a client for the audience that it is in. Without a reply, for what it missed there. */
  private stay(audience: Audience, replies: readonly CommandReply[] = []): TransferRequest {
    this.audiences.holdAgain(audience)
    return { audience, replies, replyBytes: 0, sinceUs: 0, wasTakenBack: false }
  }

  /**
   * The client was given a part of the lane's reply.
   *
   * @param outcome where the part leaves the client; undefined: where it was
   */
  partGiven(recipient: Recipient, outcome: TransferOutcome | undefined, isLast: boolean): void {
    if (!isLast) recipient.transfer.partGiven(outcome)
    else if (outcome !== undefined) this.settle(recipient, outcome, true)
  }

  /**
   * The lane's thread has ended, and all that it published was read: settles each reply where its last part left the
   * client.
   */
  laneEnded(lane: number): void {
    for (const recipient of this.clientsAskingOn(lane)) {
      const { outcome } = recipient.transfer
      if (outcome !== undefined) this.settle(recipient, outcome, false)
    }
  }

  /**
   * The successor of a lane has none of the lane's commands: sends it the requests that the lane has not replied to to
   * the end.
   */
  sendAgain(lane: number): void {
    for (const recipient of this.clientsAskingOn(lane)) this.send(recipient)
  }

  /** Takes a client out of all audiences. Safe to call twice. */
  leave(recipient: Recipient): void {
    const { cursor, id, transfer } = recipient
    const { inFlight } = transfer
    if (inFlight !== undefined) this.replays.leave(recipient, inFlight.audience.lane)
    this.clientsAsking.delete(id)
    const { audience } = cursor
    cursor.leave()
    for (const held of [audience, ...transfer.end()]) if (held !== undefined) this.audiences.drop(held)
  }

  /** The clients whose requests the lane was sent and has not replied to to the end. */
  private clientsAskingOn(lane: number): Recipient[] {
    return [...this.clientsAsking.values()].filter(
      ({ transfer }) => transfer.isSent && transfer.inFlight?.audience.lane === lane,
    )
  }

  /** @param gotWholeReply false: the lane has died, and the snapshot that the client was given has no end */
  private settle(recipient: Recipient, outcome: TransferOutcome, gotWholeReply: boolean): void {
    if (outcome.type === 'more') this.replayTo(recipient, outcome.position)
    else this.letIn(recipient, outcome.progress, outcome.type === 'await-flush', gotWholeReply)
    recipient.cursor.checkInvariants()
  }

  /** The client has a part of its replay. It asks for the next part when it has taken this one. */
  private replayTo(recipient: Recipient, position: ReplayPosition): void {
    const { transfer } = recipient
    const { lane } = transfer.inFlight!.audience
    transfer.replayedTo(position)
    this.replays.leave(recipient, lane)
    this.sendNext(recipient)
  }

  /** The client belongs to the audience that it asked for. */
  private letIn(
    recipient: Recipient,
    progress: Progress,
    awaitsFlush: boolean,
    gotWholeReply: boolean,
  ): void {
    const { cursor, id, transfer } = recipient
    const { replay } = transfer
    const { audience, replies, sinceUs } = transfer.settled()
    this.clientsAsking.delete(id)
    this.replays.leave(recipient, audience.lane)
    // A replay's duration depends on its length, so it is not measured.
    if (sinceUs > 0 && replay === undefined)
      this.deps.replyLatency.observe(this.deps.clock.epochUs() - sinceUs, 1)
    if (cursor.isOverrun)
      countOverrun(this.deps.counters, cursor.audience!.progress.ticksTotal - cursor.progress!.ticksTotal)
    const { audience: left } = cursor
    audience.joinedAt(progress, this.deps.streams[audience.lane]!.retained)
    if (awaitsFlush) cursor.awaitFlush(audience, progress)
    else cursor.join(audience)
    if (left !== undefined) this.audiences.drop(left)
    if (!gotWholeReply) this.requestSnapshot(recipient, audience)
    else if (goodbyeOf(replies) !== undefined) this.deps.goodbyeGiven(recipient)
    else this.sendNext(recipient)
  }

  /** Asks for the latest ticks of all that the client gets, in place of a snapshot without an end. */
  private requestSnapshot(recipient: Recipient, audience: Audience): void {
    const joined = recipient.transfer.queued?.audience ?? audience
    this.request(recipient, this.audiences.holdAgain(joined), { type: 'snapshot' }, 0)
  }

  /** @param audience held for the client */
  private request(recipient: Recipient, audience: Audience, reply: CommandReply, replyBytes: number): void {
    // The gateway asks, not a client: no latency is measured.
    const sinceUs = reply.type === 'snapshot' ? 0 : this.deps.clock.epochUs()
    const request = { audience, replies: [reply], replyBytes, sinceUs, wasTakenBack: false }
    const replaced = recipient.transfer.queue(request)
    if (replaced !== undefined) this.audiences.drop(replaced)
    this.sendNext(recipient)
  }

  /** Makes a request the one in flight; without one the queued request. */
  private begin(recipient: Recipient, request?: TransferRequest): void {
    const { transfer } = recipient
    transfer.begin(request)
    this.clientsAsking.set(recipient.id, recipient)
    if (transfer.isReplaying) this.replays.enter(recipient, transfer.inFlight!.audience.lane)
    else this.send(recipient)
  }

  private send(recipient: Recipient): void {
    const { cursor, id, name, transfer } = recipient
    const request = transfer.inFlight
    invariant(request !== undefined, `client ${id} asks for nothing`)
    const { replies, audience } = request
    this.deps.send(audience.lane, {
      op: 'join',
      audience: audience.id,
      leaving: cursor.audience?.id ?? 0,
      client: id,
      name,
      request: transfer.sent(),
      fellBehindAt: cursor.fellBehindAt ?? null,
      replay: transfer.replay ?? null,
      replies,
    })
  }
}
