/**
 * Wires the parts between a tick and a socket: tick log, lanes, transmitter, clients. Main thread.
 * It only assembles: each part's own file says what the part does. Parts that need one another are named in callbacks,
 * which nobody calls before all parts are there.
 */
import type { AccessHooks } from '../clients/access/access-control.js'
import { listClients } from '../clients/client-list.js'
import { assembleClients, type Clients } from '../clients/clients.js'
import type { Clock } from '../common/clock.js'
import { RingcastError } from '../common/errors.js'
import type { Log } from '../common/log.js'
import { PatientClock } from '../common/patient-clock.js'
import type { HandlerOptions } from '../config/config.js'
import { summarizeLag } from '../fanout/lag-summary.js'
import { Membership } from '../fanout/membership.js'
import { Transmitter } from '../fanout/transmitter.js'
import { FeedLatency } from '../ingest/feed-latency.js'
import type { PositionRules } from '../ingest/feed-positions.js'
import { Ingest } from '../ingest/ingest.js'
import { LogExtent } from '../ingest/log-extent.js'
import { randomEpochName } from '../ingest/offset-counter.js'
import { PositionWatch } from '../ingest/position-watch.js'
import { SymbolSampler } from '../ingest/symbol-sampler.js'
import { turnOvershootBytes } from '../lane-protocol/lane-task.js'
import { CommandSender } from '../lanes/command-sender.js'
import { LaneHandle } from '../lanes/lane-handle.js'
import { chooseLane } from '../lanes/lane-placement.js'
import { type LaneAssignment, LanePool } from '../lanes/lane-pool.js'
import { LaneSupervisor, type Quarantine } from '../lanes/lane-supervisor.js'
import { LatestWatch } from '../lanes/latest-watch.js'
import { SymbolWatch } from '../lanes/symbol-watch.js'
import { encodedLatestBytes, type LaneLayout, laneLayout, SEGMENT_COUNT_MIN } from '../memory/lane-layout.js'
import { tickLogBytes } from '../memory/tick-log-memory.js'
import type { ClientQuery, ClientRow } from '../metrics/client-view.js'
import type { LagView } from '../metrics/lag-view.js'
import { MAIN_SLOTS } from '../metrics/metric-table.js'
import type { TickCodec } from '../ticks/tick-codec.js'
import type { TickSchema } from '../ticks/tick-schema.js'
import { HandlerMetrics } from './handler-metrics.js'
import { assembleHistory, type History } from './history.js'
import { Shutdown } from './shutdown.js'

/**
 * The scratch of a lane holds the ticks of one turn: two encodings × twice a turn's bytes, and two of the longest ticks in
 * each.
 */
const SCRATCH_BYTES_PER_TURN_BYTE = 4
const SCRATCH_BYTES_MIN = 64 * 1024

export interface BroadcasterDeps {
  readonly clock: Clock
  readonly log: Log
  readonly positions: PositionRules
  /** Of the user's ticks; undefined: quotes and trades. */
  readonly schema: TickSchema | undefined
  /** The codec of the schema. */
  readonly codec: TickCodec
  /** The worker's file; undefined: that of Ringcast. */
  readonly laneFile: string | undefined
  /** Who is let in; undefined: everybody. */
  readonly hooks: AccessHooks | undefined
}

export interface Broadcaster {
  readonly laneHandles: readonly LaneHandle[]
  readonly metrics: HandlerMetrics
  readonly ingest: Ingest
  readonly clients: Clients
  readonly supervisor: LaneSupervisor
  readonly shutdown: Shutdown
  readonly history: History
  readonly symbols: SymbolSampler
  readonly listClients: (query: ClientQuery) => ClientRow[]
  readonly summarizeLag: () => LagView
}

