/** How a thread reads again what a feed holds: undefined where the feed cannot be asked for a position. Main thread. Pure. */
import type { HistoryOrigin } from '../../ticks/stream-history.js'
import type { GrpcHistoryOptions } from './grpc-history.js'
import { type GrpcSourceOptions, grpcOptions } from './grpc-options.js'

const HISTORY_MODULE = new URL('./grpc-history.js', import.meta.url).href

/** @param endpoints of one feed, in the order of preference; at least one */
export function feedHistory(endpoints: readonly GrpcSourceOptions[]): HistoryOrigin | undefined {
  const filled = endpoints.map(grpcOptions)
  const { history, method, symbols } = filled[0]!
  // The positions of some symbols are no offsets, and a method of another schema takes no position.
  if (!history || symbols.length > 0 || typeof method === 'object') return undefined
  const targets = filled.map(({ target, tls, windowBytes, keepaliveMs, metadata, proxy }) => ({
    target,
    tls,
    windowBytes,
    keepaliveMs,
    metadata,
    proxy,
  }))
  const options: GrpcHistoryOptions = { targets, form: method === 'single' ? 'tick' : 'batch' }
  return { module: HISTORY_MODULE, options, isFeed: true }
}
