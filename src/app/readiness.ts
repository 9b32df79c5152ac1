/**
 * The checks behind `/readyz`. Main thread. Pure.
 */
import type { SourceStatus } from '../sources/tick-source.js'

export interface Readiness {
  readonly ready: boolean
  /** For each check "ok", or the reason why it has failed. */
  readonly checks: Readonly<Record<string, string>>
}

const NONE: ReadonlySet<string> = new Set()
/** Another gateway has no more room for the latest ticks, so this one stays ready. */
const INFORMATIVE: ReadonlySet<string> = new Set(['latest'])

export const GATEWAY_CHECKS = ['gateway', 'lanes', 'upstream', 'latest'] as const

export interface ReadinessFacts {
  readonly isStopping: boolean
  readonly areLanesHealthy: boolean
  /** Whether the lanes have room for the latest ticks of all symbols. */
  readonly hasRoomForLatest: boolean
  /** undefined before the source was made */
  readonly upstream: SourceStatus | undefined
}

/** The checks that decide. @param excluded checks that do not */
export function isReady(checks: Readiness['checks'], excluded: ReadonlySet<string>): boolean {
  return Object.entries(checks).every(
    ([name, check]) => check === 'ok' || INFORMATIVE.has(name) || excluded.has(name),
  )
}

export function readiness(facts: ReadinessFacts, excluded: ReadonlySet<string> = NONE): Readiness {
  const { areLanesHealthy, hasRoomForLatest, isStopping, upstream } = facts
  const checks: Record<(typeof GATEWAY_CHECKS)[number], string> = {
    gateway: isStopping ? 'stopping: send new clients elsewhere' : 'ok',
    lanes: areLanesHealthy ? 'ok' : 'a lane is being started or replaced, or the gateway is shutting down',
    upstream: upstream?.state === 'live' ? 'ok' : (upstream?.lastError ?? 'connecting'),
    latest: hasRoomForLatest ? 'ok' : 'snapshots lack symbols: raise RINGCAST_LATEST_BYTES',
  }
  return { ready: isReady(checks, excluded), checks }
}
