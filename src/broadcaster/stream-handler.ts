/**
 * The broadcaster without a feed and without a server. Main thread.
 * The gateway adds a feed and a server. A user of the library adds their own.
 */
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { systemClock } from '../common/clock.js'
import { RingcastError } from '../common/errors.js'
import { silentLog } from '../common/log.js'
import { quoteValue } from '../common/quote-value.js'
import { type HandlerOptions, handlerOptions } from '../config/config.js'
import { checkObject, checkOptions, hasMethods } from '../config/option-check.js'
import type { TickSink } from '../ingest/tick-sink.js'
import { readCounter } from '../memory/counters.js'
import type { ClientQuery, ClientRow } from '../metrics/client-view.js'
import { LANE_SLOTS, MAIN_SLOTS } from '../metrics/metric-table.js'
import type { MetricsView } from '../metrics/metrics-view.js'
import type { SymbolSample } from '../metrics/overview.js'
import type { FeedState } from '../protocol/messages.js'
import type { TickSource } from '../sources/tick-source.js'
import type { PushedTick } from '../ticks/pushed-tick.js'
import type { TickCodec } from '../ticks/tick-codec.js'
import { tickCodecOf } from '../ticks/tick-codec-of.js'
import type { TickSchema } from '../ticks/tick-schema.js'
import { assembleBroadcaster, type Broadcaster } from './broadcaster.js'
import { CLIENTS_SHOWN_DEFAULT, clientQueryRules } from './client-query.js'
import { partRules, type StreamHandlerParts } from './handler-parts.js'
import { type PushedGap, pushedGapRules } from './pushed-gap.js'
import { pushedStateRules } from './pushed-state.js'
import type { ShutdownTimes } from './shutdown.js'
import { shutdownRules } from './shutdown-times.js'

const SHUTDOWN_TIMEOUT_MS = 10_000

/** The settings of a handler, and the schema of its ticks. */
export interface StreamHandlerOptions extends Readonly<Partial<HandlerOptions>> {
  /** Of the ticks that are pushed; unset: quotes and trades. */
  readonly schema?: TickSchema | undefined
}

const SOURCE_METHODS: readonly (keyof TickSource)[] = ['start', 'pause', 'resume', 'status', 'stop']

/** With a schema of one's own: `new StreamHandler<MyTick>({ schema })`. */
export class StreamHandler<Tick extends object = PushedTick> {
  /** The options, with their defaults filled in. */
  readonly settings: HandlerOptions
  private readonly broadcaster: Broadcaster
  private readonly codec: TickCodec
  private source: TickSource | undefined

  /**
   * Starts the worker threads at once. Clients and ticks may come before the threads run.
   *
   * @throws RingcastError `option_invalid`, naming everything that is wrong
   */
  constructor(options: StreamHandlerOptions = {}, parts: StreamHandlerParts = {}) {
    checkObject(options, 'options')
    const { schema, ...settings } = options
    this.settings = handlerOptions(settings)
    checkOptions(parts, partRules, 'the second argument of a StreamHandler')
    const { authenticate, authorize } = parts
    if (authorize !== undefined && authenticate === undefined)
      throw new RingcastError('option_invalid', 'authorize: needs authenticate, which says who the client is')
    this.codec = tickCodecOf(schema, this.settings.tickBytesMax)
    this.broadcaster = assembleBroadcaster(this.settings, {
      schema,
      codec: this.codec,
      clock: parts.clock ?? systemClock,
      log: parts.log ?? silentLog,
      positions: {
        tellLosses: parts.positionsTellLosses ?? true,
        areRepeated: parts.ticksAreRepeated ?? false,
      },
      laneFile: parts.laneFile,
      hooks: authenticate && { authenticate, authorize },
    })
  }

  /**
   * Names the count to which offsets belong: that of the source where it names one and its ticks have positions, else a
   * random one, 8 characters of base64url.
   */
  get epoch(): string {
    return this.broadcaster.ingest.numbering.epoch.name
  }

