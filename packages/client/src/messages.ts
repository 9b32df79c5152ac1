/** The messages between client and gateway, as far as the client reads them. docs/client-protocol.md explains them. */

/** What a tick of every schema has. */
export interface TickHead {
  readonly symbol: string
  readonly kind: string
}

interface MarketTickHead {
  readonly symbol: string
  /** The source's own number of the tick. From 2^53 on, a string of digits. */
  readonly sequence: number | string
  /** The source's time, µs since the Unix epoch. */
  readonly time: number
}

/** Best bid and offer. null: the source sent NaN or an infinity. */
export interface QuoteTick extends MarketTickHead {
  readonly kind: 'quote'
  readonly bid: number | null
  readonly bidSize: number | null
  readonly ask: number | null
  readonly askSize: number | null
}

/** The last trade. null: the source sent NaN or an infinity. */
export interface TradeTick extends MarketTickHead {
  readonly kind: 'trade'
  readonly last: number | null
  readonly lastSize: number | null
}

/** A tick of the built-in schema. */
export type MarketTick = QuoteTick | TradeTick

export type DeliveryName = 'every' | 'latest'
export type FeedState = 'live' | 'down'

/** Why the gateway did not do one entry of a command. */
export interface EntryRefusal {
  readonly symbol: string
  /** Stable, for programs: docs/client-protocol.md lists the codes. */
  readonly code: string
  /** One sentence for people. */
  readonly message: string
}

export interface SubscribedMessage {
  readonly type: 'subscribed'
  readonly id?: number | string | undefined
  readonly symbols: readonly string[]
  readonly refused?: readonly EntryRefusal[] | undefined
  readonly epoch: string
  readonly offset: number
  readonly seq: number
  readonly resumed?: boolean | undefined
  readonly reached?: number | undefined
}

export interface UnsubscribedMessage {
  readonly type: 'unsubscribed'
  readonly id: number | string
  readonly offset: number
  readonly seq: number
}

export interface GapMessage {
  readonly type: 'gap'
  readonly reason: string
  readonly from: number
  readonly to: number
  readonly missed: number | null
  readonly epoch?: string | undefined
  readonly offset?: number | undefined
  readonly seq: number
}

export interface TicksMessage<Tick> {
  readonly type: 'ticks'
  readonly seq: number
  readonly offset: number
  readonly merged?: number | undefined
  readonly published?: number | undefined
  readonly received?: readonly number[] | undefined
  readonly ticks: readonly Tick[]
}

export interface SnapshotMessage<Tick> {
  readonly type: 'snapshot'
  readonly seq: number
  readonly offset: number
  readonly more?: boolean | undefined
  readonly incomplete?: boolean | undefined
  readonly ticks: readonly Tick[]
}

export interface LiveMessage {
  readonly type: 'live'
  readonly offset: number
  readonly seq: number
}

export interface StatusMessage {
  readonly type: 'status'
  readonly feed: FeedState
  readonly since: number
  readonly reason?: string | undefined
}

export interface HeartbeatMessage {
  readonly type: 'heartbeat'
  readonly offset: number
  readonly seq: number
}

export interface GoodbyeMessage {
  readonly type: 'goodbye'
  readonly reason: string
  readonly reconnectAfterMs: number
  readonly resume: string
}

export interface ErrorMessage {
  readonly type: 'error'
  readonly id?: number | string | undefined
  readonly code: string
  readonly message: string
  readonly retryAfterMs?: number | undefined
}

/** The gateway knows the token. With a place, the client may see other symbols from there on. */
export interface AuthenticatedMessage {
  readonly type: 'authenticated'
  readonly epoch?: string | undefined
  readonly offset?: number | undefined
  readonly seq?: number | undefined
  readonly unsubscribed?: readonly string[] | undefined
}

export interface TokenExpiringMessage {
  readonly type: 'token-expiring'
}

export type ServerMessage<Tick> =
  | SubscribedMessage
  | UnsubscribedMessage
  | GapMessage
  | TicksMessage<Tick>
  | SnapshotMessage<Tick>
  | LiveMessage
  | StatusMessage
  | HeartbeatMessage
  | GoodbyeMessage
  | ErrorMessage
  | AuthenticatedMessage
  | TokenExpiringMessage

export type Command =
  | {
      readonly type: 'subscribe'
      readonly id: number
      readonly symbols: readonly string[]
      readonly delivery: DeliveryName
      readonly interval?: number | undefined
      readonly snapshot: boolean
      readonly resume?: string | undefined
      readonly since?: string | undefined
    }
  | { readonly type: 'unsubscribe'; readonly id: number; readonly symbols: readonly string[] }
  | { readonly type: 'ping'; readonly id: number }
  | { readonly type: 'auth'; readonly token: string }
