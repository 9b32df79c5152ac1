/**
 * The checks behind `/readyz`. Main thread. Pure.
 */
import type { SourceStatus } from '../sources/tick-source.js'

export interface Readiness {
  readonly ready: boolean
  /** For each check "ok", or the reason why it has failed. */
  readonly checks: Readonly<Record<string, string>>
}

/** @param upstream undefined before the source was made */
export function readiness(lanesAreHealthy: boolean, upstream: SourceStatus | undefined): Readiness {
  const checks = {
    lanes: lanesAreHealthy ? 'ok' : 'a lane is being started or replaced, or the gateway is shutting down',
    upstream: upstream?.state === 'live' ? 'ok' : (upstream?.lastError ?? 'connecting'),
  }
  return { ready: Object.values(checks).every(check => check === 'ok'), checks }
}
