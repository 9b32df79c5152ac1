/**
 * Reads a tick feed over gRPC and keeps reading it: reconnects, and continues after the last tick. Main thread.
 * No message is pushed before `sessionStarted`.
 *
 *          ┌── at once after a call that has served, else a delay (jitter) ◄──┐
 *   start ─► call ─► connected ─► live ─► ended ───────────────────────────────┘    `stop` leads out of each state
 *             └─► other method, or other epoch: call again at once
 */

import type { Clock, Timer } from '../../common/clock.js'
import { RingcastError } from '../../common/errors.js'
import type { TickSink } from '../../ingest/tick-sink.js'
import type { HistoryOrigin } from '../../ticks/stream-history.js'
import { FeedMemory, OTHER_EPOCH, positionAfter } from '../feed-memory.js'
import type { SourceStatus, TickSource } from '../tick-source.js'
import { CallProgress } from './call-progress.js'
import { feedHistory } from './feed-history.js'
import { FeedLog, noFeedThere } from './feed-log.js'
import { type CallOutcome, GrpcCall } from './grpc-call.js'
import { type GrpcSourceOptions, grpcOptions } from './grpc-options.js'
import { type GrpcMethod, type GrpcTarget, pingedLessOften } from './grpc-target.js'
import { MethodChoice } from './method-choice.js'
import { OutageReason } from './outage-reason.js'
import { RetryRule } from './retry-rule.js'
import { StallTimer } from './stall-timer.js'
import { tickFeedCall } from './tick-feed-service.js'

export type { GrpcMethod, GrpcSourceOptions }

/** What the sources of several endpoints share with their owner. */
interface Endpoint {
  readonly memory?: FeedMemory
  /** Called after each call that has failed or ended. */
  readonly failed?: () => void
}

export class GrpcSource implements TickSource {
  private target: GrpcTarget
  private readonly symbols: string[]
  private readonly method: MethodChoice
  /** The method of a feed of another schema. It knows no positions, so its call cannot ask for one. */
  private readonly foreignMethod: GrpcMethod | undefined
  private readonly retryRule: RetryRule
  private readonly stallTimer: StallTimer
  private readonly clock: Clock
  private readonly log: FeedLog

  private sink: TickSink | undefined
  private isStopped = false
  private isPaused = false
  private lastError: string | undefined
  /** Whether the last message is too long ago. A connection alone is no sign of life then. */
  private isStalled = false
  private sessionCount = 0

  private readonly origin: HistoryOrigin | undefined
  private readonly memory: FeedMemory
  private readonly failed: () => void
  private call: GrpcCall | undefined
  /** Of the current try. */
  private progress: CallProgress
  private retryTimer: Timer | undefined
  private readonly outageReason = new OutageReason()

  /**
   * @param endpoint for one of several endpoints of a feed
   * @throws RingcastError `option_invalid`, with one line for each fault
   */
  constructor(options: GrpcSourceOptions, endpoint: Endpoint = {}) {
    this.memory = endpoint.memory ?? new FeedMemory()
    this.failed = endpoint.failed ?? (() => {})
    const { target, tls, windowBytes, keepaliveMs, metadata, proxy, ...others } = grpcOptions(options)
    this.target = { target, tls, windowBytes, keepaliveMs, metadata, proxy }
    this.origin = feedHistory([options])
    this.symbols = [...others.symbols]
    this.foreignMethod = typeof others.method === 'object' ? others.method : undefined
    this.method = new MethodChoice(others.method === 'single' ? 'tick' : 'batch')
    this.retryRule = new RetryRule(others)
    this.clock = others.clock
    this.progress = new CallProgress(others.clock)
    this.log = new FeedLog(others.log, others.clock, target)
    this.stallTimer = new StallTimer(others.clock, others.stallTimeoutMs, idleMs => {
      this.isStalled = true
      this.retry(this.sink!, `the feed sent nothing for ${Math.round(idleMs)} ms`, this.progress.isLive)
    })
  }

  /** @throws RingcastError `source_attached` when the source was started before */
  start(sink: TickSink): void {
    if (this.sink !== undefined) {
      throw new RingcastError(
        'source_attached',
        'a GrpcSource is started once: make another one to read the feed again',
      )
    }
    this.sink = sink
    if (this.isStopped) return
    this.stallTimer.open()
    this.outageReason.tell(sink, this.progress.isLive)
    this.connect(sink)
  }

  pause(): void {
    this.isPaused = true
    this.call?.pause()
    this.stallTimer.stop()
  }

  resume(): void {
    if (!this.isPaused) return
    this.isPaused = false
    this.call?.resume()
    if (this.call) this.stallTimer.start()
  }

  status(): SourceStatus {
    const { isLive } = this
    return {
      state: this.isStopped ? 'stopped' : isLive ? 'live' : 'connecting',
      reconnects: Math.max(0, this.sessionCount - 1),
      lastError: isLive ? undefined : this.lastError,
    }
  }

  history(): HistoryOrigin | undefined {
    return this.origin
  }

  async stop(): Promise<void> {
    this.isStopped = true
    this.retryTimer?.cancel()
    this.stallTimer.close()
    this.dropCall()
  }

  /** Calls the feed, from the position after the last one where it is known. */
  private connect(sink: TickSink): void {
    const { epoch, hasPushed } = this.memory
    const isUnknown = epoch === undefined || !hasPushed
    const mustAskAnew = isUnknown || this.retryRule.mustSkip || this.foreignMethod !== undefined
    this.open(sink, mustAskAnew ? 0 : positionAfter(sink.lastPosition()))
  }

