/**
 * The JSON messages from Ringcast to a client: their types, and the text of those that carry no ticks. Any thread.
 * Those with ticks are written straight into bytes, by ticks-message.ts.
 */

import type { TickJson } from '../ticks/market-tick-json.js'
import type { CommandErrorCode, SymbolErrorCode } from './error-codes.js'

export type { TickJson }

/** Sent first, and in answer to a command that adds symbols or changes how they are delivered. */
export interface SubscribedMessage extends ChangedMessage {
  readonly type: 'subscribed'
  readonly delivery: 'every' | 'latest'
  /** ms, with `latest`. */
  readonly interval?: number
  /** Whether the ticks since the offset that was to be resumed follow; left out when none was. */
  readonly resumed?: boolean
}

/** The answer to a client that no longer wants some symbols. */
export interface UnsubscribedMessage extends ChangedMessage {
  readonly type: 'unsubscribed'
}

/** Echoed from a command to its answer. */
export type CommandId = number | string

/** Why one symbol of a command was not done; the others were. */
export interface SymbolRefusal {
  readonly symbol: string
  readonly code: SymbolErrorCode
  readonly message: string
}

interface ChangedMessage {
  /** Of the command that it answers; the first one answers the connection. */
  readonly id?: CommandId
  /** Those of the command that were done: symbols, prefixes such as `BTC*`, `*` for all. */
  readonly symbols: readonly string[]
  /** Those that were not; left out when there are none. */
  readonly refused?: readonly SymbolRefusal[]
  /** The client's id, unique among all processes. */
  readonly client: string
  /** Names the run of the process that the offsets belong to. */
  readonly epoch: string
  /**
   * Every later tick of the symbols has an offset above this one and will be sent. Of symbols that a command adds none before it is, and
   * no gap tells of those.
   */
  readonly offset: number
  /** The next `ticks` message has this number plus one. */
  readonly seq: number
  readonly batch: boolean
}

/**
 * Why ticks are missing:
 *   slow       the client did not read fast enough and fell out of the window
 *   upstream   the feed did not send them, or nobody can say whether it did
 *   malformed  the feed sent bytes that are no tick
 *   poison     a tick made two workers in a row fail
 *   overload   the feed went on sending while it was paused, or a library's user could not push all ticks
 *   resume     what the client missed while it was away is no longer there, or was of another run of the process
 */
export type GapReason = 'slow' | 'upstream' | 'malformed' | 'poison' | 'overload' | 'resume'

export interface GapMessage {
  readonly type: 'gap'
  readonly reason: GapReason
  /**
   * First and last offset of what is missing. Ticks that never came in, or came in another run, have none in this one: `to`
   * is then `from − 1`. Any other loss of unknown size takes one offset, but for those of `resume`, which take what they say.
   */
  readonly from: number
  readonly to: number
  /**
   * How many ticks are missing: of the client's symbols for `slow`, of any symbol otherwise, since nobody knows whose
   * they were. null: unknown.
   */
  readonly missed: number | null
  /** The next `ticks` message has this number plus one. */
  readonly seq: number
}

/**
 * What a client missed while it was away has been sent, and a snapshot of its `latest` symbols: from here on it gets the ticks as they
 * come.
 */
export interface LiveMessage {
  readonly type: 'live'
  readonly offset: number
  /** The next `ticks` message has this number plus one. */
  readonly seq: number
}

export interface ErrorMessage {
  readonly type: 'error'
  /** Of the command that is refused, where it had one. */
  readonly id?: CommandId
  readonly code: CommandErrorCode
  /** One sentence: what is wrong and what would be right. */
  readonly message: string
}

export interface SubscriptionsMessage {
  readonly type: 'subscriptions'
  readonly id: CommandId
  /** Everything that the client is subscribed to: `every` first, then `latest` by interval. */
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

export interface TicksMessage {
  readonly type: 'ticks'
  readonly seq: number
  /**
   * All of the client's ticks up to this offset have been sent, or what stands for them; but for the latest ticks of `latest`
   * symbols whose interval is not over: those follow.
   */
  readonly offset: number
  /** How many ticks these ones stand for beside themselves; left out for none. */
  readonly merged?: number
  /** When the turn was published, µs since the Unix epoch; with `stamps`. */
  readonly published?: number
  /** When each of the ticks came in, µs since the Unix epoch; with `stamps`. */
  readonly received?: readonly number[]
  readonly ticks: readonly TickJson[]
}

/** The latest tick of each symbol and kind that was asked for, or that was missed; for one client. */
export interface SnapshotMessage {
  readonly type: 'snapshot'
  /** The next `ticks` message has this number plus one. */
  readonly seq: number
  /** None of the ticks has a higher offset, and every later one will be sent. */
  readonly offset: number
  /** More messages of this snapshot follow; or, should its lane have died, a whole one later. */
  readonly more?: true
  /** As in a `ticks` message. */
  readonly published?: number
  readonly received?: readonly number[]
  readonly ticks: readonly TickJson[]
}

/** Messages that are written as a whole; those with ticks are not. */
export type ControlMessage =
  | SubscribedMessage
  | UnsubscribedMessage
  | SubscriptionsMessage
  | PongMessage
  | GapMessage
  | LiveMessage
  | ErrorMessage

export type ServerMessage = ControlMessage | TicksMessage | SnapshotMessage

/**
 * The most ticks that a gap counts. A million ticks a second, more than a lane decodes, are so many in twelve days: a greater number is
 * that of a broken count, and is told as unknown.
 */
export const MISSED_MAX = 2 ** 40

/** The largest text of a gap message, in bytes: five numbers of 16 digits and the names. */
export const GAP_TEXT_BYTES_MAX = 192

export function messageText(message: ControlMessage): string {
  return JSON.stringify(message)
}
