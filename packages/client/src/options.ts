/** The options of `connect`. */
import type { Codec } from './codec.js'
import type { GetToken, Storage, Time, WebSocketClass } from './environment.js'
import type { TickHead } from './messages.js'

export interface ConnectOptions<Tick extends TickHead> {
  /** Asked when a token is needed: at the first connection, before it expires, and when the gateway has refused the last one. */
  readonly getToken?: GetToken
  /**
   * ms of silence after which the gateway sends a heartbeat, 1,000 to 60,000. A connection that is silent for twice as long is
   * given up. 0: no heartbeats, and a dead connection is noticed by the system alone. Default 5,000.
   */
  readonly heartbeat?: number
  /** How long the gateway keeps an entry that nobody wants any more, ms. Default 1,000. */
  readonly release?: number
  /** Where to begin: the `position` of an earlier stream. For subscriptions made in the same task as `connect`. */
  readonly resume?: string
  /** Keeps the position, for instance in `sessionStorage`, so that a page that is loaded again resumes. One stream a storage. */
  readonly persist?: Storage
  /** Adds `published` to items with ticks: when the gateway published them. */
  readonly stamps?: boolean
  /** Default: the global one. Node has one from version 22 on; before, pass the class of the package `ws`. */
  readonly WebSocket?: WebSocketClass
  /** Default: JSON. `protobuf` of `@ringcast/client/protobuf` is the other. */
  readonly codec?: Codec<Tick>
  /** For tests. */
  readonly time?: Time
  /** For tests: 0 up to, not including, 1. */
  readonly random?: () => number
}
