/**
 * What the package exports: the broadcaster for one's own server, and the types of what goes in and comes out.
 */

export { StreamHandler, type StreamHandlerParts } from './broadcaster/stream-handler.js'
export { type ErrorCode, RingcastError } from './common/errors.js'
export type { Log } from './common/log.js'
export type { HandlerOptions } from './config/config.js'
export type { HistogramView } from './metrics/histogram.js'
export type { LaneView, MetricsView } from './metrics/metrics-view.js'
export { CLOSE_CODES, type CloseCode } from './protocol/close-codes.js'
export type {
  ErrorMessage,
  GapMessage,
  GapReason,
  ServerMessage,
  SubscribedMessage,
  TickJson,
  TicksMessage,
} from './protocol/messages.js'
export type { PushedGap } from './protocol/pushed-gap.js'
export { GrpcSource, type GrpcSourceOptions } from './sources/grpc/grpc-source.js'
export type { FeedSession, SourceStatus, TickSink, TickSource } from './sources/tick-source.js'
export type { PushedTick, QuoteTick, TradeTick } from './ticks/pushed-tick.js'
