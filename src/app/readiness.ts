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
  /** undefined before the source was made */
  readonly upstream: SourceStatus | undefined
}

export function readiness({ areLanesHealthy, isStopping, upstream }: ReadinessFacts): Readiness {
  const checks = {
    gateway: isStopping ? 'stopping: send new clients elsewhere' : 'ok',
    lanes: areLanesHealthy ? 'ok' : 'a lane is being started or replaced, or the gateway is shutting down',
    upstream: upstream?.state === 'live' ? 'ok' : (upstream?.lastError ?? 'connecting'),
  }
  return { ready: Object.values(checks).every(check => check === 'ok'), checks }
}
