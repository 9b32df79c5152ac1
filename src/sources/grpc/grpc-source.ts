/**
 * Reads a tick feed over gRPC and keeps reading it: reconnects, goes on after the last tick, finds out which
 * method the feed has and when it has gone silent. Main thread. Nothing is pushed before `sessionStarted`.
 *
 *          ┌────────── delay (jitter) ◄──────────┐
 *   start ─► ask the sink where to go on ─► call ─► live ─► ended        `stop` leads out of each of them
 *                                            └─► other method, or other epoch: call again at once
 */

import { Backoff } from '../../common/backoff.js'
import { type Clock, systemClock, type Timer } from '../../common/clock.js'
import { RingcastError } from '../../common/errors.js'
import { PatientClock } from '../../common/patient-clock.js'
import { checkOptions } from '../../config/option-check.js'
import type { MessageForm, SourceStatus, TickSink, TickSource } from '../tick-source.js'
import { GrpcCall, type GrpcTarget } from './grpc-call.js'
import type { Tls } from './grpc-credentials.js'
import { grpcSourceRules } from './grpc-options.js'

/** Where the source tells what happened to it; pino's loggers are such. */
export interface SourceLog {
  info(message: string): void
  warn(message: string): void
}

export interface GrpcSourceOptions {
  /** 'host:port'. */
  readonly target: string
  /** `ca` in PEM. Default false. */
  readonly tls?: Tls
  /** Asked for first; where the feed has only the other one, that is used from then on. Default 'batches'. */
  readonly method?: 'batches' | 'single'
  /** Default: all. */
  readonly symbols?: readonly string[]
  /** HTTP/2 flow control window. Default 4 MiB. */
  readonly windowBytes?: number
  /** Between two HTTP/2 pings; 0: none. Default 30 s. */
  readonly keepaliveMs?: number
  /** A call that brings nothing for this long, while not paused, is made anew; 0: never. Default 0. */
  readonly stallTimeoutMs?: number
  /** The wait after the first failure is anything up to this. Default 100 ms. */
  readonly backoffMinMs?: number
  /** … and it doubles with each failure up to this. Default 10 s. */
  readonly backoffMaxMs?: number
  /** 0 up to, not including, 1. */
  readonly random?: () => number
  readonly clock?: Clock
  readonly log?: SourceLog
}

/** A session that lived this long proves the feed well: the next failure waits like a first one. */
export const HEALTHY_SESSION_MS = 60_000

const WINDOW_BYTES_DEFAULT = 4 * 1024 * 1024

export class GrpcSource implements TickSource {
  readonly #target: GrpcTarget
  readonly #askedForm: MessageForm
  readonly #symbols: string[]
  readonly #stallTimeoutMs: number
  readonly #backoff: Backoff
  readonly #clock: Clock
  readonly #log: SourceLog

  #sink: TickSink | undefined
  #state: SourceStatus['state'] = 'connecting'
  #lastError: string | undefined
  #sessionCount = 0
  #paused = false
  #form: MessageForm
  /** The asked-for method is missing and the other one is being tried. */
  #triesOtherForm = false

  /** The feed's, as of the last session. */
  #epoch: string | undefined
  /** Whether a message of that epoch was pushed, without which the sink's last position is of another one. */
  #hasPushed = false

  #call: GrpcCall | undefined
  /** Rises with each call and with `stop`; whoever waited sees from it that it has been overtaken. */
  #attempt = 0
  #retryTimer: Timer | undefined
  /** By which the feed is judged that sends nothing; undefined: it may be silent for any time. */
  #patience: PatientClock | undefined
  #stallTimer: Timer | undefined
  #lastMessageMs = 0
  #liveSinceMs = 0
  #isDownLogged = false

