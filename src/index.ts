/**
 * The exports of the package: the broadcaster for a server of your own, and the types of its input and output.
 */

export type { StreamHandlerParts } from './broadcaster/handler-parts.js'
export type { PushedGap } from './broadcaster/pushed-gap.js'
export {
  StreamHandler,
  type StreamHandlerOptions,
} from './broadcaster/stream-handler.js'
export type {
  AccessAnswer,
  AccessDenied,
  AccessRequest,
  Authenticate,
  Authorize,
  Identity,
} from './clients/access/identity.js'
export { type ErrorCode, RingcastError } from './common/errors.js'
export type { Log } from './common/log.js'
export type { HandlerOptions } from './config/config.js'
export type { FeedSession, TickSink } from './ingest/tick-sink.js'
export type { ClientActivity, ClientQuery, ClientRow, ClientSort } from './metrics/client-view.js'
export type { HistogramView } from './metrics/histogram.js'
export type { LaneView, MetricsView } from './metrics/metrics-view.js'
export type { SymbolSample } from './metrics/overview.js'
export type {
  AuthCommand,
  ClientMessage,
  ListCommand,
  PingCommand,
  SubscribeCommand,
  UnsubscribeCommand,
} from './protocol/client-messages.js'
export { CLOSE_CODES, type CloseCode } from './protocol/close-codes.js'
export type { CommandErrorCode, DenialCode, SymbolErrorCode } from './protocol/error-codes.js'
export type {
  AuthenticatedMessage,
  CommandId,
  ControlMessage,
  ErrorMessage,
  FeedState,
  GapMessage,
  GapReason,
  GoodbyeMessage,
  GoodbyeReason,
  HeartbeatMessage,
  LiveMessage,
  PongMessage,
  QuoteJson,
  SchemaTickJson,
  ServerMessage,
  SnapshotMessage,
  StatusMessage,
  SubscribedMessage,
  SubscriptionsMessage,
  SymbolRefusal,
  TickHead,
  TickJson,
  TicksMessage,
  TokenExpiringMessage,
  TradeJson,
  UnsubscribedMessage,
} from './protocol/messages.js'
export { type GrpcMethod, GrpcSource, type GrpcSourceOptions } from './sources/grpc/grpc-source.js'
export { type LoadedFeed, type LoadFeedOptions, loadFeed } from './sources/grpc/load-feed.js'
export type { ForeignFeed } from './sources/schema/foreign-feed.js'
export type { MappingPaths } from './sources/schema/mapping-check.js'
export type { SourceStatus, TickSource } from './sources/tick-source.js'
export type { PushedTick, QuoteTick, TradeTick } from './ticks/pushed-tick.js'
export type {
  HistoryBatch,
  HistoryOrigin,
  HistoryPoint,
  HistoryReading,
  HistoryRecord,
  StreamHistory,
} from './ticks/stream-history.js'
export type { TickMapping, TickSchema, TimeUnit } from './ticks/tick-schema.js'