  /** Calls the feed. `fromPosition` is of the known epoch; 0: from the next tick on. */
  private open(sink: TickSink, fromPosition: number): void {
    const { symbols } = this
    const method = this.foreignMethod ?? tickFeedCall(this.method.form, { symbols, fromPosition })
    const { form } = method
    const progress = new CallProgress(this.clock)
    this.progress = progress
    const isFirst = this.memory.epoch === undefined
    try {
      this.call = new GrpcCall(this.target, method, {
        connected: () => {
          progress.connected()
          if (!this.isStalled) sink.setSourceState('live')
        },
        accepted: () => this.log.accepted(),
        metadata: epoch => this.onMetadata(sink, epoch, fromPosition, isFirst),
        message: message => {
          this.stallTimer.messageReceived()
          sink.push(message, form)
          this.memory.hasPushed = true
          if (!progress.hasDelivered) this.onFirstMessage(sink, progress)
        },
        ended: (outcome, reason) => this.onEnded(sink, outcome, reason, fromPosition),
        failed: error => this.onListenerError(sink, error),
      })
    } catch (error) {
      this.retry(sink, reasonOf(error))
      return
    }
    if (this.isPaused) this.call.pause()
    else this.stallTimer.start()
  }

  /** @param isFirst whether no epoch was known when the feed was called */
  private onMetadata(
    sink: TickSink,
    epoch: string | undefined,
    fromPosition: number,
    isFirst: boolean,
  ): void {
    const { memory } = this
    if (memory.isRefused(epoch)) {
      this.retry(sink, OTHER_EPOCH, false)
      return
    }
    const isSameEpoch = epoch !== undefined && epoch === memory.epoch
    if (isSameEpoch && memory.hasPushed && isFirst && this.foreignMethod === undefined) {
      // Another endpoint has sent ticks meanwhile: this one is asked for what follows them.
      this.dropCall()
      this.connect(sink)
      return
    }
    const continuous = isSameEpoch && memory.hasPushed && this.symbols.length === 0
    if (!isSameEpoch) {
      if (fromPosition > 0) {
        // The feed counts anew. Until its session begins, another endpoint may push ticks of the epoch in the memory.
        this.dropCall()
        this.open(sink, 0)
        return
      }
      memory.epoch = epoch
      memory.hasPushed = false
    }
    this.progress.opened()
    this.stallTimer.messageReceived()
    this.method.accepted()
    this.sessionCount++
    if (!this.isStalled) this.log.live(this.sessionCount)
    sink.sessionStarted({
      number: this.sessionCount,
      continuous,
      // A stream of some symbols has holes in its positions, so they are no offsets.
      epoch: this.symbols.length === 0 ? epoch : undefined,
    })
    if (!this.isStalled) sink.setSourceState('live')
  }

  private onFirstMessage(sink: TickSink, progress: CallProgress): void {
    progress.delivered()
    this.retryRule.delivered()
    if (!this.isStalled) return
    this.isStalled = false
    this.log.live(this.sessionCount)
    sink.setSourceState('live')
  }

  private onEnded(sink: TickSink, outcome: CallOutcome, reason: string, fromPosition: number): void {
    if (outcome === 'unimplemented' && !this.progress.isOpen) {
      if (this.foreignMethod === undefined && this.method.switchToOther()) {
        this.dropCall()
        this.open(sink, fromPosition)
        return
      }
      this.retry(sink, noFeedThere(reason, this.foreignMethod?.path))
      return
    }
    if (outcome === 'overloaded') this.pingLessOften()
    if (this.retryRule.isGivenUp(outcome, fromPosition, this.progress)) {
      this.log.warn(
        `the feed cannot send what follows position ${fromPosition - 1}: it is read from the next tick on, and ` +
          `clients are told the gap: ${reason}`,
      )
    }
    this.retry(sink, reason)
  }

  /** The source or the sink has thrown at a message: a bug of ours. */
  private onListenerError(sink: TickSink, error: unknown): void {
    const stack = error instanceof Error ? error.stack : undefined
    const reason = `a message of the feed was not processed: ${reasonOf(error)}`
    this.log.failed(
      reason,
      `a message of the feed was not processed, a bug; the feed is called again: ${stack ?? reasonOf(error)}`,
    )
    if (!this.isStopped) this.retry(sink, reason, false)
  }

  /** Ends the call and sets the timer for the next one. @param hasServed whether it is made again at once */
  private retry(sink: TickSink, reason: string, hasServed = this.progress.hasServed): void {
    this.dropCall()
    this.retryTimer?.cancel()
    this.lastError = reason
    this.failed()
    this.outageReason.tell(sink, this.progress.isLive)
    this.method.failed()
    if (hasServed && !this.isStalled) this.log.ended(reason)
    else this.log.failed(reason)
    const delayMs = this.retryRule.delayMs(hasServed, this.progress.ageMs)
    this.retryTimer = this.clock.after(delayMs, () => this.connect(sink))
  }

  private pingLessOften(): void {
    const { keepaliveMs } = this.target
    this.target = pingedLessOften(this.target)
    if (this.target.keepaliveMs !== keepaliveMs) this.log.pingedLessOften(this.target.keepaliveMs)
  }

  private get isLive(): boolean {
    return this.call !== undefined && this.progress.isLive && !this.isStalled
  }

  private dropCall(): void {
    this.stallTimer.stop()
    this.call?.cancel()
    this.call = undefined
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
