/**
 * One connected client: its WebSocket, its place in the fan-out and when it was last heard of. Main thread.
 */
import type { WebSocket } from 'ws'
import type { Recipient } from '../fanout/recipient.js'
import type { StreamForm } from '../lane-protocol/audience-spec.js'
import type { MainMetric } from '../metrics/metric-table.js'
import type { Delivery } from '../protocol/delivery.js'
import type { MessageQuota } from './message-quota.js'
import type { Subscriptions } from './subscriptions.js'

/** Under which counter a client's end is counted. */
export type EndReason = Extract<MainMetric, `disconnect${string}`>

export class Client {
  readonly socket: WebSocket
  readonly recipient: Recipient
  readonly subscriptions: Subscriptions
  /** None before its first message: most clients send nothing. */
  messageLimits: MessageQuota | undefined
  readonly form: StreamForm
  /** Of symbols for which nothing is said. */
  readonly delivery: Delivery
  /** When the last message, ping or pong came, ms. */
  lastHeardMs: number
  /** When the ping was sent that waits for its pong, or was last known to be on its way, ms. */
  pingSentMs = 0
  /** How much its connection had been given with the ping. */
  pingEndBytes = 0
  /** When its close handshake began, or it was last known to take what lies before, ms. */
  closingMs = 0
  /** Answers that the client has not taken yet. */
  answersUnsent = 0
  /** Why it was ended, set by whoever ends it first. */
  endReason: EndReason | undefined
  hasEnded = false

  constructor(options: {
    socket: WebSocket
    recipient: Recipient
    subscriptions: Subscriptions
    form: StreamForm
    delivery: Delivery
    nowMs: number
  }) {
    this.socket = options.socket
    this.recipient = options.recipient
    this.subscriptions = options.subscriptions
    this.form = options.form
    this.delivery = options.delivery
    this.lastHeardMs = options.nowMs
  }
}
