/** What a subscription yields, in its order. Gaps and states are items like ticks, so nobody reads past a loss. */
import type { EntryRefusal, FeedState, TickHead } from './messages.js'

/** New ticks, in the order of the stream. */
export interface TicksItem<Tick extends TickHead> {
  readonly type: 'ticks'
  readonly ticks: readonly Tick[]
  /** `<epoch>:<offset>` behind these ticks: where a later client may resume, see the option `resume`. */
  readonly position: string
  /** How many older ticks were left out because these are newer: by the gateway, or by the queue. Left out for none. */
  readonly merged?: number | undefined
  /** When the gateway published the ticks, µs since the Unix epoch. Only with `stamps`. */
  readonly published?: number | undefined
}

/** The latest tick of each symbol and kind: what is known of these symbols from here on. */
export interface SnapshotItem<Tick extends TickHead> {
  readonly type: 'snapshot'
  readonly ticks: readonly Tick[]
  /** As of ticks. */
  readonly position: string
  /** More items of this snapshot follow. */
  readonly more?: boolean | undefined
  /** The gateway has no room for the latest ticks of all symbols: some may be missing. */
  readonly incomplete?: boolean | undefined
}

/** Ticks are missing. */
export interface GapItem {
  readonly type: 'gap'
  /**
   * As the gateway says: slow, upstream, malformed, poison, overload, resume. Or `overflow`: the reader of this subscription
   * was too slow for its queue. Programs must accept others.
   */
  readonly reason: string
  /** The first and last missing offset. Without offsets of their own, the missing ticks stand before `from`, and `to` is `from − 1`. */
  readonly from: number
  readonly to: number
  /** How many. null: nobody knows. */
  readonly missed: number | null
  /** An epoch begins here. */
  readonly epoch?: string | undefined
}

export type State = 'connecting' | 'replaying' | 'live' | 'reconnecting' | 'closed'

/** A change of the state of the stream, and why it changed. docs/client-sdk.md lists the codes. */
export interface Transition {
  readonly state: State
  /** Stable, for programs. */
  readonly code: string
  /** One sentence or a few words for people. */
  readonly reason: string
  /** Whether the client goes on by itself. */
  readonly retryable: boolean
  /** Of the WebSocket's close frame. */
  readonly closeCode?: number | undefined
  /** Of the HTTP response that refused the connection, where the environment shows it. */
  readonly status?: number | undefined
  /** The wait before the next connection, ms. */
  readonly delayMs?: number | undefined
}

/** The stream or the feed of the gateway is in another state. */
export interface StatusItem extends Transition {
  readonly type: 'status'
  /** Whether the gateway gets ticks. Prices are fresh while `state` is live and this is live. */
  readonly feed: FeedState
  /** Since when the feed is in this state, µs since the Unix epoch. Left out where the gateway did not say. */
  readonly since?: number | undefined
  readonly feedReason?: string | undefined
}

/** The gateway does not serve one entry of the subscription. The others go on. */
export interface RefusedItem extends EntryRefusal {
  readonly type: 'refused'
}

export type Item<Tick extends TickHead> =
  | TicksItem<Tick>
  | SnapshotItem<Tick>
  | GapItem
  | StatusItem
  | RefusedItem
