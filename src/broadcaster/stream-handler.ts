/**
 * The broadcaster without a feed and without a server: tick log, lanes, transmitter, clients. Main thread.
 * The gateway puts a feed and a server around it; users of the library put their own.
 */
import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { assembleClients, type Clients } from '../clients/clients.js'
import { type Clock, systemClock, TIMER_MS_MAX } from '../common/clock.js'
import { doneWithin } from '../common/deadline.js'
import { RingcastError } from '../common/errors.js'
import { type Log, silentLog } from '../common/log.js'
import { PatientClock } from '../common/patient-clock.js'
import { quoteValue } from '../common/quote-value.js'
import { type HandlerOptions, handlerOptions } from '../config/config.js'
import { checkOptions, clockRule, hasMethods, type OptionRule, withMethods } from '../config/option-check.js'
import { LaneLink } from '../fanout/lane-link.js'
import { Membership } from '../fanout/membership.js'
import { Transmitter } from '../fanout/transmitter.js'
import { Ingest } from '../ingest/ingest.js'
import type { TickSink } from '../ingest/tick-sink.js'
import { TURN_OVERSHOOT_BYTES } from '../lane-protocol/lane-task.js'
import { chooseLane } from '../lanes/lane-placement.js'
import { LanePool } from '../lanes/lane-pool.js'
import { PositionWatch } from '../lanes/position-watch.js'
import { CounterWriter, counterBlockBytes } from '../memory/counters.js'
import { laneLayout } from '../memory/lane-layout.js'
import { tickLogBytes } from '../memory/tick-log-memory.js'
import { Histogram } from '../metrics/histogram.js'
import { LANE_SLOT_COUNT, MAIN_SLOT_COUNT, MAIN_SLOTS } from '../metrics/metric-table.js'
import { laneCounters, type MetricsView, mainCounters, utilisation } from '../metrics/metrics-view.js'
import type { TickSource } from '../sources/tick-source.js'
import { encodePushedTick } from '../ticks/market-tick-encoder.js'
import type { PushedTick } from '../ticks/pushed-tick.js'
import { type PushedGap, pushedGapRules } from './pushed-gap.js'

/** What the parts may be given beside the settings. */
export interface StreamHandlerParts {
  readonly clock?: Clock
  readonly log?: Log
  /** Whether a hole in the feed's positions is a loss: not when only some symbols were asked for. Default true. */
  readonly positionsTellLosses?: boolean
  /** The lanes' worker file. */
  readonly laneFile?: string
}

const PART_RULES: Readonly<Record<keyof StreamHandlerParts, OptionRule>> = {
  clock: clockRule,
  log: withMethods('debug', 'info', 'warn', 'error'),
  positionsTellLosses: { rule: 'must be true or false', holds: value => typeof value === 'boolean' },
  laneFile: { rule: 'must be the URL of a file', holds: value => typeof value === 'string' },
}
const SOURCE_METHODS: readonly (keyof TickSource)[] = ['start', 'pause', 'resume', 'status', 'stop']

/** A lane's scratch holds the encoded ticks of a turn, in each of two encodings twice what one audience may take. */
const SCRATCH_PER_TURN_BYTES = 4
const SCRATCH_BYTES_MIN = 64 * 1024

export class StreamHandler {
  readonly settings: HandlerOptions
  /** Names the run of this handler; offsets belong to it. */
  readonly epoch = randomBytes(6).toString('base64url')
  private readonly log: Log
  private readonly clock: Clock
  private readonly patience: PatientClock
  private readonly links: readonly LaneLink[]
  private readonly mainBlock: BigInt64Array
  private readonly laneBlocks: readonly SharedArrayBuffer[]
  private readonly latency = new Histogram()
  private readonly answerLatency = new Histogram()
  private readonly counters: CounterWriter
  private readonly intake: Ingest
  private readonly transmitter: Transmitter
  private readonly clients: Clients
  private readonly pool: LanePool
  private readonly positionWatch: PositionWatch
  private stopping: Promise<void> | undefined
  private source: TickSource | undefined
  /** Lanes that have published all that came before the shutdown. */
  private readonly finished = new Set<LaneLink>()
  /** Whether each client is to be closed when it has been sent all of that. */
  private closesServed = false