  /**
   * Answers an `upgrade` event of an `http.Server` or `https.Server`: with a WebSocket at `/ws/ticks`, else with a
   * refusal.
   *
   * @returns whether the connection has become a WebSocket. A refused connection ends by itself
   */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean {
    return this.broadcaster.clients.admission.handleUpgrade(request, socket, head)
  }

  /**
   * Sends a tick to every client that has subscribed to its symbol.
   *
   * @param tick with a schema: the fields of its message, by their names in JSON or in the `.proto` file
   * @returns false when the queue is full or the handler has shut down, after its drain. The tick was not taken, and is counted as refused
   * @throws RingcastError `tick_invalid`, naming the field, its value and the rule
   */
  broadcastTick(tick: Tick): boolean {
    const { ingest, metrics, shutdown } = this.broadcaster
    const bytes = this.codec.encodePushed(tick)
    if (shutdown.takesTicks) return ingest.tryPush(bytes)
    metrics.counters.values[MAIN_SLOTS.ticksRefused]! += 1
    return false
  }

  /**
   * Tells every client of ticks that will not be pushed, for example after an outage of the feed. The gap stands
   * between the ticks pushed before it and those pushed after it, also for clients that are behind or resume.
   * While the queue is full, the gap waits for room, and no tick is taken before it.
   *
   * @returns false after `shutdown`: no client is told
   * @throws RingcastError `option_invalid`, naming the field, its value and the rule
   */
  gap(gap: PushedGap): boolean {
    checkOptions(gap, pushedGapRules, 'a gap, see PushedGap,')
    const { ingest, shutdown } = this.broadcaster
    if (!shutdown.takesTicks) return false
    const { missed, reason = 'upstream' } = gap
    ingest.lose({ reason, missed })
    return true
  }

  /**
   * Tells every client whether ticks come, behind all ticks so far. New clients are told the last state, too. The same
   * state and reason again tell nothing. An attached GrpcSource calls it by itself.
   *
   * @param reason one sentence for every client, of 1 to 200 characters: no secrets
   * @returns false after `shutdown`: no client is told
   * @throws RingcastError `option_invalid`, naming the value and the rule
   */
  setSourceState(state: FeedState, reason?: string): boolean {
    checkOptions({ state, reason }, pushedStateRules, 'a state of the source')
    const { ingest, shutdown } = this.broadcaster
    if (!shutdown.takesTicks) return false
    ingest.tellState(state, reason)
    return true
  }

  /**
   * Lets a source push ticks into this handler. The handler pauses the source when the lanes are behind, and stops it
   * at the shutdown.
   *
   * @throws RingcastError `option_invalid` for a value that is no source, `handler_stopped` after `shutdown`,
   *   `source_attached` for a second source, and for a source that was started before
   */
  attachSource(source: TickSource): void {
    if (!hasMethods(source, SOURCE_METHODS)) {
      throw new RingcastError(
        'option_invalid',
        `a source must have the methods ${SOURCE_METHODS.join(', ')}, see TickSource, got ${quoteValue(source)}`,
      )
    }
    const { history, ingest, shutdown } = this.broadcaster
    if (shutdown.hasBegun) {
      throw new RingcastError(
        'handler_stopped',
        'the handler was shut down: attach the source to a new StreamHandler',
      )
    }
    if (this.source !== undefined) {
      throw new RingcastError(
        'source_attached',
        'the handler has a source already: make a StreamHandler for each source',
      )
    }
    const origin = source.history?.()
    if (origin !== undefined) history.attach(origin)
    ingest.attach(source)
    source.start(ingest satisfies TickSink)
    this.source = source
  }

