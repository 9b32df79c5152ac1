/**
 * The table of all counters: each is named and described once. Any thread.
 * A block of counters has one writer: the main thread has a block, and each lane has one.
 */

export interface MetricDescription {
  /** The exported name. It ends with the unit; that of a counter with `_total`. */
  readonly name: string
  readonly help: string
  readonly unit: string
  readonly type: 'counter' | 'gauge'
  /** Prometheus gets the value times this, in the base unit that the name says. Default 1. */
  readonly scale?: number
  /** Tell counters of one name apart: a reason, a close code, a kind. Few values each. */
  readonly labels?: Readonly<Record<string, string>>
}

const counter = (name: string, unit: string, help: string, reason?: string): MetricDescription => ({
  name: `ringcast_${name}_total`,
  help,
  unit,
  type: 'counter',
  ...(reason === undefined ? {} : { labels: { reason } }),
})

/** Counted in µs. Prometheus gets seconds. */
const microseconds = (name: string, help: string): MetricDescription => ({
  ...counter(`${name}_seconds`, 'µs', help),
  scale: 1e-6,
})

const gauge = (name: string, unit: string, help: string): MetricDescription => ({
  name: `ringcast_${name}`,
  help,
  unit,
  type: 'gauge',
})

const refused = (reason: string, help: string): MetricDescription =>
  counter('connections_refused', 'connections', help, reason)
const dropped = (reason: string, help: string): MetricDescription =>
  counter('connections_dropped', 'connections', help, reason)
const disconnect = (reason: string, help: string): MetricDescription =>
  counter('disconnects', 'connections', help, reason)

const closed = (code: string, help: string): MetricDescription => ({
  ...counter('closes', 'connections', help),
  labels: { code },
})

const entries = (kind: string, delivery: string, help: string): MetricDescription => ({
  ...gauge('entries', 'entries', help),
  labels: { kind, delivery },
})

