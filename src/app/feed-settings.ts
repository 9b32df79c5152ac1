/**
 * Translates the config into the settings of the embedded feed and of the gRPC source. Main thread. Pure.
 */
import type { Config } from '../config/config.js'
import { ownMethod } from '../config/feed-setting-types.js'
import type { FeedSettings } from '../embedded-feed/run-feed.js'
import type { GrpcMethod, GrpcSourceOptions } from '../sources/grpc/grpc-source.js'

/** @param listen 'host:port'; port 0: any free port */
export function feedSettings(config: Config, listen: string): FeedSettings {
  return {
    listen,
    symbols: config.feedSymbols,
    rate: config.feedRate,
    seed: config.feedSeed,
    speed: config.feedSpeed,
    loop: config.feedLoop,
    historyTicks: config.feedHistoryTicks,
    // A replay is meant to be seen from its first tick.
    waitForReader: config.feedReplay !== undefined,
    ...(config.feedReplay === undefined ? {} : { replay: config.feedReplay }),
  }
}

/** The embedded feed, as a text for people. */
/** A public page must be asked for. Only a gateway that has no feed of its own is one that somebody tries out. */
export function hasDemoPage({ demo, nats, upstream }: Config): boolean {
  return demo === 'auto' ? upstream === undefined && nats === undefined : demo === 'true'
}

export function embeddedFeedName({ feedReplay, feedRate, feedSpeed, feedSymbols }: Config): string {
  if (feedReplay !== undefined) return `replay of ${feedReplay} at speed ${feedSpeed}`
  return `synthetic: ${feedSymbols} symbols, ${feedRate === 0 ? 'as many ticks as are read' : `${feedRate} ticks/s`}`
}

/**
 * @param target 'host:port' of the upstream or of the embedded feed
 * @param method of a feed of another schema
 */
export function sourceSettings(
  config: Config,
  target: string,
  method: GrpcMethod | undefined,
): GrpcSourceOptions {
  return {
    target,
    method: method ?? ownMethod(config.upstreamMethod),
    symbols: config.upstreamSymbols,
    windowBytes: config.upstreamWindowBytes,
    keepaliveMs: config.upstreamKeepaliveMs,
    // The embedded feed is in this process: a proxy of the environment leads elsewhere.
    proxy: config.upstream !== undefined && config.upstreamProxy,
    // The embedded feed waits for the slowest of its readers, and holds no more than the tick log.
    history: config.upstream !== undefined,
    // The embedded feed may be silent, as its file is. Its thread reports a failure.
    stallTimeoutMs: config.upstream === undefined ? 0 : config.upstreamStallTimeoutMs,
    backoffMinMs: config.upstreamBackoffMinMs,
    backoffMaxMs: config.upstreamBackoffMaxMs,
  }
}
