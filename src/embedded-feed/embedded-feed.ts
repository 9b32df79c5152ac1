/**
 * A feed in a thread of its own, so that the gateway can be tried without a second process and a benchmark's
 * feed takes none of the main thread's time. Main thread.
 */
import { Worker } from 'node:worker_threads'
import { type Clock, systemClock } from '../common/clock.js'
import { doneWithin } from '../common/deadline.js'
import { type ErrorCode, RingcastError } from '../common/errors.js'
import { type FeedSettings, feedFailure } from './run-feed.js'

export interface EmbeddedFeedOptions extends FeedSettings {
  readonly onEnd?: (ticks: number) => void
  /** The feed has failed after it started, and is stopped. */
  readonly onFailure?: (error: RingcastError) => void
  readonly clock?: Clock
  /** How long `stop` waits before it ends the thread by force. Default 2 s. */
  readonly stopTimeoutMs?: number
}

/** What the thread says. */
export type FeedThreadMessage =
  | { readonly type: 'listening'; readonly port: number; readonly epoch: string }
  | { readonly type: 'ended'; readonly ticks: number }
  | { readonly type: 'failed'; readonly code: ErrorCode; readonly message: string }

/** What the thread is told. */
export const STOP_FEED = 'stop'

const LISTEN_DEFAULT = '127.0.0.1:0'
const STOP_TIMEOUT_MS_DEFAULT = 2_000

export class EmbeddedFeed {
  readonly #worker: Worker
  readonly #options: EmbeddedFeedOptions
  readonly #clock: Clock
  readonly #exited: Promise<void>
  #port = 0
  #epoch = ''
  #isStopping = false
  /** Who hears of a failure: whoever awaits the start, then `onFailure`. Told once. */
  #tellFailure: (error: RingcastError) => void = () => {}

  private constructor(options: EmbeddedFeedOptions) {
    const { onEnd: _onEnd, onFailure: _onFailure, clock, stopTimeoutMs: _timeout, ...settings } = options
    this.#options = options
    this.#clock = clock ?? systemClock
    this.#worker = new Worker(new URL('./embedded-feed-thread.js', import.meta.url), {
      workerData: { listen: LISTEN_DEFAULT, ...settings },
      // Some options of a process are refused by its threads, and the feed needs none of them.
      execArgv: [],
    })
    this.#exited = new Promise(resolve => this.#worker.once('exit', () => resolve()))
  }

  /** Listens on a free port of the loopback unless told where. Throws what `runFeed` throws, or `feed_failed`. */
  static async start(options: EmbeddedFeedOptions = {}): Promise<EmbeddedFeed> {
    const feed = new EmbeddedFeed(options)
    await feed.#listening()
    return feed
  }

  get port(): number {
    return this.#port
  }

  get epoch(): string {
    return this.#epoch
  }

  /** Ends the thread, by force if it takes too long. Safe to call twice. */
  async stop(): Promise<void> {
    if (!this.#isStopping) {
      this.#isStopping = true
      this.#worker.postMessage(STOP_FEED)
    }
    const timeoutMs = this.#options.stopTimeoutMs ?? STOP_TIMEOUT_MS_DEFAULT
    if (await doneWithin(this.#clock, timeoutMs, this.#exited)) return
    await this.#worker.terminate()
  }

  async #listening(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#tellFailure = reject
      this.#worker.on('message', (message: FeedThreadMessage) => {
        if (message.type === 'listening') {
          this.#port = message.port
          this.#epoch = message.epoch
          this.#tellFailure = error => this.#options.onFailure?.(error)
          resolve()
        } else if (message.type === 'ended') this.#options.onEnd?.(message.ticks)
        else this.#failed(new RingcastError(message.code, message.message))
      })
      this.#worker.on('error', error => this.#failed(feedFailure(error)))
      this.#worker.on('exit', code =>
        this.#failed(feedFailure(new Error(`its thread ended with code ${code}`))),
      )
    })
  }

  #failed(error: RingcastError): void {
    if (this.#isStopping) return
    this.#isStopping = true
    this.#worker.postMessage(STOP_FEED)
    this.#tellFailure(error)
  }
}