/** Counters that the main thread writes. */
export const MAIN_METRICS = {
  connectionsActive: gauge('connections_active', 'connections', 'Clients connected now.'),
  connectionsWaiting: gauge(
    'connections_waiting',
    'connections',
    'Clients that wait for their turn to be let in.',
  ),
  connections: counter('connections', 'connections', 'Clients that were let in.'),
  refusedLimit: refused('limit', 'Refused: as many clients as allowed were connected.'),
  refusedOverload: refused(
    'overload',
    'Refused: commands waited for room in the command rings of all lanes.',
  ),
  refusedSubscriptions: refused(
    'subscriptions',
    'Refused: all clients together had as many entries as allowed.',
  ),
  refusedRate: refused('rate', 'Refused: the address, or all clients together, asked for too much work.'),
  refusedPace: refused('pace', 'Refused: more clients waited for their turn than may.'),
  refusedPath: refused('path', 'Refused: no such path.'),
  refusedRequest: refused('request', 'Refused: the request was wrong.'),
  refusedToken: refused('token', 'Refused: without a valid token, or by the server.'),
  refusedEntitlement: refused('entitlement', 'Refused: the client may not have what its URL asks for.'),
  refusedOrigin: refused('origin', 'Refused: the page of the client may not connect.'),
  refusedAddress: refused('address', 'Refused: the address had as many clients as it may have.'),
  refusedUser: refused('user', 'Refused: the user had as many clients as it may have.'),
  refusedAuthUnavailable: refused('auth_unavailable', 'Refused: nobody could say who the client was.'),
  refusedHistory: refused('history', 'Refused: too many clients read the past, or wait for that.'),
  refusedFault: refused('fault', 'Refused: the gateway failed while it handled the request.'),
  refusedDraining: refused('draining', 'Refused: shutting down.'),
  disconnectClient: disconnect('client', 'Ended by the client or by the network.'),
  disconnectSlow: disconnect('slow_consumer', 'Ended: the client accepted no bytes for the write timeout.'),
  disconnectCutOff: disconnect('cut_off', 'Ended: the lane needed frame ring segments that the client held.'),
  disconnectPong: disconnect('pong_timeout', 'Ended: no pong came in time.'),
  disconnectRead: disconnect('read_timeout', 'Ended: the client sent nothing for the read timeout.'),
  disconnectProtocol: disconnect('protocol', 'Ended: the client broke the WebSocket protocol or a limit.'),
  disconnectFault: disconnect(
    'fault',
    'Ended: the gateway, or two workers in a row, failed while serving the client.',
  ),
  disconnectShutdown: disconnect('shutdown', 'Ended: the gateway shut down.'),
  disconnectMaxAge: disconnect('max_age', 'Ended: the connection was as old as it may become.'),
  disconnectExpired: disconnect('access_expired', 'Ended: the token of the client had expired.'),
  disconnectRevoked: disconnect('access_revoked', 'Ended: the access of the client was revoked.'),
  disconnectOperator: disconnect('operator', 'Ended: an operator asked for it.'),
  closed1000: closed('1000', 'Clients that have left in order.'),
  closed1001: closed('1001', 'Clients that went away, or that were sent away with a goodbye.'),
  closed1002: closed('1002', 'Clients that broke the WebSocket protocol.'),
  closed1005: closed('1005', 'Clients that have left without a code.'),
  closed1006: closed('1006', 'Connections that ended without a close handshake.'),
  closed1007: closed('1007', 'Clients that sent text that is not UTF-8.'),
  closed1008: closed('1008', 'Clients that sent too much, or did not read their replies.'),
  closed1009: closed('1009', 'Clients that sent a message that is too long.'),
  closed1011: closed('1011', 'Clients that the gateway failed to serve.'),
  closed4002: closed('4002', 'Clients whose access has expired.'),
  closed4003: closed('4003', 'Clients whose access was revoked.'),
  closed4008: closed('4008', 'Slow consumers.'),
  closed4010: closed('4010', 'Clients that an operator has closed.'),
  closedOther: closed('other', 'Clients that have left with another code.'),
  subscriptions: gauge('subscriptions', 'entries', 'Entries (symbols and prefixes) of all clients now.'),
  entriesSymbolEvery: entries('symbol', 'every', 'Symbols, for every tick.'),
  entriesSymbolLatest: entries('symbol', 'latest', 'Symbols, for the latest ticks.'),
  entriesPrefixEvery: entries('prefix', 'every', 'Prefixes such as BTC*, for every tick.'),
  entriesPrefixLatest: entries('prefix', 'latest', 'Prefixes such as BTC*, for the latest ticks.'),
  entriesAllEvery: entries('all', 'every', 'Entries * of all symbols, for every tick.'),
  entriesAllLatest: entries('all', 'latest', 'Entries * of all symbols, for the latest ticks.'),
  subscriptionsRefused: counter(
    'subscriptions_refused',
    'entries',
    'Entries of commands that were refused: all clients together had as many as allowed.',
  ),
  commandsDelayed: counter(
    'commands_delayed',
    'commands',
    'Messages of clients that waited for a work budget, or for their turn.',
  ),
  commandsRefused: counter(
    'commands_refused',
    'commands',
    'Messages of clients that were refused: too many, or too much work.',
  ),
  ticksReceived: counter('ticks_received', 'ticks', 'Ticks put into the tick log.'),
  ticksRefused: counter(
    'ticks_refused',
    'ticks',
    'Calls of broadcastTick that took no tick: the queue was full, or the handler shut down.',
  ),
  messagesReceived: counter(
    'messages_received',
    'messages',
    'Messages of the feed, and ticks given to broadcastTick.',
  ),
  messagesEmpty: counter(
    'messages_empty',
    'messages',
    'Messages of the feed that are a batch of no ticks, as a feed sends to show that it lives.',
  ),
  bytesReceived: counter('bytes_received', 'bytes', 'Bytes of messages from the feed.'),
  malformedMessages: counter(
    'malformed_messages',
    'messages',
    'Messages of the feed that are not a batch of ticks.',
  ),
  ticksDuplicate: counter(
    'ticks_duplicate',
    'ticks',
    'Ticks dropped because their position was not above the last one.',
  ),
  upstreamGaps: counter('upstream_gaps', 'gaps', 'Gaps in the stream of the feed.'),
  positionBreaks: counter(
    'position_breaks',
    'ticks',
    'Ticks whose position went back, or jumped too far to be true.',
  ),
  historyReadings: gauge('history_readings', 'clients', 'Clients that read the past now, or wait for that.'),
  historyTicks: counter(
    'history_ticks',
    'ticks',
    'Ticks of the past that were read from NATS or the feed again, for all clients.',
  ),
  ticksBroadcast: counter('ticks_broadcast', 'ticks', 'Ticks handed to sockets, counted for each client.'),
  messages: counter('messages_sent', 'messages', 'Messages with ticks handed to sockets.'),
  bytesSent: counter('bytes_sent', 'bytes', 'Bytes of frames handed to sockets.'),
  writes: counter('writes', 'writes', 'Writes of frames to sockets.'),
  writesBlocked: counter('writes_blocked', 'writes', 'Writes that the kernel did not take completely.'),
  turns: counter('turns', 'turns', 'Turns transmitted.'),
  broadcastErrors: counter('broadcast_errors', 'errors', 'Writes to sockets that failed.'),
  lapped: counter('gaps', 'gaps', 'Overruns of slow clients, each told as a gap.', 'slow'),
  skippedAhead: counter(
    'skips',
    'skips',
    'Overruns of clients of latest ticks, each followed by a snapshot.',
  ),
  ticksDroppedSlow: counter(
    'ticks_dropped',
    'ticks',
    'Ticks in the gaps that slow clients were told.',
    'slow',
  ),
  sourcePauses: counter(
    'upstream_pauses',
    'pauses',
    'Times the feed was paused because the slowest lane was behind.',
  ),
  laneCommandsDelayed: counter(
    'lane_commands_delayed',
    'commands',
    'Commands to lanes that waited for room in the command ring of their lane.',
  ),
  upstreamReconnects: counter('upstream_reconnects', 'reconnects', 'Sessions with the feed after the first.'),
  laneRestarts: counter('lane_restarts', 'restarts', 'Lanes replaced after a crash or a hang.'),
} as const satisfies Record<string, MetricDescription>