  /** The counters, queues and latencies, as `/metrics.json` shows them. */
  getMetrics(): MetricsView {
    const { ingest, laneHandles, metrics, summarizeLag, supervisor } = this.broadcaster
    return metrics.view({
      lanes: laneHandles.map((handle, lane) => ({
        ...supervisor.lifeOf(lane),
        frameRing: handle.stream.ringOccupancy(),
        queueDepth: ingest.lag(handle),
        queueCapacity: this.settings.queueSize,
        audiences: handle.stream.audiences.size,
        clients: handle.stream.clientCounts(),
      })),
      lag: summarizeLag(),
      clientsMax: this.settings.maxClients,
      offset: ingest.numbering.offset,
      epoch: this.epoch,
      isUpstreamPaused: ingest.isPaused,
    })
  }

  /** The symbols with the most ticks among the newest 2,000. It reads those again: about two milliseconds. */
  sampleSymbols(): SymbolSample {
    return this.broadcaster.symbols.sample()
  }

  /** Whether every lane runs and the handler does not shut down. */
  isHealthy(): boolean {
    const { shutdown, supervisor } = this.broadcaster
    return !shutdown.hasBegun && supervisor.areAllRunning
  }

  /** For how long a lane has been failing again and again, ms; 0: none is. */
  laneTroubleMs(): number {
    return this.broadcaster.supervisor.troubleMs
  }

  /** Whether there is room for the latest ticks of all symbols. Otherwise snapshots lack some: raise `latestBytes`. */
  hasRoomForLatest(): boolean {
    return this.broadcaster.metrics.laneBlocks.every(
      block => readCounter(new BigInt64Array(block), LANE_SLOTS.latestFull) === 0,
    )
  }

  /**
   * Asks `authorize` again what a client may see, and gives it that from now on. A client whose access is revoked gets
   * no further tick, and is gone within a second.
   *
   * @param clientId its name, as `authorize` and the client's `subscribed` have it
   * @returns false: no such client is connected, or the handler has no `authenticate`
   */
  reauthorize(clientId: string): boolean {
    const { access, registry } = this.broadcaster.clients
    const client = registry.find(clientId)
    if (access === undefined || client === undefined) return false
    access.renewals.reauthorize(client)
    return true
  }

  /**
   * The clients that are connected, for people who look for a slow one. It looks at each client: about 1 µs.
   *
   * @param query `sort`: what comes first, `lag` by default. `limit`: 20 by default
   * @throws RingcastError `option_invalid`, naming the value and the rule
   */
  getClients(query: Partial<ClientQuery> = {}): ClientRow[] {
    checkOptions(query, clientQueryRules, 'the argument of getClients')
    const { sort = 'lag', limit = CLIENTS_SHOWN_DEFAULT } = query
    return this.broadcaster.listClients({ sort, limit })
  }

  /**
   * Closes a client with 4010.
   *
   * @param id as in `getClients` and in the client's `subscribed` message
   * @returns false when no such client is connected, or it is closed already
   */
  closeClient(id: string): boolean {
    return this.broadcaster.clients.registry.closeNamed(id)
  }

  /** How many clients are connected. */
  getClientCount(): number {
    return this.broadcaster.clients.registry.count
  }

  /**
   * Accepts no more clients, and sends each client away: with a `goodbye` behind what is queued for it, and 1001. Then
   * it ends the worker threads.
   *
   * With `drainMs`, the clients leave one by one over that time. The others go on getting ticks meanwhile, so go on
   * calling `broadcastTick`. Then no tick is taken any more, and the clients that are left leave, too. After
   * `timeoutMs` more, those are cut that do not read.
   *
   * @param times `drainMs`: 0 by default. `timeoutMs`: 10,000 by default
   * @returns resolves when everything has ended, a little after `drainMs` and `timeoutMs` at the latest. Later calls
   * return the same promise
   * @throws RingcastError `option_invalid` when `timeoutMs` is not a number above 0 and below 2^31, or `drainMs` not one
   * from 0 on
   */
  shutdown(times: Partial<ShutdownTimes> = {}): Promise<void> {
    checkOptions(times, shutdownRules, 'the argument of shutdown')
    const { drainMs = 0, timeoutMs = SHUTDOWN_TIMEOUT_MS } = times
    return this.broadcaster.shutdown.begin({ drainMs, timeoutMs }, async () => this.source?.stop())
  }
}