/** Starts the lanes at once. Clients and ticks may come before the lanes run. */
export function assembleBroadcaster(settings: HandlerOptions, deps: BroadcasterDeps): Broadcaster {
  const { clock, codec, log } = deps
  const processName = randomEpochName()
  const patience = new PatientClock(clock, shortestTimeoutMs(settings))
  const metrics = new HandlerMetrics(settings.poolSize)
  const { counters } = metrics

  // Shared memory
  const layout = layoutOf(settings, codec)
  const laneHandles = Array.from(
    { length: settings.poolSize },
    (_, lane) =>
      new LaneHandle(lane, layout, settings.latestBytes, (stream, segment) =>
        transmitter.evictHolders(stream, segment),
      ),
  )
  const streams = laneHandles.map(({ stream }) => stream)
  const positionWatch = new PositionWatch(clock, log)
  const tickLog = new SharedArrayBuffer(tickLogBytes(settings.tickLogBytes))
  const ingest = new Ingest({
    tickLog,
    lanes: laneHandles,
    queueSize: settings.queueSize,
    codec,
    positions: deps.positions,
    epochName: processName,
    positionWatch,
    streamMoved: () => {
      clients.resumeWaits.streamMoved()
      history.clients.streamMoved()
    },
    clock,
    counters,
  })

  const extent = new LogExtent(tickLog, ingest.numbering)

  const sender = new CommandSender({
    lanes: laneHandles,
    textBytesMax: settings.turnBytesMax,
    logPosition: () => ingest.logPosition,
    counters,
  })
  const isFarBehind = (lane: number): boolean =>
    ingest.lag(laneHandles[lane]!) > settings.queueSize / 2 || sender.isWaiting(lane)

  // To the sockets
  const { numbering } = ingest
  const history = assembleHistory({
    settings,
    schema: deps.schema,
    numbering,
    extent,
    membership: () => membership,
    transmitter: () => transmitter,
    goodbyeGiven: recipient => clients.registry.goodbyeGiven(recipient),
    clock,
    log,
    counters,
  })
  const membership = new Membership({
    streams,
    place: (candidates, hasAudience) =>
      chooseLane(candidates, hasAudience, ({ index }) => isFarBehind(index)),
    send: (lane, command) => sender.send(lane, command),
    clock,
    counters,
    replyLatency: metrics.replyLatency,
    past: history.clients,
    goodbyeGiven: recipient => clients.registry.goodbyeGiven(recipient),
    overrun: (recipient, missed) => clients.registry.overrun(recipient, missed),
  })
  const transmitter = new Transmitter({
    clock,
    patience,
    counters,
    latency: metrics.latency,
    writeSizes: metrics.writeSizes,
    passBudgetMs: settings.passBudgetMs,
    gatherMs: settings.gatherMs,
    membership,
    streams,
    events: {
      evict: recipient => clients.registry.evict(recipient),
      afterRun: () => {
        supervisor.replaceEnded()
        ingest.lanesMoved()
        sender.lanesMoved()
        shutdown.afterRun()
      },
    },
  })
  const clients = assembleClients({
    settings,
    processName,
    clock,
    log,
    patience,
    counters,
    transmitter,
    membership,
    replyBytesMax: settings.turnBytesMax,
    areLanesBusy: () => sender.isFull,
    isLaneBusy: recipient => {
      const lane = membership.laneOf(recipient)
      return lane !== undefined && sender.isWaiting(lane)
    },
    hooks: deps.hooks,
    numbering,
    past: history.extent,
  })

  // The lanes
  const assignmentOf = (lane: number, quarantine: Quarantine): LaneAssignment => {
    const handle = laneHandles[lane]!
    const { epoch, status } = ingest.stateAt(handle)
    return {
      lane,
      epoch,
      epochs: ingest.numbering.epochsUpTo(handle.state.committed().serial),
      tickLog,
      commands: sender.rings[lane]!,
      memory: handle.shared,
      layout,
      latest: handle.latest,
      counters: metrics.laneBlocks[lane]!,
      turnBytesMax: settings.turnBytesMax,
      compression: { bytesMin: settings.compressionMinBytes, level: settings.compressionLevel },
      schema: deps.schema,
      tickBytesMax: settings.tickBytesMax,
      feedStatus: status,
      audiences: [...handle.stream.audiences.values()].map(audience => audience.state),
      ...quarantine,
    }
  }
  const supervisor = new LaneSupervisor({
    lanes: laneHandles,
    pool: new LanePool({ log, laneFile: deps.laneFile, onWakeUp: () => transmitter.wake() }),
    laneHangTimeoutMs: settings.laneHangTimeoutMs,
    clock,
    patience,
    log,
    assignmentOf,
    hasWork: lane =>
      ingest.hasUnread(laneHandles[lane]!) ||
      sender.hasUntaken(lane) ||
      laneHandles[lane]!.currentClient !== 0,
    failed: (lane, err) => {
      sender.laneEnded(lane)
      counters.values[MAIN_SLOTS.laneRestarts]! += 1
      log.error({ lane, err }, 'a lane failed and is replaced')
      transmitter.wake()
    },
    clientQuarantined: id => {
      const isEnded = clients.registry.endFaulty(id)
      log.error(
        { client: `${processName}-${id}`, isEnded },
        'two lanes in a row failed as they served a client: no lane serves it any more',
      )
    },
    replacing: lane => {
      const handle = laneHandles[lane]!
      // Replies of which a part was sent end here. The requests that are left have no reply so far, see
      // docs/decisions/0041-commands-have-a-ring-of-their-own.md.
      transmitter.laneEnded(handle.stream)
      handle.laneEnded()
      sender.laneReplaced(lane)
      membership.sendAgain(lane)
      log.info({ lane }, 'the lane has a successor, which goes on where the lane ended')
    },
  })
  const watches = [
    positionWatch,
    new FeedLatency({ tickLog, numbering, codec, clock, latency: metrics.feedLatency }),
    new LatestWatch({ clock, log, laneBlocks: metrics.laneBlocks, latestBytes: settings.latestBytes }),
    ...(deps.schema === undefined ? [] : [new SymbolWatch({ clock, log, laneBlocks: metrics.laneBlocks })]),
  ]

  const shutdown = new Shutdown({
    history,
    clock,
    ingest,
    transmitter,
    clients,
    supervisor,
    watches,
    patience,
    counters,
  })
  // From here on the lanes wake the main thread.
  transmitter.wake()
  return {
    laneHandles,
    metrics,
    ingest,
    clients,
    supervisor,
    shutdown,
    history,
    symbols: new SymbolSampler(tickLog, numbering, codec),
    summarizeLag: () => summarizeLag(transmitter.laggingRecipients(), { clock, patience, streams }),
    listClients: query => listClients(clients.registry.all, query, { clock, patience, streams }),
  }
}

