/**
 * What one client asks its lane for, and how far the reply is. Main thread; nothing else writes this state. At most one
 * request is in flight. The requests that come meanwhile are merged into one queued request, which is sent afterwards.
 *
 *   state            by          next state
 *   none             begin       WAITING       the request was queued, or is for what the client missed
 *   WAITING          sent        SENT
 *   SENT             partGiven   BEGUN         the reply has several parts
 *   SENT, BEGUN      sent        SENT          the lane was replaced, and its successor is sent the request
 *   SENT, BEGUN      settled     none          the client has the last part
 *   SENT, BEGUN      replayedTo  WAITING       the client has a part of its replay
 *   WAITING, SENT    takenBack   none          the request is queued again, in front of the queued one
 *   any, in a replay takenBack   WAITING       the client asks again from where its replay is
 *   any              end         none
 */
import { invariant } from '../common/errors.js'
import {
  type CommandReply,
  type GoodbyeReply,
  type Progress,
  RESUME_GONE,
  type ReplayPosition,
} from '../lane-protocol/lane-commands.js'
import type { Audience } from './audience.js'

/** To join an audience, with the replies to the commands of the client that led there. */
export interface TransferRequest {
  readonly audience: Audience
  readonly replies: readonly CommandReply[]
  /** Upper bound of the bytes of the replies. */
  readonly replyBytes: number
  /** When the first of the commands came, µs; 0: there is no command. */
  readonly sinceUs: number
  /** Whether the lane has replied once, and the client could not take the reply. */
  readonly wasTakenBack: boolean
}

/** Where a reply leaves its client. */
export type TransferOutcome =
  | { readonly type: 'more'; readonly position: ReplayPosition }
  | { readonly type: 'live' | 'await-flush'; readonly progress: Progress }

/** The lane was not sent the request yet: other replays are before it, or the client has not taken the last part. */
const WAITING = 'waiting'
const SENT = 'sent'
/** The client was given a part of the reply. */
const BEGUN = 'begun'

interface InFlight {
  readonly request: TransferRequest
  readonly state: typeof WAITING | typeof SENT | typeof BEGUN
  /** Where the client is, should the lane die now; undefined: where it was before the request. */
  readonly outcome: TransferOutcome | undefined
}

export class Transfer {
  private inFlightState: InFlight | undefined
  private queuedRequest: TransferRequest | undefined
  private lastRequestId = 0
  private replayFrom: ReplayPosition | typeof RESUME_GONE | undefined
  /** Set when the client is to leave. It is asked for when nothing else is, so that no replay is merged with it. */
  goodbye: GoodbyeReply | undefined

  /**
   * For a client that was away, before it asks.
   *
   * @param replayFrom how far the client was; RESUME_GONE: the ticks after that are gone
   */
  resume(replayFrom: ReplayPosition | typeof RESUME_GONE): void {
    this.replayFrom = replayFrom
  }

  /** The request whose reply the client does not have to the end. */
  get inFlight(): TransferRequest | undefined {
    return this.inFlightState?.request
  }

  /** The request that is sent when the one in flight is settled. */
  get queued(): TransferRequest | undefined {
    return this.queuedRequest
  }

  /** Id of the last request that was sent. A reply to an earlier request is for nobody. */
  get requestId(): number {
    return this.lastRequestId
  }

  /** How far the replay of a client is that resumes; from the connection until it has joined. */
  get replay(): ReplayPosition | typeof RESUME_GONE | undefined {
    return this.replayFrom
  }

  get isReplaying(): boolean {
    return this.replayFrom !== undefined && this.replayFrom !== RESUME_GONE
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
    return (this.inFlight?.replyBytes ?? 0) + (this.queuedRequest?.replyBytes ?? 0)
  }

  /**
   * Queues a request, merged behind the queued one.
   *
   * @returns the audience that the client will now not join: drop its hold
   */
  queue(request: TransferRequest): Audience | undefined {
    const before = this.queuedRequest
    this.queuedRequest = before === undefined ? request : merged(before, request)
    return before?.audience
  }

  /** Makes a request the one in flight; without an argument the queued one. */
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
   * The client cannot take the reply: merges the request in flight in front of the queued one. No change may merge into
   * a replay: its request waits to be sent again.
   *
   * @returns the audience that the client will now not join: drop its hold
   */
  takenBack(): Audience | undefined {
    const { request, state } = this.current
    const { queuedRequest } = this
    const again: TransferRequest = { ...request, wasTakenBack: true }
    if (this.isReplaying) {
      this.inFlightState = { request: again, state: WAITING, outcome: undefined }
      return undefined
    }
    // The client would get the first part twice. Between two parts nothing else is for the client, so it takes them
    // all.
    invariant(state !== BEGUN, `the reply to request ${this.lastRequestId} has begun, and is taken back`)
    this.inFlightState = undefined
    this.queuedRequest = queuedRequest === undefined ? again : merged(again, queuedRequest)
    return queuedRequest === undefined ? undefined : request.audience
  }

  /** The client was given a part of the reply. @param outcome undefined: as before */
  partGiven(outcome: TransferOutcome | undefined): void {
    const { current } = this
    this.inFlightState = { ...current, state: BEGUN, outcome: outcome ?? current.outcome }
  }

  /** The client was given a part of its replay, and is to ask for the next one. */
  replayedTo(position: ReplayPosition): void {
    const request: TransferRequest = { ...this.current.request, replies: [], replyBytes: 0 }
    this.inFlightState = { request, state: WAITING, outcome: undefined }
    this.replayFrom = position
  }

  /** The client has the whole reply, or as much as it gets. @returns the request */
  settled(): TransferRequest {
    const { request } = this.current
    this.inFlightState = undefined
    this.replayFrom = undefined
    return request
  }

  /** The client asks for nothing any more. @returns the audiences that it will now not join: drop their holds */
  end(): Audience[] {
    const ended = [this.inFlight, this.queuedRequest].flatMap(request => request?.audience ?? [])
    this.inFlightState = undefined
    this.queuedRequest = undefined
    this.replayFrom = undefined
    this.goodbye = undefined
    return ended
  }

  private get current(): InFlight {
    invariant(this.inFlightState !== undefined, `no request is in flight after request ${this.lastRequestId}`)
    return this.inFlightState
  }

  private takeQueued(): TransferRequest {
    const { queuedRequest: next } = this
    invariant(next !== undefined, `no request is queued after request ${this.lastRequestId}`)
    this.queuedRequest = undefined
    return next
  }
}

/** The copies are bounded: a client waits for no more bytes of replies than a turn holds. */
function merged(first: TransferRequest, second: TransferRequest): TransferRequest {
  return {
    audience: second.audience,
    replies: [...first.replies, ...second.replies],
    replyBytes: first.replyBytes + second.replyBytes,
    sinceUs: first.sinceUs || second.sinceUs,
    wasTakenBack: first.wasTakenBack || second.wasTakenBack,
  }
}
