/**
 * Reads a tick feed over gRPC and keeps reading it: reconnects, and continues after the last tick. Main thread.
 * No message is pushed before `sessionStarted`.
 *
 *          ┌────────── delay (jitter) ◄──────────┐
 *   start ─► ask the sink for its position ─► call ─► live ─► ended        `stop` leads out of each state
 *                                              └─► other method, or other epoch: call again at once
 */

import { Backoff } from '../../common/backoff.js'
import type { Clock, Timer } from '../../common/clock.js'
import { RingcastError } from '../../common/errors.js'
import type { TickSink } from '../../ingest/tick-sink.js'
import type { SourceStatus, TickSource } from '../tick-source.js'
import { GrpcCall } from './grpc-call.js'
import { type GrpcSourceOptions, grpcOptions, type SourceLog } from './grpc-options.js'
import type { GrpcMethod, GrpcTarget } from './grpc-target.js'
import { MethodChoice } from './method-choice.js'
import { StallTimer } from './stall-timer.js'
import { tickFeedCall } from './tick-feed-service.js'

export type { GrpcMethod, GrpcSourceOptions }

/** After a session of this length, the next failure waits as briefly as a first failure. */
export const HEALTHY_SESSION_MS = 60_000

export class GrpcSource implements TickSource {
  private readonly target: GrpcTarget
  private readonly symbols: string[]
  private readonly method: MethodChoice
  /** The method of a feed of another schema. It knows no positions, so its call cannot ask for one. */
  private readonly foreignMethod: GrpcMethod | undefined
  private readonly backoff: Backoff
  private readonly stallTimer: StallTimer
  private readonly clock: Clock
  private readonly log: SourceLog

  private sink: TickSink | undefined
  private state: SourceStatus['state'] = 'connecting'
  private isPaused = false
  private lastError: string | undefined
  /** Whether the log says that the feed is down. It says so once until the feed is live again. */
  private isDownLogged = false
  private sessionCount = 0
  private liveSinceMs = 0

  /** The epoch of the feed in the last session. */
  private epoch: string | undefined
  /** Whether a message of that epoch was pushed. Before that, the sink's last position is of another epoch. */
  private hasPushed = false

  private call: GrpcCall | undefined
  private retryTimer: Timer | undefined
  /** Rises with each call and with `stop`. A reply of the sink to an older attempt is ignored. */
  private attempt = 0

  /** @throws RingcastError `option_invalid`, with one line for each fault */
  constructor(options: GrpcSourceOptions) {
    const { target, tls, windowBytes, keepaliveMs, metadata, ...others } = grpcOptions(options)
    this.target = { target, tls, windowBytes, keepaliveMs, metadata }
    this.symbols = [...others.symbols]
    this.foreignMethod = typeof others.method === 'object' ? others.method : undefined
    this.method = new MethodChoice(others.method === 'single' ? 'tick' : 'batch')
    this.backoff = new Backoff(others.backoffMinMs, others.backoffMaxMs, others.random)
    this.clock = others.clock
    this.log = others.log
    this.stallTimer = new StallTimer(others.clock, others.stallTimeoutMs, idleMs =>
      this.retry(this.sink!, `the feed sent nothing for ${Math.round(idleMs)} ms`),
    )
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
    if (this.state === 'stopped') return
    this.stallTimer.open()
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
    return {
      state: this.state,
      reconnects: Math.max(0, this.sessionCount - 1),
      lastError: this.lastError,
    }
  }

  async stop(): Promise<void> {
    this.state = 'stopped'
    this.attempt++
    this.retryTimer?.cancel()
    this.stallTimer.close()
    this.dropCall()
  }