/** @throws RingcastError `option_invalid` when the frame ring is too small for ticks of the schema */
export function layoutOf(settings: HandlerOptions, codec: TickCodec): LaneLayout {
  const { frameRingBytes, latestBytes, tickBytesMax, turnBytesMax } = settings
  const overshootBytes = turnOvershootBytes(codec)
  const recordBytesMax = turnBytesMax + overshootBytes
  const ringBytesMin = 2 * SEGMENT_COUNT_MIN * recordBytesMax
  if (frameRingBytes < ringBytesMin)
    throw new RingcastError(
      'option_invalid',
      `frameRingBytes=${frameRingBytes}: must be at least ${ringBytesMin}, because a tick of tickBytesMax=${tickBytesMax} may take ${overshootBytes} bytes in a frame`,
    )
  const scratchBytesMin = Math.max(SCRATCH_BYTES_MIN, SCRATCH_BYTES_PER_TURN_BYTE * overshootBytes)
  return laneLayout(
    frameRingBytes,
    recordBytesMax,
    Math.max(scratchBytesMin, SCRATCH_BYTES_PER_TURN_BYTE * turnBytesMax),
    encodedLatestBytes(recordBytesMax, latestBytes),
  )
}

/** The shortest timeout by which a client or a lane is judged. */
function shortestTimeoutMs(settings: HandlerOptions): number {
  return Math.min(
    settings.pingIntervalMs,
    settings.pongTimeoutMs,
    settings.readTimeoutMs,
    settings.writeTimeoutMs,
    settings.closeTimeoutMs,
    settings.laneHangTimeoutMs,
  )
}
