/**
 * The JSON messages from the gateway to a client: their types, and the text of messages without ticks. Any thread.
 * ticks-message.ts writes messages with ticks as bytes.
 */
import type { QuoteJson, TickJson, TradeJson } from '../ticks/market-tick-json.js'
import type { CommandErrorCode, SymbolErrorCode } from './error-codes.js'

export type { QuoteJson, TickJson, TradeJson }

/** The fields that a tick of every schema has, quotes and trades too. */
export interface TickHead {
  readonly symbol: string
  readonly kind: string
  /** A string from 2^53 on, or where the feed's own is no number. Left out when the schema maps none. */
  readonly sequence?: number | string
  /** The source's time, µs since the Unix epoch; null where it is none. Left out when the schema or the tick has none. */
  readonly time?: number | null
}

/** A tick of a schema of one's own. @typeParam Fields the other fields of the message, as its JSON has them */
export type SchemaTickJson<Fields extends object = Record<string, unknown>> = TickHead & Readonly<Fields>

/** The first message, and the reply to `subscribe`. */
export interface SubscribedMessage extends ChangedMessage {
  readonly type: 'subscribed'
  readonly delivery: 'every' | 'latest'
  /** ms, with `latest`. */
  readonly interval?: number
  /** Whether the ticks after the resumed offset follow. Left out without `resume`. */
  readonly resumed?: boolean
  /**
   * With `resumed` in reply to a command: all ticks of the client's other symbols have come up to this offset. The
   * ticks from `offset` up to here are those of the resumed symbols alone.
   */
  readonly reached?: number
}

/** The reply to `unsubscribe`. */
export interface UnsubscribedMessage extends ChangedMessage {
  readonly type: 'unsubscribed'
}

/** The reply to `auth`: the client is known. Its first `subscribed` follows, if it has had none. */
export interface AuthenticatedMessage {
  readonly type: 'authenticated'
  readonly id?: CommandId
  readonly user: string
  /** When the access ends, µs since the Unix epoch. Left out: never. */
  readonly expires?: number
  /** Entries that the client had and may see nothing of any more. Left out when there are none. */
  readonly unsubscribed?: readonly string[]
  /**
   * There when the client may see other symbols than before: the place from which on that holds. The fields are those of
   * `subscribed`.
   */
  readonly client?: string
  readonly epoch?: string
  readonly offset?: number
  readonly seq?: number
  readonly batch?: boolean
}

/** The access of the client ends soon: a new token in a message `auth` renews it. */
export interface TokenExpiringMessage {
  readonly type: 'token-expiring'
  /** µs since the Unix epoch. */
  readonly expires: number
}

/** A command and its reply have the same id. */
export type CommandId = number | string

/** Why the gateway refused one entry of a command. It did the other entries. */
export interface SymbolRefusal {
  readonly symbol: string
  readonly code: SymbolErrorCode
  readonly message: string
}

interface ChangedMessage {
  /** Of the command. The first message has none. */
  readonly id?: CommandId
  /** The entries of the command that were done: symbols, prefixes such as `BTC*`, `*` for all. */
  readonly symbols: readonly string[]
  /** The other entries of the command. Left out when there are none. */
  readonly refused?: readonly SymbolRefusal[]
  /** The client's id, unique among all processes. */
  readonly client: string
  /**
   * Names the count to which offsets belong. A feed that keeps positions names it, and each gateway that reads the feed has
   * the same.
   */
  readonly epoch: string
  /**
   * Every tick of the symbols with a higher offset follows. Of symbols that a command adds, no tick up to this offset
   * is sent, and no gap reports those ticks.
   */
  readonly offset: number
  /** The next `ticks` message has this number plus one. */
  readonly seq: number
  readonly batch: boolean
}

/**
 * Why ticks are missing:
 *   slow       the client did not read fast enough: the ticks have left the frame ring, or passed the client's limits
 *   upstream   the feed did not send the ticks, or nobody knows whether it did
 *   malformed  the feed sent bytes that are not a tick
 *   poison     two workers in a row failed at a tick
 *   overload   the feed went on sending while it was paused, or a user of the library could not push all ticks
 *   resume     the ticks after the resumed offset, or since a time, are gone, or belong to another run of the process
 */
export type GapReason = 'slow' | 'upstream' | 'malformed' | 'poison' | 'overload' | 'resume'

export interface GapMessage {
  readonly type: 'gap'
  readonly reason: GapReason
  /**
   * The first and last offset that is missing. Where the missing ticks have no offset in this epoch, `to` is
   * `from − 1`.
   */
  readonly from: number
  readonly to: number
  /**
   * How many ticks are missing: for `slow`, of the client's symbols; otherwise, of all symbols. null: unknown. 0: only
   * the epoch changes.
   */
  readonly missed: number | null
  /** An epoch begins: this is its name. Left out: the epoch goes on. */
  readonly epoch?: string
  /** With `epoch`: the offset in it up to which the client has been told everything. */
  readonly offset?: number
  /** The next `ticks` message has this number plus one. */
  readonly seq: number
}

/** Whether ticks come: a feed that is down sends none. */
export type FeedState = 'down' | 'live'

/**
 * The feed is down, or live again. Every client is told at one place of the stream, and a new client behind its first
 * message; after a resume, behind `live`.
 */
