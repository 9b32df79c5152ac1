/**
 * Loads the schema of a feed at the start of the gateway, and waits for a feed that cannot be reached. Main thread.
 * The schema is loaded once: it does not change while the process lives.
 */
import { Backoff } from '../common/backoff.js'
import type { Clock } from '../common/clock.js'
import { RingcastError } from '../common/errors.js'
import type { Log } from '../common/log.js'
import { variableOf } from '../common/setting-names.js'
import type { Config } from '../config/config.js'
import { FeedLog } from '../sources/grpc/feed-log.js'
import type { GrpcSourceOptions } from '../sources/grpc/grpc-source.js'
import { type LoadedFeed, type LoadFeedOptions, loadFeed } from '../sources/grpc/load-feed.js'
import type { SourceStatus } from '../sources/tick-source.js'

export interface ForeignFeedLoaderOptions {
  readonly config: Config
  /** 'host:port' of each endpoint. They are asked in turn. */
  readonly targets: readonly string[]
  /** How they are called. */
  readonly call: Pick<GrpcSourceOptions, 'tls' | 'metadata'>
  /** JSON of the request; undefined: an empty message. */
  readonly request: object | undefined
  readonly clock: Clock
  readonly log: Log
  /** Returns 0 up to, not including, 1. Default `Math.random`. */
  readonly random?: () => number
}

/** The setting that gives an option of `loadFeed`. */
export const SETTING_OF_OPTION = {
  proto: 'upstreamProto',
  method: 'upstreamMethod',
  request: 'upstreamRequest',
  repeated: 'tickRepeated',
  symbol: 'tickSymbol',
  kind: 'tickKind',
  time: 'tickTime',
  sequence: 'tickSequence',
  position: 'tickPosition',
} as const satisfies Readonly<Record<string, keyof Config>>

export class ForeignFeedLoader {
  private readonly options: ForeignFeedLoaderOptions
  private lastError: string | undefined

  constructor(options: ForeignFeedLoaderOptions) {
    this.options = options
  }

  /** As a source that waits for its feed tells it. */
  status(): SourceStatus {
    return { state: 'connecting', reconnects: 0, lastError: this.lastError }
  }

  /**
   * @param signal ends the wait
   * @throws RingcastError `schema_invalid`, with one line for each fault, under the names of the variables; the reason of
   *   the signal after an abort
   */
  async load(signal: AbortSignal): Promise<LoadedFeed> {
    const { config, clock, log, random = Math.random, targets } = this.options
    const lines = { info: (text: string) => log.info({}, text), warn: (text: string) => log.warn({}, text) }
    const feedLog = new FeedLog(lines, clock, targets.join(', '))
    const backoff = new Backoff(config.upstreamBackoffMinMs, config.upstreamBackoffMaxMs, random)
    for (let attempt = 0; ; attempt++) {
      const target = targets[attempt % targets.length]!
      try {
        const feed = await loadFeed(this.description(target, signal), option =>
          variableOf(SETTING_OF_OPTION[option]),
        )
        for (const place of feed.withoutSymbol)
          log.info({}, `${place} has no symbol: its messages are no ticks, and are skipped`)
        return feed
      } catch (error) {
        signal.throwIfAborted()
        if (!(error instanceof RingcastError && error.code === 'feed_unreachable')) throw error
        feedLog.failed(error.message, `${error.message}: trying until it does`)
        this.lastError = error.message
      }
      await pause(clock, backoff.nextDelayMs(), signal)
      signal.throwIfAborted()
    }
  }

  private description(target: string, signal: AbortSignal): LoadFeedOptions {
    const { config, call, request } = this.options
    return {
      ...call,
      target,
      proxy: config.upstreamProxy,
      method: config.upstreamMethod,
      proto: config.upstreamProto,
      request: request ?? {},
      mapping: {
        repeated: config.tickRepeated,
        symbol: config.tickSymbol!,
        kind: config.tickKind,
        time: config.tickTime,
        sequence: config.tickSequence,
        position: config.tickPosition,
      },
      signal,
    }
  }
}

/** Resolves after the time, or with the abort. */
function pause(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const done = () => {
      timer.cancel()
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = clock.after(delayMs, done)
    signal.addEventListener('abort', done)
  })
}
