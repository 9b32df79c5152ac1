/**
 * The source of the gateway's ticks: of one endpoint, or of several. Main thread.
 */
import { systemClock } from '../common/clock.js'
import type { Log } from '../common/log.js'
import type { Config } from '../config/config.js'
import { FeedMemory } from '../sources/feed-memory.js'
import { feedHistory } from '../sources/grpc/feed-history.js'
import { type GrpcMethod, GrpcSource, type GrpcSourceOptions } from '../sources/grpc/grpc-source.js'
import { BothSource } from '../sources/lines/both-source.js'
import { FailoverSource } from '../sources/lines/failover-source.js'
import type { MakeSource } from '../sources/lines/feed-line.js'
import type { TickSource } from '../sources/tick-source.js'
import { sourceSettings } from './feed-settings.js'

export interface UpstreamOptions {
  readonly config: Config
  /** 'host:port' of each endpoint, in the order of preference. */
  readonly targets: readonly string[]
  readonly call: Pick<GrpcSourceOptions, 'tls' | 'metadata'>
  /** Of a feed of another schema. */
  readonly method: GrpcMethod | undefined
  readonly log: Log
  /** What is known of the feed from before. Default: nothing. */
  readonly memory?: FeedMemory
}

export function upstreamSource(options: UpstreamOptions): TickSource {
  const { config, targets, call, method, log, memory = new FeedMemory() } = options
  const sourceLog = {
    info: (message: string) => log.info({}, message),
    warn: (message: string) => log.warn({}, message),
  }
  const calls = targets.map(target => ({
    ...sourceSettings(config, target, method),
    ...call,
    log: sourceLog,
  }))
  const endpoints = calls.map(
    (options): MakeSource =>
      failed =>
        new GrpcSource(options, { memory, failed }),
  )
  if (endpoints.length === 1) return endpoints[0]!(() => {})
  const origin = feedHistory(calls)
  if (config.upstreamMode === 'both') return new BothSource(endpoints, memory, origin)
  return new FailoverSource(endpoints, systemClock, origin)
}
