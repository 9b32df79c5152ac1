/**
 * The checks behind `/readyz`. Main thread. Pure.
 */
import type { SourceStatus } from '../sources/tick-source.js'

export interface Readiness {
  readonly ready: boolean
  /** For each check "ok", or the reason why it has failed. */
  readonly checks: Readonly<Record<string, string>>
}

export interface ReadinessFacts {
  readonly isStopping: boolean
  readonly areLanesHealthy: boolean
  /** Whether the lanes have room for the latest ticks of all symbols. */
  readonly hasRoomForLatest: boolean
  /** undefined before the source was made */
  readonly upstream: SourceStatus | undefined
}

export function readiness(facts: ReadinessFacts): Readiness {
  const { areLanesHealthy, hasRoomForLatest, isStopping, upstream } = facts
  const checks = {
    gateway: isStopping ? 'stopping: send new clients elsewhere' : 'ok',
    lanes: areLanesHealthy ? 'ok' : 'a lane is being started or replaced, or the gateway is shutting down',
    upstream: upstream?.state === 'live' ? 'ok' : (upstream?.lastError ?? 'connecting'),
  }
  const ready = Object.values(checks).every(check => check === 'ok')
  // Another gateway has no more room, so this one stays ready.
  const latest = hasRoomForLatest ? 'ok' : 'snapshots lack symbols: raise RINGCAST_LATEST_BYTES'
  return { ready, checks: { ...checks, latest } }
}