  /** Asks the sink for the position to continue from, then calls the feed. */
  private connect(sink: TickSink): void {
    const attempt = ++this.attempt
    if (this.epoch === undefined || !this.hasPushed || this.foreignMethod !== undefined) {
      this.open(sink, 0)
      return
    }
    sink.lastPosition().then(
      last => {
        if (attempt === this.attempt) this.open(sink, positionAfter(last))
      },
      (error: unknown) => {
        if (attempt === this.attempt) this.retry(sink, `the last position is unknown: ${reasonOf(error)}`)
      },
    )
  }

  /** Calls the feed. `fromPosition` is of the known epoch; 0: from the next tick on. */
  private open(sink: TickSink, fromPosition: number): void {
    this.attempt++
    const { symbols } = this
    const method = this.foreignMethod ?? tickFeedCall(this.method.form, { symbols, fromPosition })
    const { form } = method
    try {
      this.call = new GrpcCall(this.target, method, {
        metadata: epoch => this.onMetadata(sink, epoch, fromPosition),
        message: message => {
          this.stallTimer.messageReceived()
          sink.push(message, form)
          this.hasPushed = true
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

  private onMetadata(sink: TickSink, epoch: string | undefined, fromPosition: number): void {
    const isSameEpoch = epoch !== undefined && epoch === this.epoch
    const continuous = isSameEpoch && this.hasPushed && this.symbols.length === 0
    if (!isSameEpoch) {
      this.epoch = epoch
      this.hasPushed = false
      if (fromPosition > 0) {
        // The feed counts anew: in its new epoch, the position of the request is another tick or none.
        this.dropCall()
        this.open(sink, 0)
        return
      }
    }
    this.state = 'live'
    this.lastError = undefined
    this.liveSinceMs = this.clock.nowMs()
    this.stallTimer.messageReceived()
    this.isDownLogged = false
    this.method.accepted()
    this.sessionCount++
    this.log.info(`the feed at ${this.target.target} is live, session ${this.sessionCount}`)
    sink.sessionStarted({ number: this.sessionCount, continuous })
  }

  private onEnded(
    sink: TickSink,
    outcome: 'unimplemented' | 'ended',
    reason: string,
    fromPosition: number,
  ): void {
    // A feed that was live has the method: it is called again with a delay, not in a tight loop.
    const mayLackMethod = outcome === 'unimplemented' && this.foreignMethod === undefined
    if (mayLackMethod && this.state !== 'live' && this.method.switchToOther()) {
      this.dropCall()
      this.open(sink, fromPosition)
      return
    }
    this.retry(sink, reason)
  }

  /** The source or the sink has thrown at a message: a bug of ours. */
  private onListenerError(sink: TickSink, error: unknown): void {
    const stack = error instanceof Error ? error.stack : undefined
    this.log.warn(
      `a message of the feed was not processed, a bug; the feed is called again: ${stack ?? reasonOf(error)}`,
    )
    if (this.state === 'stopped') return
    this.isDownLogged = true
    this.retry(sink, `a message of the feed was not processed: ${reasonOf(error)}`)
  }

  /** Ends the call and sets the timer for the next one. */
  private retry(sink: TickSink, reason: string): void {
    this.dropCall()
    this.retryTimer?.cancel()
    this.attempt++
    if (this.state === 'live' && this.clock.nowMs() - this.liveSinceMs >= HEALTHY_SESSION_MS) {
      this.backoff.startOver()
    }
    this.state = 'connecting'
    this.lastError = reason
    this.method.failed()
    if (!this.isDownLogged) {
      this.isDownLogged = true
      this.log.warn(`no feed at ${this.target.target}, trying until there is one: ${reason}`)
    }
    this.retryTimer = this.clock.after(this.backoff.nextDelayMs(), () => this.connect(sink))
  }

  private dropCall(): void {
    this.stallTimer.stop()
    this.call?.cancel()
    this.call = undefined
  }
}

/** The position to continue from. 0, the next tick, when there is none: positions stay below 2^53. */
function positionAfter(last: number): number {
  return last > 0 && last < Number.MAX_SAFE_INTEGER ? last + 1 : 0
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
