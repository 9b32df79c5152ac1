/**
 * Runs a feed in a thread of its own. Main thread. A user can try the gateway without a second process, and the feed
 * takes no time of the main thread.
 */
import { Worker } from 'node:worker_threads'
import { type Clock, systemClock } from '../common/clock.js'
import { doneWithin } from '../common/deadline.js'
import { type ErrorCode, RingcastError } from '../common/errors.js'
import { type FeedSettings, feedFailure } from './run-feed.js'

export interface EmbeddedFeedOptions extends FeedSettings {
  readonly onEnd?: (ticks: number) => void
  /** The feed has failed after its start, and is being stopped. */
  readonly onFailure?: (error: RingcastError) => void
  readonly clock?: Clock
  /** How long `stop` waits before it ends the thread by force. Default 2 s. */
  readonly stopTimeoutMs?: number
}

/** The messages from the thread. */
export type FeedThreadMessage =
  | { readonly type: 'listening'; readonly port: number; readonly epoch: string }
  | { readonly type: 'ended'; readonly ticks: number }
  | { readonly type: 'failed'; readonly code: ErrorCode; readonly message: string }

/** The message to the thread. */
export const STOP_FEED = 'stop'

const LISTEN_DEFAULT = '127.0.0.1:0'
const STOP_TIMEOUT_MS_DEFAULT = 2_000

export class EmbeddedFeed {
  private readonly worker: Worker
  private readonly options: EmbeddedFeedOptions
  private readonly clock: Clock
  private readonly exited: Promise<void>
  private _port = 0
  private _epoch = ''
  private isStopping = false
  /** Receives the first failure: rejects the start while that is under way, then calls `onFailure`. */
  private reportFailure: (error: RingcastError) => void = () => {}

  private constructor(options: EmbeddedFeedOptions) {
    const { onEnd: _onEnd, onFailure: _onFailure, clock, stopTimeoutMs: _timeout, ...settings } = options
    this.options = options
    this.clock = clock ?? systemClock
    this.worker = new Worker(new URL('./embedded-feed-thread.js', import.meta.url), {
      workerData: { listen: LISTEN_DEFAULT, ...settings },
      // A thread refuses some options of its process, and the feed needs none.
      execArgv: [],
    })
    this.exited = new Promise(resolve => this.worker.once('exit', () => resolve()))
  }

  /**
   * Listens on a free port of the loopback interface by default.
   *
   * @throws RingcastError the errors of `runFeed`, or `feed_failed`
   */
  static async start(options: EmbeddedFeedOptions = {}): Promise<EmbeddedFeed> {
    const feed = new EmbeddedFeed(options)
    await feed.listening()
    return feed
  }

  get port(): number {
    return this._port
  }

  get epoch(): string {
    return this._epoch
  }

  /** Ends the thread, by force after `stopTimeoutMs`. Safe to call twice. */
  async stop(): Promise<void> {
    if (!this.isStopping) {
      this.isStopping = true
      this.worker.postMessage(STOP_FEED)
    }
    const timeoutMs = this.options.stopTimeoutMs ?? STOP_TIMEOUT_MS_DEFAULT
    if (await doneWithin(this.clock, timeoutMs, this.exited)) return
    await this.worker.terminate()
  }

  private async listening(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.reportFailure = reject
      this.worker.on('message', (message: FeedThreadMessage) => {
        if (message.type === 'listening') {
          this._port = message.port
          this._epoch = message.epoch
          this.reportFailure = error => this.options.onFailure?.(error)
          resolve()
        } else if (message.type === 'ended') this.options.onEnd?.(message.ticks)
        else this.failed(new RingcastError(message.code, message.message))
      })
      this.worker.on('error', error => this.failed(feedFailure(error)))
      this.worker.on('exit', code =>
        this.failed(feedFailure(new Error(`its thread ended with code ${code}`))),
      )
    })
  }

  private failed(error: RingcastError): void {
    if (this.isStopping) return
    this.isStopping = true
    this.worker.postMessage(STOP_FEED)
    this.reportFailure(error)
  }
}
