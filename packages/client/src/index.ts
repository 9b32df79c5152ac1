/** A client of Ringcast: streams of ticks that are exact across connections. docs/client-sdk.md is the specification. */
import type { MarketTick, TickHead } from './messages.js'
import type { ConnectOptions } from './options.js'
import { Stream } from './stream.js'

export type { Codec } from './codec.js'
export type { GetToken, Storage, Time, WebSocketClass } from './environment.js'
export { OverflowError, RingcastError, StreamClosedError, UnauthorizedError } from './errors.js'
export type { Overflow } from './item-queue.js'
export type {
  GapItem,
  Item,
  RefusedItem,
  SnapshotItem,
  State,
  StatusItem,
  TicksItem,
  Transition,
} from './items.js'
export type { DeliveryName, FeedState, MarketTick, QuoteTick, TickHead, TradeTick } from './messages.js'
export type { ConnectOptions } from './options.js'
export type { ChangeOf, Stream } from './stream.js'
export type { ItemOf, ItemType, SubscribeOptions, Subscription } from './subscription.js'

/**
 * Connects to a gateway, and connects again by itself whenever that is lost.
 *
 * @param url as `wss://host/ws/ticks`, without parameters of the stream: they are options
 * @typeParam Tick the ticks of the gateway's schema
 */
export function connect<Tick extends TickHead = MarketTick>(
  url: string | URL,
  options: ConnectOptions<Tick> = {},
): Stream<Tick> {
  return new Stream<Tick>(url, options)
}
