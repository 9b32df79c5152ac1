/**
 * Every counter there is, named and described once. Any thread.
 * A slot of a block has one writer: the main thread for its own block, each lane for one of its own.
 */

export interface MetricDescription {
  /** As exported; ends with the unit, counters with `_total`. */
  readonly name: string
  readonly help: string
  readonly unit: string
  readonly type: 'counter' | 'gauge'
  /** Tells apart the slots of one name. */
  readonly reason?: string
}

const counter = (name: string, unit: string, help: string, reason?: string): MetricDescription => ({
  name: `ringcast_${name}_total`,
  help,
  unit,
  type: 'counter',
  ...(reason === undefined ? {} : { reason }),
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

/** Written by the main thread. */
export const MAIN_METRICS = {
  connectionsActive: gauge('connections_active', 'connections', 'Clients connected now.'),
  connections: counter('connections', 'connections', 'Clients that were let in.'),
  refusedLimit: refused('limit', 'Refused: as many clients as allowed were connected.'),
  refusedOverload: refused('overload', 'Refused: the tick log was full.'),
  refusedSubscriptions: refused(
    'subscriptions',
    'Refused: all clients together had as many entries as allowed.',
  ),
  refusedRate: refused('rate', 'Refused: the address, or all clients together, asked for too much work.'),
  refusedPath: refused('path', 'Refused: no such path.'),
  refusedRequest: refused('request', 'Refused: the request was wrong.'),
  refusedFault: refused('fault', 'Refused: the gateway failed as it handled the request.'),
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
  subscriptions: gauge('subscriptions', 'entries', 'Entries (symbols and prefixes) of all clients now.'),
  subscriptionsRefused: counter(
    'subscriptions_refused',
    'entries',
    'Entries of commands that were refused: all clients together had as many as allowed.',
  ),
  commandsDelayed: counter(
    'commands_delayed',
    'commands',
    'Messages of clients that waited for a work budget.',
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
    'Messages with ticks from the feed, and ticks given to broadcastTick.',
  ),
  bytesReceived: counter('bytes_received', 'bytes', 'Bytes of messages from the feed.'),
  malformedMessages: counter(
    'malformed_messages',
    'messages',
    'Messages of the feed that are no batch of ticks.',
  ),
  ticksBroadcast: counter(
    'ticks_broadcast',
    'ticks',
    'Ticks handed to sockets, one for each client that got it.',
  ),
  messages: counter('messages_sent', 'messages', 'Messages with ticks handed to sockets.'),
  bytesSent: counter('bytes_sent', 'bytes', 'Bytes of frames handed to sockets.'),
  writes: counter('writes', 'writes', 'Writes of frames to sockets.'),
  writesBlocked: counter('writes_blocked', 'writes', 'Writes that the kernel did not take whole.'),
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
  upstreamReconnects: counter('upstream_reconnects', 'reconnects', 'Sessions with the feed after the first.'),
  laneRestarts: counter('lane_restarts', 'restarts', 'Lanes replaced after a crash or a hang.'),
} as const satisfies Record<string, MetricDescription>

/** Written by the main thread: of the gateway's own server, which users of the library do not have. */
export const SERVER_METRICS = {
  connectionsPending: gauge('connections_pending', 'connections', 'Connections now that are no clients yet.'),
  droppedPending: dropped(
    'pending_limit',
    'Dropped for a newer one: as many as allowed were no clients yet.',
  ),
  droppedTimeout: dropped('timeout', 'Dropped: no whole request had come in time.'),
  droppedDescriptors: dropped('descriptors', 'Dropped: the process had no file descriptor to spare.'),
  acceptErrors: counter('accept_errors', 'errors', 'Errors of the system as it accepted a connection.'),
} as const satisfies Record<string, MetricDescription>

/** Written by each lane. */
export const LANE_METRICS = {
  ticksDecoded: counter('lane_ticks_decoded', 'ticks', 'Ticks decoded.'),
  ticksMalformed: counter('lane_ticks_malformed', 'ticks', 'Ticks that could not be decoded.'),
  ticksPoison: counter(
    'lane_ticks_poison',
    'ticks',
    'Ticks skipped because two workers in a row failed at them.',
  ),
  ticksDuplicate: counter(
    'lane_ticks_duplicate',
    'ticks',
    'Ticks dropped because their position was not above the last one.',
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
  upstreamGaps: counter('lane_upstream_gaps', 'gaps', 'Gaps in what the feed sent.'),
  positionBreaks: counter(
    'lane_position_breaks',
    'ticks',
    'Ticks whose position went back, or jumped so far that it cannot be true.',
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
  busyUs: counter('lane_busy_us', 'µs', 'Time spent working.'),
  idleUs: counter('lane_idle_us', 'µs', 'Time spent asleep.'),
} as const satisfies Record<string, MetricDescription>

export type MainMetric = keyof typeof MAIN_METRICS
export type ServerMetric = keyof typeof SERVER_METRICS
export type LaneMetric = keyof typeof LANE_METRICS

function slots<Key extends string>(table: Record<Key, MetricDescription>): Readonly<Record<Key, number>> {
  return Object.fromEntries(Object.keys(table).map((key, slot) => [key, slot])) as Record<Key, number>
}

/** The slot of each metric in its block. */
export const MAIN_SLOTS = slots(MAIN_METRICS)
export const LANE_SLOTS = slots(LANE_METRICS)
export const MAIN_SLOT_COUNT = Object.keys(MAIN_METRICS).length
export const LANE_SLOT_COUNT = Object.keys(LANE_METRICS).length