/** Counters of the gateway's own server, which the main thread writes. A library's user does not have them. */
export const SERVER_METRICS = {
  connectionsPending: gauge(
    'connections_pending',
    'connections',
    'Connections now that have not become clients yet.',
  ),
  droppedPending: dropped(
    'pending_limit',
    'Dropped for a newer connection: too many had not become clients yet.',
  ),
  droppedTimeout: dropped('timeout', 'Dropped: no whole request came in time.'),
  droppedProxy: dropped('proxy', 'Dropped: no header of the PROXY protocol from a trusted proxy.'),
  droppedDescriptors: dropped('descriptors', 'Dropped: the process had no spare file descriptor.'),
  refusedFeedUnknown: refused('feed_unknown', 'Refused: the feed had not told its schema yet.'),
  acceptErrors: counter('accept_errors', 'errors', 'Errors of the system while it accepted a connection.'),
} as const satisfies Record<string, MetricDescription>

/** Counters that each lane writes. */
export const LANE_METRICS = {
  ticksDecoded: counter('lane_ticks_decoded', 'ticks', 'Ticks decoded.'),
  ticksMalformed: counter('lane_ticks_malformed', 'ticks', 'Ticks that could not be decoded.'),
  ticksUnknownKind: counter(
    'lane_ticks_unknown_kind',
    'ticks',
    'Ticks skipped because this version does not know their kind: a newer feed has added it.',
  ),
  messagesWithoutSymbol: counter(
    'lane_messages_without_symbol',
    'messages',
    "Messages of a schema of one's own that have no symbol, such as heartbeats of the feed: skipped.",
  ),
  ticksPoison: counter(
    'lane_ticks_poison',
    'ticks',
    'Ticks skipped because two workers in a row failed at them.',
  ),
  ticksConflated: counter(
    'lane_ticks_conflated',
    'ticks',
    'Ticks left out because newer ones were sent, counted for each audience.',
  ),
  latestFull: counter(
    'lane_latest_full',
    'ticks',
    'Ticks sent one by one to clients of latest ticks: the store of latest ticks was full.',
  ),
  turns: counter('lane_turns', 'turns', 'Turns published.'),
  framesBytes: counter('lane_frames_bytes', 'bytes', 'Bytes of frames written into the frame ring.'),
  messagesDeflated: counter(
    'lane_messages_deflated',
    'messages',
    'Messages that were compressed, once for each audience.',
  ),
  deflateInBytes: counter('lane_deflate_in_bytes', 'bytes', 'Bytes of messages before compression.'),
  deflateOutBytes: counter(
    'lane_deflate_out_bytes',
    'bytes',
    'Bytes of these messages as sent: compressed, or plain if that is shorter.',
  ),
  busyUs: microseconds('lane_busy', 'Time spent working.'),
  idleUs: microseconds('lane_idle', 'Time spent asleep.'),
} as const satisfies Record<string, MetricDescription>

export type MainMetric = keyof typeof MAIN_METRICS
export type ServerMetric = keyof typeof SERVER_METRICS
export type LaneMetric = keyof typeof LANE_METRICS

/** The counter of a close code. Clients send any code: those that are not known share one counter. */
export function closeMetric(code: number): MainMetric {
  const key = `closed${code}`
  return key in MAIN_METRICS ? (key as MainMetric) : 'closedOther'
}

function slots<Key extends string>(table: Record<Key, MetricDescription>): Readonly<Record<Key, number>> {
  return Object.fromEntries(Object.keys(table).map((key, slot) => [key, slot])) as Record<Key, number>
}

/** The slot of each counter in its block. */
export const MAIN_SLOTS = slots(MAIN_METRICS)
export const LANE_SLOTS = slots(LANE_METRICS)
export const MAIN_SLOT_COUNT = Object.keys(MAIN_METRICS).length
export const LANE_SLOT_COUNT = Object.keys(LANE_METRICS).length
