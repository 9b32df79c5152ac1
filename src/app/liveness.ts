/**
 * The checks behind `/livez`: whether a restart would help. Main thread. Pure.
 * A feed that is away and slow clients are no reason to restart.
 */
import type { LivenessView } from '../admin/admin-view.js'

/** For so long the event loop may be late each time, ms. A probe with a timeout of one second fails meanwhile. */
export const LATE_MS_MAX = 30_000
/** For so long lanes may fail again and again, ms. A lane is started again after five seconds at most. */
export const LANE_TROUBLE_MS_MAX = 60_000

export interface LivenessFacts {
  /** For how long the event loop has been late each time. */
  readonly lateForMs: number
  /** For how long a lane has been failing, without a healthy while between. */
  readonly laneTroubleMs: number
}

export function liveness({ lateForMs, laneTroubleMs }: LivenessFacts): LivenessView {
  const checks = {
    eventLoop:
      lateForMs < LATE_MS_MAX
        ? 'ok'
        : `the event loop has been late for ${seconds(lateForMs)}: no reply comes in time`,
    lanes:
      laneTroubleMs < LANE_TROUBLE_MS_MAX
        ? 'ok'
        : `a lane has been failing for ${seconds(laneTroubleMs)}: the log has its error`,
  }
  return { live: Object.values(checks).every(check => check === 'ok'), checks }
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1000)} s`
}
