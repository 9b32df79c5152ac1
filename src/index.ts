/**
 * What the package exports: the broadcaster for one's own server, and the types of what goes in and comes out.
 */
export { CLOSE_CODES, type CloseCode } from './close-codes.js'
export type { HandlerOptions } from './config.js'
export { type ErrorCode, RingcastError } from './errors.js'
export { GrpcSource, type GrpcSourceOptions } from './feed/grpc-source.js'
export type { FeedSession, SourceStatus, TickSink, TickSource } from './feed/tick-source.js'
export type { Log } from './log.js'
export type { HistogramView } from './metrics/histogram.js'
export type { LaneView, MetricsView } from './metrics/metrics-view.js'
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
export type { PushedTick, QuoteTick, TradeTick } from './protocol/tick-message.js'
export { StreamHandler, type StreamHandlerParts } from './stream-handler.js'
