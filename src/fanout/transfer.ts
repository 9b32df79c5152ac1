/**
 * What one client asks its lane for, and how far the reply is. Main thread; nothing else writes this state. At most one
 * request is in flight. What the client asks for meanwhile is one queued request: it is merged, and sent after the
 * reply.
 *
 *            begin             sent          partGiven
 *   queued ────────► WAITING ────────► SENT ────────────► BEGUN ──── settled ────► no request in flight
 *     ▲                 ▲                │                  │
 *     └──── voided ─────│────────────────┤                  │
 *                       └────────────────┴──────────────────┘
 *                        replayedTo, and voided during a replay: the client asks again, from where its replay is
 */
import { invariant } from '../common/errors.js'
import {
  type CommandAnswer,
  type Progress,
  RESUME_GONE,
  type ReplayPosition,
} from '../lane-protocol/lane-commands.js'
import type { Audience } from './audience.js'

/** To join an audience, with the replies to the commands of the client that led there. */
export interface TransferRequest {
  readonly audience: Audience
  readonly answers: readonly CommandAnswer[]
  /** Bytes of the replies, at most. */
  readonly answerBytes: number
  /** When the first of the commands came, µs; 0: there is no command. */
  readonly sinceUs: number
  /** Whether the lane has replied once, and the client could not take the reply. */
  readonly wasDeferred: boolean
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
  /** Where the client is, should the lane die now; undefined: where the request says. */
  readonly outcome: TransferOutcome | undefined
}

export class Transfer {
  private flight: InFlight | undefined
  private next: TransferRequest | undefined
  private id = 0
  private from: ReplayPosition | typeof RESUME_GONE | undefined

  /**
   * For a client that was away, before it asks.
   *
   * @param from how far it was; RESUME_GONE: nobody has the ticks after that
   */
  resume(from: ReplayPosition | typeof RESUME_GONE): void {
    this.from = from
  }

  /** The request that the lane has not replied to, to the end. */
  get inFlight(): TransferRequest | undefined {
    return this.flight?.request
  }

  /** The request that is sent when the one in flight is settled. */
  get queued(): TransferRequest | undefined {
    return this.next
  }

  /** Id of the last request that was sent. A reply to an earlier request is for nobody. */
  get requestId(): number {
    return this.id
  }

  /** How far the replay of a client is that resumes; from the connection until it has joined. */
  get replay(): ReplayPosition | typeof RESUME_GONE | undefined {
    return this.from
  }

  get isReplaying(): boolean {
    return this.from !== undefined && this.from !== RESUME_GONE
  }

  /** Whether the lane works for the client, or has replied in part. */
  get isSent(): boolean {
    return this.flight !== undefined && this.flight.state !== WAITING
  }

  /** Whether the client was given a part of the reply. */
  get isBegun(): boolean {
    return this.flight?.state === BEGUN
  }

  /** Where the client is, should the lane die now; undefined: where the request in flight says. */
  get outcome(): TransferOutcome | undefined {
    return this.flight?.outcome
  }

  /** Bytes of the replies that the client waits for, at most. */
  get answerBytes(): number {
    return (this.inFlight?.answerBytes ?? 0) + (this.next?.answerBytes ?? 0)
  }

  /** Queues a request, merged behind the queued one. @returns the audience that is not joined for that */
  queue(request: TransferRequest): Audience | undefined {
    const before = this.next
    this.next = before === undefined ? request : merged(before, request)
    return before?.audience
  }

  /** Makes a request the one in flight; without an argument the queued one. */
  begin(request = this.takeQueued()): void {
    invariant(this.flight === undefined, `request ${this.id} is in flight`)
    this.flight = { request, state: WAITING, outcome: undefined }
  }

  /** The lane is sent the request in flight. @returns the request's id */
  sent(): number {
    this.flight = { ...this.current, state: SENT }
    return ++this.id
  }

  /**
   * The reply to the request in flight is for nobody: merges the request in front of the queued one. No change may
   * merge into a replay: its request waits to be sent again.
   *
   * @returns the audience that is not joined for that
   */
  voided(): Audience | undefined {
    const { request } = this.current
    const { next } = this
    const again = { ...request, wasDeferred: true }
    if (this.isReplaying) {
      this.flight = { request: again, state: WAITING, outcome: undefined }
      return undefined
    }
    this.flight = undefined
    this.next = next === undefined ? again : merged(again, next)
    return next === undefined ? undefined : request.audience
  }

  /** The client was given a part of the reply. @param outcome undefined: as before */
  partGiven(outcome: TransferOutcome | undefined): void {
    const { current } = this
    this.flight = { ...current, state: BEGUN, outcome: outcome ?? current.outcome }
  }

  /** The client was given a part of its replay, and is to ask for the next one. */
  replayedTo(position: ReplayPosition): void {
    const request = { ...this.current.request, answers: [], answerBytes: 0 }
    this.flight = { request, state: WAITING, outcome: undefined }
    this.from = position
  }

  /** The client has the whole reply, or as much as it gets. @returns the request */
  settled(): TransferRequest {
    const { request } = this.current
    this.flight = undefined
    this.from = undefined
    return request
  }

  /** The client asks for nothing any more. @returns the audiences that are not joined for that */
  end(): Audience[] {
    const ended = [this.inFlight, this.next].flatMap(request => request?.audience ?? [])
    this.flight = undefined
    this.next = undefined
    this.from = undefined
    return ended
  }

  private get current(): InFlight {
    invariant(this.flight !== undefined, `no request is in flight after request ${this.id}`)
    return this.flight
  }

  private takeQueued(): TransferRequest {
    const { next } = this
    invariant(next !== undefined, `no request is queued after request ${this.id}`)
    this.next = undefined
    return next
  }
}

function merged(first: TransferRequest, second: TransferRequest): TransferRequest {
  return {
    audience: second.audience,
    answers: [...first.answers, ...second.answers],
    answerBytes: first.answerBytes + second.answerBytes,
    sinceUs: first.sinceUs || second.sinceUs,
    wasDeferred: first.wasDeferred || second.wasDeferred,
  }
}