  /** @throws RingcastError `option_invalid`, naming everything that is wrong */
  constructor(options: GrpcSourceOptions) {
    checkOptions(options, grpcSourceRules, 'the options of a GrpcSource')
    const { backoffMinMs = 100, backoffMaxMs = 10_000 } = options
    if (backoffMinMs > backoffMaxMs) {
      throw new RingcastError(
        'option_invalid',
        `backoffMinMs=${backoffMinMs}: must be at most backoffMaxMs (${backoffMaxMs})`,
      )
    }
    this.#target = {
      target: options.target,
      tls: options.tls ?? false,
      windowBytes: options.windowBytes ?? WINDOW_BYTES_DEFAULT,
      keepaliveMs: options.keepaliveMs ?? 30_000,
    }
    this.#askedForm = options.method === 'single' ? 'tick' : 'batch'
    this.#form = this.#askedForm
    this.#symbols = [...(options.symbols ?? [])]
    this.#stallTimeoutMs = options.stallTimeoutMs ?? 0
    this.#backoff = new Backoff(backoffMinMs, backoffMaxMs, options.random ?? Math.random)
    this.#clock = options.clock ?? systemClock
    this.#log = options.log ?? { info: () => {}, warn: () => {} }
  }

  /** @throws RingcastError `source_attached` when it was started before */
  start(sink: TickSink): void {
    if (this.#sink !== undefined) {
      throw new RingcastError(
        'source_attached',
        'a GrpcSource is started once: make another one to read the feed again',
      )
    }
    this.#sink = sink
    if (this.#state === 'stopped') return
    if (this.#stallTimeoutMs > 0) this.#patience = new PatientClock(this.#clock, this.#stallTimeoutMs)
    this.#connect(sink)
  }

  pause(): void {
    this.#paused = true
    this.#call?.pause()
    this.#stallTimer?.cancel()
  }

  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#call?.resume()
    if (this.#call) this.#watchForStall()
  }

  status(): SourceStatus {
    return {
      state: this.#state,
      reconnects: Math.max(0, this.#sessionCount - 1),
      lastError: this.#lastError,
    }
  }

  async stop(): Promise<void> {
    this.#state = 'stopped'
    this.#attempt++
    this.#retryTimer?.cancel()
    this.#patience?.stop()
    this.#dropCall()
  }

  #connect(sink: TickSink): void {
    const attempt = ++this.#attempt
    if (this.#epoch === undefined || !this.#hasPushed) {
      this.#open(sink, 0)
      return
    }
    sink.lastPosition().then(
      last => {
        if (attempt === this.#attempt) this.#open(sink, positionAfter(last))
      },
      (error: unknown) => {
        if (attempt === this.#attempt) this.#failed(sink, `the last position is unknown: ${reasonOf(error)}`)
      },
    )
  }

  /** Calls the feed; `fromPosition` is of the epoch known so far, or 0. */
  #open(sink: TickSink, fromPosition: number): void {
    this.#attempt++
    const form = this.#form
    try {
      this.#call = new GrpcCall(
        this.#target,
        form,
        { symbols: this.#symbols, fromPosition },
        {
          metadata: epoch => this.#onMetadata(sink, epoch, fromPosition),
          message: message => {
            this.#heard()
            sink.push(message, form)
            this.#hasPushed = true
          },
          ended: (outcome, reason) => this.#onEnded(sink, outcome, reason, fromPosition),
          failed: error => this.#onFault(sink, error),
        },
      )
    } catch (error) {
      this.#failed(sink, reasonOf(error))
      return
    }
    if (this.#paused) this.#call.pause()
    else this.#watchForStall()
  }

  #onMetadata(sink: TickSink, epoch: string | undefined, fromPosition: number): void {
    const sameEpoch = epoch !== undefined && epoch === this.#epoch
    const continuous = sameEpoch && this.#hasPushed && this.#symbols.length === 0
    if (!sameEpoch) {
      this.#epoch = epoch
      this.#hasPushed = false
      if (fromPosition > 0) {
        // The feed began a new count, in which the position asked for means another tick or none.
        this.#dropCall()
        this.#open(sink, 0)
        return
      }
    }
    this.#state = 'live'
    this.#lastError = undefined
    this.#liveSinceMs = this.#clock.nowMs()
    this.#heard()
    this.#isDownLogged = false
    this.#triesOtherForm = false
    this.#sessionCount++
    this.#log.info(`the feed at ${this.#target.target} is live, session ${this.#sessionCount}`)
    sink.sessionStarted({ number: this.#sessionCount, continuous })
  }

  #onEnded(sink: TickSink, outcome: 'unimplemented' | 'ended', reason: string, fromPosition: number): void {
    // Once per try, and not after metadata: a feed that lacks both must not be called in a tight circle.
    if (outcome === 'unimplemented' && !this.#triesOtherForm && this.#state !== 'live') {
      this.#triesOtherForm = true
      this.#form = this.#form === 'batch' ? 'tick' : 'batch'
      this.#dropCall()
      this.#open(sink, fromPosition)
      return
    }
    this.#failed(sink, reason)
  }

  /** Something of the feed was not taken as it should have been: a bug, of this source or of the sink. */
  #onFault(sink: TickSink, error: unknown): void {
    const stack = error instanceof Error ? error.stack : undefined
    this.#log.warn(
      `to take what the feed sent has failed, a bug; it is called again: ${stack ?? reasonOf(error)}`,
    )
    if (this.#state === 'stopped') return
    this.#isDownLogged = true
    this.#failed(sink, `to take what the feed sent has failed: ${reasonOf(error)}`)
  }

  /** Ends what there is of a session and sets the timer for the next. */
  #failed(sink: TickSink, reason: string): void {
    this.#dropCall()
    this.#retryTimer?.cancel()
    this.#attempt++
    if (this.#state === 'live' && this.#clock.nowMs() - this.#liveSinceMs >= HEALTHY_SESSION_MS) {
      this.#backoff.startOver()
    }
    this.#state = 'connecting'
    this.#lastError = reason
    if (this.#triesOtherForm) {
      // It has neither, or went away in between: the next try begins with the one asked for.
      this.#triesOtherForm = false
      this.#form = this.#askedForm
    }
    if (!this.#isDownLogged) {
      this.#isDownLogged = true
      this.#log.warn(`no feed at ${this.#target.target}, trying until there is one: ${reason}`)
    }
    this.#retryTimer = this.#clock.after(this.#backoff.nextDelayMs(), () => this.#connect(sink))
  }

  #dropCall(): void {
    this.#stallTimer?.cancel()
    this.#call?.cancel()
    this.#call = undefined
  }

  #heard(): void {
    if (this.#patience !== undefined) this.#lastMessageMs = this.#patience.nowMs()
  }

  #watchForStall(): void {
    this.#heard()
    if (this.#patience !== undefined) this.#checkStallAfter(this.#patience, this.#stallTimeoutMs)
  }

  #checkStallAfter(patience: PatientClock, delayMs: number): void {
    this.#stallTimer?.cancel()
    this.#stallTimer = patience.after(delayMs, () => {
      const idleMs = patience.nowMs() - this.#lastMessageMs
      if (idleMs < this.#stallTimeoutMs) this.#checkStallAfter(patience, this.#stallTimeoutMs - idleMs)
      else this.#failed(this.#sink!, `the feed sent nothing for ${Math.round(idleMs)} ms`)
    })
  }
}

/** The position to go on from; 0, from now on, where there is none: positions stay below 2^53. */
function positionAfter(last: number): number {
  return last > 0 && last < Number.MAX_SAFE_INTEGER ? last + 1 : 0
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
