/**
 * One connected client. Main thread.
 * Its state only moves on: open, ending, gone. Only `ClientRegistry` moves it. The first reason of an end counts.
 */

import type { GuardedWebSocket } from '../common/guarded-web-socket.js'
import type { Recipient } from '../fanout/recipient.js'
import type { StreamForm } from '../lane-protocol/audience-spec.js'
import type { MainMetric } from '../metrics/metric-table.js'
import type { Delivery } from '../protocol/delivery.js'
import { type ControlMessage, type GoodbyeReason, messageText } from '../protocol/messages.js'
import type { ClientAccess } from './access/client-access.js'
import type { LifeSigns } from './life-signs.js'
import type { Subscriptions } from './subscriptions.js'

/** The counter of a client's end. */
export type EndReason = Extract<MainMetric, `disconnect${string}`>

export type ClientState = 'open' | 'ending' | 'gone'

/** Replies that a client may leave unread before it is closed. */
const UNREAD_REPLIES_MAX = 64
/** Replies are short and for one client. To compress them, each client would need a compressor of its own. */
const PLAIN = { compress: false }

export interface ClientDeps {
  readonly socket: GuardedWebSocket
  readonly recipient: Recipient
  readonly subscriptions: Subscriptions
  /** How messages with ticks are made for this client. */
  readonly form: StreamForm
  /** Holds where a command says nothing about delivery. */
  readonly delivery: Delivery
  readonly signs: LifeSigns
  /** That of the connection, for the budget that clients of one address share. */
  readonly address: string | undefined
  /** undefined: nobody was asked who the client is. */
  readonly access?: ClientAccess | undefined
  /** By the clock of the process. */
  readonly connectedMs: number
}

export class Client {
  readonly socket: GuardedWebSocket
  readonly recipient: Recipient
  readonly subscriptions: Subscriptions
  readonly form: StreamForm
  /** Changes when the access of the client is renewed. */
  delivery: Delivery
  readonly signs: LifeSigns
  readonly address: string | undefined
  readonly access: ClientAccess | undefined
  /** In whole ms. */
  private readonly connectedMs: number
  /** Why the client is to leave. Its end begins when it has been given its `goodbye`. */
  goodbye: GoodbyeReason | undefined
  /** When the log last told that it does not keep up. */
  slowToldMs = Number.NEGATIVE_INFINITY
  private _state: ClientState = 'open'
  private _endReason: EndReason = 'disconnectClient'
  private unsentReplies = 0
  /** Made with the first reply: most clients get none. */
  private replySent: (() => void) | undefined

  constructor({
    socket,
    recipient,
    subscriptions,
    form,
    delivery,
    signs,
    address,
    access,
    connectedMs,
  }: ClientDeps) {
    this.socket = socket
    this.recipient = recipient
    this.subscriptions = subscriptions
    this.form = form
    this.delivery = delivery
    this.signs = signs
    this.address = address
    this.access = access
    this.connectedMs = Math.round(connectedMs)
  }

  /** Whom the client has proved to be; null: nobody asks. */
  get user(): string | null {
    return this.access?.identity.user ?? null
  }

  get state(): ClientState {
    return this._state
  }

  /** Why the client ended. Without another reason, the client or the network ended it. */
  get endReason(): EndReason {
    return this._endReason
  }

  ageMs(nowMs: number): number {
    return Math.max(0, Math.round(nowMs - this.connectedMs))
  }

  /** The end begins. It changes nothing when the end has begun already. */
  beginEnd(reason: EndReason): void {
    if (this._state !== 'open') return
    this._state = 'ending'
    this._endReason = reason
  }

  /** The connection is gone. @returns false when it was gone already */
  finishEnd(): boolean {
    const wasGone = this._state === 'gone'
    this._state = 'gone'
    return !wasGone
  }

  /** Whether the client reads its replies. */
  get readsReplies(): boolean {
    // After the kernel has taken a reply, Node says so only when it has handled all messages of the same read.
    return this.recipient.socket.writableLength === 0 || this.unsentReplies < UNREAD_REPLIES_MAX
  }

  /** @returns the length of the reply, in characters */
  reply(message: ControlMessage): number {
    const text = messageText(message)
    this.socket.send(text, PLAIN, this.countReply())
    return text.length
  }

  pong(data: Buffer): void {
    this.socket.pong(data, false, this.countReply())
  }

  /** @returns what is called when the kernel has taken the reply */
  private countReply(): () => void {
    this.unsentReplies++
    this.replySent ??= () => {
      this.unsentReplies--
    }
    return this.replySent
  }
}
