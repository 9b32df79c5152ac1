/**
 * The messages that a client sends, as types for those who write a client. docs/client-protocol.md explains them. Any thread.
 * The gateway believes none of it: client-command.ts reads what really comes.
 */
import type { CommandId } from './messages.js'

/** Adds entries, or changes how they are delivered. The reply is `subscribed` with the same id. */
export interface SubscribeCommand {
  readonly type: 'subscribe'
  readonly id: CommandId
  /** At least one symbol or prefix (`BTC*`); `*` for all. */
  readonly symbols: readonly string[]
  /** Default `every`. */
  readonly delivery?: 'every' | 'latest'
  /** With `latest`: ms between two updates, 0 to 60,000. */
  readonly interval?: number
  /** Whether to begin with the latest ticks. */
  readonly snapshot?: boolean
  /** Where the entries go on: `<epoch>:<offset>`. Not with `since`. */
  readonly resume?: string
  /** The time from which they begin: of RFC 3339, or so long ago (`-15m`). */
  readonly since?: string
}

/** Removes entries. The reply is `unsubscribed`. */
export interface UnsubscribeCommand {
  readonly type: 'unsubscribe'
  readonly id: CommandId
  readonly symbols: readonly string[]
}

/** The reply is `subscriptions`. */
export interface ListCommand {
  readonly type: 'list'
  readonly id: CommandId
}

/** The reply is `pong`. */
export interface PingCommand {
  readonly type: 'ping'
  readonly id: CommandId
}

/** Says who the client is, or renews its access. The reply is `authenticated`. */
export interface AuthCommand {
  readonly type: 'auth'
  readonly id?: CommandId
  readonly token: string
}

export type ClientMessage = SubscribeCommand | UnsubscribeCommand | ListCommand | PingCommand | AuthCommand
