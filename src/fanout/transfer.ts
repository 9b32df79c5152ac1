/**
 * What one client asks its lane for, and how far the reply is. Main thread; nothing else writes this state. At most one
 * request is in flight. The requests that come meanwhile are queued, and merged where they can be done at one place.
 *
 *   state            by          next state
 *   none             begin       WAITING       the request was queued, or is for what the client missed
 *   WAITING          sent        SENT
 *   SENT             partGiven   BEGUN         the reply has several parts
 *   SENT, BEGUN      sent        SENT          the lane was replaced, and its successor is sent the request
 *   SENT, BEGUN      settled     none          the client has the last part
 *   SENT, BEGUN      replayedTo  WAITING       the client has a part of its replay, and is in no audience
 *   WAITING, SENT    takenBack   none          the request is queued again, in front of the others
 *   any, in a replay takenBack   WAITING       the client asks again from where its replay is
 *   SENT, BEGUN      gone         WAITING       what follows has left the tick log: the source is asked for it
 *   any              end         none
 */
import { invariant } from '../common/errors.js'
import type { PastPart, PastPlace } from '../lane-protocol/history-messages.js'
import {
  type GoodbyeReply,
  type NamedPlace,
  NOT_IN_LOG,
  RESUME_GONE,
  type ReplayPosition,
  type ReplayProgress,
  type ReplayStart,
} from '../lane-protocol/lane-commands.js'
import type { Audience } from './audience.js'
import { BegunReplay, type LeftAudience } from './begun-replay.js'
import {
  merged,
  pastOf,
  type SettledTransfer,
  type TransferOutcome,
  type TransferRequest,
} from './transfer-request.js'
import { isAwaited, isSameStart, isSought, type SoughtStart, type WantedStart } from './wanted-start.js'

/** The lane was not sent the request yet: other replays are before it, or the client has not taken the last part. */
const WAITING = 'waiting'
const SENT = 'sent'
/** The client was given a part of the reply. */
const BEGUN = 'begun'

/**
 * Changes of one client that wait and cannot be done at one place. Each holds an audience, and the lane works for that.
 */
const QUEUED_MAX = 4

interface InFlight {
  readonly request: TransferRequest
  readonly state: typeof WAITING | typeof SENT | typeof BEGUN
  /** Where the client is, should the lane die now; undefined: where it was before the request. */
  readonly outcome: TransferOutcome | undefined
}

export class Transfer {
  private inFlightState: InFlight | undefined
  private queue: TransferRequest[] = []
  private lastRequestId = 0
  /** Set while the client is in a replay. */
  private begunReplay: BegunReplay | undefined
  /** Whether the source was asked for what follows in vain. */
  private hasNoPast = false
  /** Set when the client is to leave. It is asked for when nothing else is, so that no replay is merged with it. */
  goodbye: GoodbyeReply | undefined

  /** The request whose reply the client does not have to the end. */
  get inFlight(): TransferRequest | undefined {
    return this.inFlightState?.request
  }

  /** The request that is sent when the one in flight is settled. */
  get queued(): TransferRequest | undefined {
    return this.queue[0]
  }

  /** The request that a further change follows. */
  get last(): TransferRequest | undefined {
    return this.queue.at(-1) ?? this.inFlight
  }

  /** Id of the last request that was sent. A reply to an earlier request is for nobody. */
  get requestId(): number {
    return this.lastRequestId
  }

  /** What the lane is to be sent about the replay of the request in flight; null: there is none. */
  get replay(): ReplayStart | ReplayProgress | null {
    const { begunReplay } = this
    const start = this.inFlight?.replayStart ?? null
    if (begunReplay === undefined) return isAwaited(start) || isSought(start) ? null : start
    return begunReplay.progress
  }

  /** Whether the request in flight is for ticks of the past, of which a lane reads few at a time. */
  get needsReplay(): boolean {
    const { replay } = this
    return replay !== null && replay !== RESUME_GONE
  }

  /** Whether nobody knows yet where the replay of the request in flight begins. */
  get isAwaitingStart(): boolean {
    return isAwaited(this.inFlight?.replayStart ?? null)
  }

  /** What the source is to be asked for, before the replay of the request in flight can begin; undefined: nothing. */
  get sought(): SoughtStart | undefined {
    const start = this.inFlight?.replayStart ?? null
    return this.begunReplay === undefined && isSought(start) ? start : undefined
  }

  /** The replay of which the client was given a part. */
  get begun(): BegunReplay | undefined {
    return this.begunReplay
  }

  /** Whether the source may be asked for what has left the tick log. */
  get mayAskSource(): boolean {
    return !this.hasNoPast
  }

  /** It is known where the replay of the request in flight begins. */
  startFound(replayStart: WantedStart): void {
    const { current } = this
    this.inFlightState = { ...current, request: { ...current.request, replayStart } }
  }

  /** Whether the client was given a part of its replay, and so is in no audience. */
  get isReplaying(): boolean {
    return this.begunReplay !== undefined
  }

  /** Whether the client is in a replay that it has asked for by a command. */
  get isReplayOfChange(): boolean {
    return this.begunReplay?.left !== undefined
  }

  /** Whether the lane works for the client, or has replied in part. */
  get isSent(): boolean {
    return this.inFlightState !== undefined && this.inFlightState.state !== WAITING
  }

  /** Whether the client was given a part of the reply. */
  get isBegun(): boolean {
    return this.inFlightState?.state === BEGUN
  }

  /** Where the client is, should the lane die now; undefined: where it was before the request. */
  get outcome(): TransferOutcome | undefined {
    return this.inFlightState?.outcome
  }