  /**
   * Starts the lanes at once; clients and ticks may come before the lanes are up.
   *
   * @throws RingcastError `option_invalid`, naming everything that is wrong
   */
  constructor(options: Readonly<Partial<HandlerOptions>> = {}, parts: StreamHandlerParts = {}) {
    const settings = handlerOptions(options)
    checkOptions(parts, PART_RULES, 'the second argument of a StreamHandler')
    this.settings = settings
    this.log = parts.log ?? silentLog
    this.clock = parts.clock ?? systemClock
    this.patience = new PatientClock(this.clock, shortestTimeoutMs(settings))
    this.mainBlock = new BigInt64Array(new SharedArrayBuffer(counterBlockBytes(MAIN_SLOT_COUNT)))
    this.counters = new CounterWriter(this.mainBlock)
    const scratchBytes = Math.max(SCRATCH_BYTES_MIN, SCRATCH_PER_TURN_BYTES * settings.turnBytesMax)
    const layout = laneLayout(
      settings.frameRingBytes,
      settings.turnBytesMax + TURN_OVERSHOOT_BYTES,
      scratchBytes,
    )
    const links = Array.from(
      { length: settings.poolSize },
      (_, index) =>
        new LaneLink(index, layout, settings.latestBytes, (link, segment) =>
          this.transmitter.cutOffHolders(link, segment),
        ),
    )
    this.links = links
    this.laneBlocks = links.map(() => new SharedArrayBuffer(counterBlockBytes(LANE_SLOT_COUNT)))
    const tickLog = new SharedArrayBuffer(tickLogBytes(settings.tickLogBytes))
    const { clock, counters, epoch, patience } = this
    this.intake = new Ingest({ tickLog, links, queueSize: settings.queueSize, clock, counters })
    const membership = new Membership({
      links,
      place: (candidates, hasAudience) =>
        chooseLane(candidates, hasAudience, link => this.intake.lag(link) > settings.queueSize / 2),
      send: (lane, command) => this.intake.command(lane, command),
      clock,
      answerLatency: this.answerLatency,
    })
    this.transmitter = new Transmitter({
      clock,
      patience,
      counters,
      latency: this.latency,
      passBudgetMs: settings.passBudgetMs,
      gatherMs: settings.gatherMs,
      links,
      events: {
        lapped: recipient => membership.lapped(recipient),
        joined: (recipient, isWhole) => membership.joined(recipient, isWhole),
        deferred: recipient => membership.defer(recipient),
        replayed: (recipient, position) => membership.replayed(recipient, position),
        replayEnded: recipient => membership.leave(recipient),
        caughtUp: recipient => membership.goOn(recipient),
        cutOff: recipient => this.clients.registry.evict(recipient),
        afterRun: () => this.afterRun(),
      },
    })
    this.clients = assembleClients({
      settings,
      epoch,
      clock,
      log: this.log,
      patience,
      counters,
      transmitter: this.transmitter,
      membership,
      replyBytesMax: Math.min(settings.turnBytesMax, this.intake.commandBytesMax),
      isOverloaded: () => this.intake.isFull,
      lastOffset: () => this.intake.offset,
    })
    this.pool = new LanePool(
      {
        links,
        tickLog,
        counters: this.laneBlocks,
        epoch,
        turnBytesMax: settings.turnBytesMax,
        compression: { bytesMin: settings.compressionMinBytes, level: settings.compressionLevel },
        positionsTellLosses: parts.positionsTellLosses ?? true,
        laneHangTimeoutMs: settings.laneHangTimeoutMs,
        clock,
        patience,
        log: this.log,
        ...(parts.laneFile === undefined ? {} : { laneFile: parts.laneFile }),
      },
      {
        rang: () => this.transmitter.wake(),
        failed: (lane, error) => this.laneFailed(lane, error),
        clientFailed: id => this.clientFailed(id),
        replacing: link => this.transmitter.laneEnded(link),
        hasUnread: link => this.intake.hasUnread(link),
      },
    )
    this.positionWatch = new PositionWatch({ clock, log: this.log, laneBlocks: this.laneBlocks })
    // From here on the lanes ring.
    this.transmitter.wake()
  }

  /**
   * Answers an `upgrade` event of any `http.Server`: a WebSocket on `/ws/ticks`, a refusal on every other path.
   *
   * @returns whether the connection has become a WebSocket; one that was refused ends by itself
   */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean {
    return this.clients.admission.handleUpgrade(request, socket, head)
  }

  /**
   * Sends a tick to every client that wants it.
   *
   * @returns false when the queue is full: nothing was taken, and the refusal was counted
   * @throws RingcastError `tick_invalid`, naming the field, its value and the rule
   */
  broadcastTick(tick: PushedTick): boolean {
    if (typeof tick !== 'object' || tick === null) {
      throw new RingcastError(
        'tick_invalid',
        `a tick must be an object, see PushedTick, got ${quoteValue(tick)}`,
      )
    }
    const bytes = encodePushedTick(tick)
    if (this.stopping !== undefined) {
      this.counters.values[MAIN_SLOTS.ticksRefused]! += 1
      return false
    }
    return this.intake.tryPush(bytes)
  }