export interface StatusMessage {
  readonly type: 'status'
  readonly feed: FeedState
  /** Since when the feed is in this state, µs since the Unix epoch. */
  readonly since: number
  /** One sentence. */
  readonly reason?: string
}

/** With `heartbeat` in the URL: the client was sent nothing for so long. */
export interface HeartbeatMessage {
  readonly type: 'heartbeat'
  /** As in a `ticks` message. */
  readonly offset: number
  /** The next `ticks` message has this number plus one. */
  readonly seq: number
  /** As the last `status` said; `live` where none came. */
  readonly feed: FeedState
}

/** The end of a resume: the client has all ticks up to `offset`, and a snapshot of its `latest` symbols. */
export interface LiveMessage {
  readonly type: 'live'
  readonly offset: number
  /** The next `ticks` message has this number plus one. */
  readonly seq: number
  /** The first and last offset of the replay, and the ticks in it that the client got. No offset: `to` is `from − 1`. */
  readonly replayed: { readonly from: number; readonly to: number; readonly ticks: number }
}

/** Why the gateway closes a connection that works: it shuts down, or the connection is as old as it may become. */
export type GoodbyeReason = 'draining' | 'max_age'

/** The last message: a close frame follows. */
export interface GoodbyeMessage {
  readonly type: 'goodbye'
  readonly reason: GoodbyeReason
  /** How long the client should wait before it connects again, ms. Each client of a gateway is told another wait. */
  readonly reconnectAfterMs: number
  /**
   * The client has every tick up to this place, or a gap that reports it, or a newer tick in its place. No tick waits
   * for its interval. To be sent as `resume` with the next connection: `<epoch>:<offset>`.
   */
  readonly resume: string
}

export interface ErrorMessage {
  readonly type: 'error'
  /** Of the refused command, if that had one. */
  readonly id?: CommandId
  readonly code: CommandErrorCode
  /** One sentence that says what is wrong and what would be right. */
  readonly message: string
  /** With `history_busy`: send the command again after this time. */
  readonly retryAfterMs?: number
}

export interface SubscriptionsMessage {
  readonly type: 'subscriptions'
  readonly id: CommandId
  /** All subscriptions of the client: `every` first, then `latest` by rising interval. */
  readonly subscriptions: readonly {
    readonly delivery: 'every' | 'latest'
    /** ms, with `latest`. */
    readonly interval?: number
    /** Sorted. */
    readonly symbols: readonly string[]
  }[]
}

export interface PongMessage {
  readonly type: 'pong'
  readonly id: CommandId
  /** The gateway's clock, µs since the Unix epoch. */
  readonly time: number
}

/** @typeParam Tick `TickJson` for quotes and trades; for a schema of one's own a `SchemaTickJson` */
export interface TicksMessage<Tick extends TickHead = TickJson> {
  readonly type: 'ticks'
  readonly seq: number
  /**
   * The client has every tick up to this offset, or a gap that reports it, or a newer tick in its place. Ticks of
   * `latest` symbols whose interval is not over follow with lower offsets.
   */
  readonly offset: number
  /** How many older ticks were left out because these are newer. Left out for none. */
  readonly merged?: number
  /** When the turn was published, µs since the Unix epoch; with `stamps`. */
  readonly published?: number
  /** When each of the ticks came in, µs since the Unix epoch; with `stamps`. */
  readonly received?: readonly number[]
  readonly ticks: readonly Tick[]
}

/** For one client: the latest tick of each symbol and kind that it asked for or missed. */
export interface SnapshotMessage<Tick extends TickHead = TickJson> {
  readonly type: 'snapshot'
  /** The next `ticks` message has this number plus one. */
  readonly seq: number
  /** No tick of the snapshot has a higher offset, and every later tick follows. */
  readonly offset: number
  /** More messages of this snapshot follow. If the lane dies before that, a whole snapshot follows later. */
  readonly more?: true
  /** Symbols may be missing: the gateway has no room for the latest ticks of all symbols. */
  readonly incomplete?: true
  /** As in a `ticks` message. */
  readonly published?: number
  readonly received?: readonly number[]
  readonly ticks: readonly Tick[]
}

/** The messages without ticks. */
export type ControlMessage =
  | SubscribedMessage
  | UnsubscribedMessage
  | SubscriptionsMessage
  | PongMessage
  | GapMessage
  | StatusMessage
  | HeartbeatMessage
  | LiveMessage
  | GoodbyeMessage
  | AuthenticatedMessage
  | TokenExpiringMessage
  | ErrorMessage

/** @typeParam Tick as for TicksMessage */
export type ServerMessage<Tick extends TickHead = TickJson> =
  | ControlMessage
  | TicksMessage<Tick>
  | SnapshotMessage<Tick>

/**
 * The most ticks that a gap counts. At a million ticks a second this takes twelve days. A greater count is a mistake of
 * the feed, and the gap says `null`.
 */
export const MISSED_MAX = 2 ** 40

/** Bounds the text of a gap message: five numbers of 16 digits, the names, and an epoch of 64 characters. */
export const GAP_TEXT_BYTES_MAX = 288

/** Bounds the reason of a status, in UTF-16 code units. None is a control character: each takes three bytes at most. */
export const REASON_LENGTH_MAX = 200
export function messageText(message: ControlMessage): string {
  return JSON.stringify(message)
}