  /** Upper bound of the bytes of the replies that the client waits for. */
  get waitingReplyBytes(): number {
    return this.queue.reduce((sum, { replyBytes }) => sum + replyBytes, this.inFlight?.replyBytes ?? 0)
  }

  /** Whether a change with this replay would have to be queued, and is one too many. */
  isFullFor(replayStart: WantedStart): boolean {
    const last = this.queue.at(-1)
    return this.queue.length >= QUEUED_MAX && !isSameStart(last!.replayStart, replayStart)
  }

  /**
   * Queues a request, merged behind the last one where both can be done at one place.
   *
   * @returns the audience that the client will now not join: drop its hold
   */
  enqueue(request: TransferRequest): Audience | undefined {
    const { queue } = this
    const before = queue.at(-1)
    if (before === undefined || !isSameStart(before.replayStart, request.replayStart)) {
      queue.push(request)
      return undefined
    }
    queue[queue.length - 1] = merged(before, request)
    return before.audience
  }

  /**
   * Puts a request in front of the queued ones, merged with the first of them where both can be done at one place.
   *
   * @returns the audience that the client will now not join: drop its hold
   */
  enqueueFirst(request: TransferRequest): Audience | undefined {
    const { queue } = this
    const [next] = queue
    if (next === undefined || !isSameStart(request.replayStart, next.replayStart)) {
      queue.unshift(request)
      return undefined
    }
    queue[0] = merged(request, next)
    return request.audience
  }

  /** Makes a request the one in flight; without an argument the first of the queued ones. */
  begin(request = this.takeQueued()): void {
    invariant(this.inFlightState === undefined, `request ${this.lastRequestId} is in flight`)
    this.inFlightState = { request, state: WAITING, outcome: undefined }
  }

  /** The lane is sent the request in flight. @returns the request's id */
  sent(): number {
    this.inFlightState = { ...this.current, state: SENT }
    return ++this.lastRequestId
  }

  /**
   * The client cannot take the reply: puts the request in flight in front of the queued ones. In a replay the request
   * waits to be sent again.
   *
   * @returns the audience that the client will now not join: drop its hold
   */
  takenBack(): Audience | undefined {
    const { request, state } = this.current
    const again: TransferRequest = { ...request, wasTakenBack: true }
    if (this.isReplaying) {
      this.inFlightState = { request: again, state: WAITING, outcome: undefined }
      return undefined
    }
    // The client would get the first part twice. Between two parts nothing else is for the client, so it takes them
    // all.
    invariant(state !== BEGUN, `the reply to request ${this.lastRequestId} has begun, and is taken back`)
    this.inFlightState = undefined
    return this.enqueueFirst(again)
  }

  /** The client was given a part of the reply. @param outcome undefined: as before */
  partGiven(outcome: TransferOutcome | undefined): void {
    const { current } = this
    this.inFlightState = { ...current, state: BEGUN, outcome: outcome ?? current.outcome }
  }

  /**
   * The client was given a part of its replay, and is to ask for the next one.
   *
   * @param left what it has left with this part, held until the transfer is settled or ends
   * @returns the number of ticks that the lane has read for this part
   */
  replayedTo(position: ReplayPosition, left: LeftAudience | undefined): number {
    const { begunReplay } = this
    const { replayStart } = this.current.request
    const hasPlace = typeof replayStart === 'object' && replayStart !== null && 'after' in replayStart
    const from = begunReplay?.position.serial ?? (hasPlace ? replayStart.after.serial : position.serial)
    const request: TransferRequest = { ...this.current.request, replies: [], replyBytes: 0 }
    this.inFlightState = { request, state: WAITING, outcome: undefined }
    const past = position.serial === NOT_IN_LOG ? pastOf(replayStart) : undefined
    if (begunReplay === undefined) this.begunReplay = new BegunReplay(position, left, past)
    else begunReplay.movedTo(position)
    return past === undefined ? position.serial - from : 0
  }

  /** What follows has left the tick log. @param place of the client */
  gone(place: PastPlace): void {
    const { request } = this.current
    this.inFlightState = { request, state: WAITING, outcome: undefined }
    this.begunReplay!.gone(place)
  }

  /** The source has given the client a part of its replay. */
  pastGiven(part: PastPart): void {
    this.begunReplay!.pastGiven(part)
  }

  /** The tick log has what follows. */
  backInLog(place: NamedPlace): void {
    this.begunReplay!.backInLog(place)
  }

  /** The source does not have what follows: the lane ends the replay with a gap. @param epoch see BegunReplay.pastLost */
  pastLost(epoch: number | undefined): void {
    this.hasNoPast = true
    this.begunReplay?.pastLost(epoch)
  }

  /** The client has the whole reply, or as much as it gets. */
  settled(): SettledTransfer {
    const { request } = this.current
    const left = this.begunReplay?.left?.audience
    this.inFlightState = undefined
    this.begunReplay = undefined
    this.hasNoPast = false
    return { request, left }
  }

  /** The client asks for nothing any more. @returns the audiences that were held for that: drop their holds */
  end(): Audience[] {
    const { begunReplay, inFlight, queue } = this
    const ended = [inFlight, ...queue].flatMap(request => request?.audience ?? [])
    if (begunReplay?.left !== undefined) ended.push(begunReplay.left.audience)
    this.inFlightState = undefined
    this.queue = []
    this.begunReplay = undefined
    this.goodbye = undefined
    return ended
  }

  private get current(): InFlight {
    invariant(this.inFlightState !== undefined, `no request is in flight after request ${this.lastRequestId}`)
    return this.inFlightState
  }

  private takeQueued(): TransferRequest {
    const next = this.queue.shift()
    invariant(next !== undefined, `no request is queued after request ${this.lastRequestId}`)
    return next
  }
}