  /**
   * Tells every client that ticks are missing which nobody will push: after an outage of the feed, say. The gap stands between the ticks
   * pushed before it and those pushed after it, also for clients that are behind or resume. While the queue is full it waits for room,
   * and no tick is taken before it.
   *
   * @returns false after `shutdown`: nobody is told then
   * @throws RingcastError `option_invalid`, naming the field, its value and the rule
   */
  gap(gap: PushedGap): boolean {
    checkOptions(gap, pushedGapRules, 'a gap, see PushedGap,')
    if (this.stopping !== undefined) return false
    const { missed, reason = 'upstream' } = gap
    this.intake.lose({ op: 'lost', reason, missed, isUnnumbered: true })
    return true
  }

  /**
   * Lets a source push into this handler and be paused by it; `shutdown` stops it.
   *
   * @throws RingcastError `handler_stopped` after `shutdown`, `source_attached` for a second source or one that was started
   *   before, `option_invalid` for what is no source
   */
  attachSource(source: TickSource): void {
    if (!hasMethods(source, SOURCE_METHODS)) {
      throw new RingcastError(
        'option_invalid',
        `a source must have the methods ${SOURCE_METHODS.join(', ')}, see TickSource, got ${quoteValue(source)}`,
      )
    }
    if (this.stopping !== undefined) {
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
    this.intake.attach(source)
    source.start(this.intake satisfies TickSink)
    this.source = source
  }

  getMetrics(): MetricsView {
    this.counters.flush()
    return {
      counters: mainCounters(this.mainBlock),
      lanes: this.links.map((link, lane) => {
        const counters = laneCounters(new BigInt64Array(this.laneBlocks[lane]!))
        return {
          lane,
          queueDepth: this.intake.lag(link),
          queueCapacity: this.settings.queueSize,
          utilisation: utilisation(counters),
          audiences: link.audiences.size,
          counters,
        }
      }),
      latency: this.latency.view(),
      answerLatency: this.answerLatency.view(),
      offset: this.intake.offset,
      epoch: this.epoch,
      isUpstreamPaused: this.intake.isPaused,
    }
  }

  /** Whether every lane runs and the handler is not shutting down. */
  isHealthy(): boolean {
    return this.stopping === undefined && this.pool.isWhole
  }

  getClientCount(): number {
    return this.clients.registry.count
  }

  /**
   * Lets nobody in any more, closes each client with 1001 as soon as it has been sent what is queued for it, ends the lanes. Resolves
   * when all of it is gone, at the latest a little after `timeoutMs`; whoever has not gone by then is cut. Calls after the first wait for it.
   *
   * @throws RingcastError `option_invalid` when `timeoutMs` is not a positive number that a timer takes
   */
  shutdown({ timeoutMs = 10_000 }: { readonly timeoutMs?: number } = {}): Promise<void> {
    if (!(timeoutMs > 0 && timeoutMs <= TIMER_MS_MAX)) {
      throw new RingcastError(
        'option_invalid',
        `timeoutMs must be a positive number of milliseconds up to ${TIMER_MS_MAX}, got ${quoteValue(timeoutMs)}`,
      )
    }
    this.stopping ??= this.stop(timeoutMs)
    return this.stopping
  }

  private async stop(timeoutMs: number): Promise<void> {
    this.clients.admission.drain()
    try {
      await doneWithin(this.clock, timeoutMs, this.closeInOrder())
    } finally {
      this.clients.registry.stop()
      this.transmitter.stop()
      await this.pool.stop()
      this.positionWatch.stop()
      this.patience.stop()
      this.counters.flush()
    }
  }

  /** Resolves when every client has been sent all that came, and is gone. */
  private async closeInOrder(): Promise<void> {
    await this.source?.stop()
    this.closesServed = true
    // Until they have caught up, the lanes ring when they get further.
    void this.intake.caughtUp()
    this.closeServed()
    await this.clients.registry.empty()
  }

  private afterRun(): void {
    this.pool.replaceEnded()
    this.intake.lanesMoved()
    if (this.closesServed) this.closeServed()
  }

  /** Closes the clients that have been sent all that came before the shutdown, and does not wait for any other. */
  private closeServed(): void {
    for (const link of this.links) if (!this.intake.isBehind(link)) this.finished.add(link)
    this.clients.registry.closeServed(recipient => {
      const { audience } = recipient
      return (
        audience !== undefined &&
        this.finished.has(this.links[audience.lane]!) &&
        this.transmitter.hasSentAll(recipient)
      )
    })
  }

  private laneFailed(lane: number, error: Error): void {
    this.counters.values[MAIN_SLOTS.laneRestarts]! += 1
    this.log.error({ lane, err: error }, 'a lane failed and is replaced')
  }

  private clientFailed(id: number): void {
    const isEnded = this.clients.registry.endFaulty(id)
    this.log.error(
      { client: `${this.epoch}-${id}`, isEnded },
      'two lanes failed as they answered a client, which no other will answer',
    )
  }
}

/** Of those by which a peer or a lane is judged. */
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
