/**
 * How far the clients of a gateway are behind. Main thread. Looks only at clients that may be behind.
 */
import { LAG_STEPS_MS, type LagView } from '../metrics/lag-view.js'
import { type LagClocks, lagMs } from './client-lag.js'
import type { LaneStream } from './lane-stream.js'
import type { Recipient } from './recipient.js'

export interface LagSummaryDeps extends LagClocks {
  readonly streams: readonly LaneStream[]
}

/** @param recipients those that are blocked or catch up */
export function summarizeLag(recipients: Iterable<Recipient>, deps: LagSummaryDeps): LagView {
  let blocked = 0
  let maxMs = 0
  const above = LAG_STEPS_MS.map(() => 0)
  for (const recipient of recipients) {
    const { audience } = recipient.cursor
    const lag = lagMs(recipient, audience && deps.streams[audience.lane]!.retained, deps)
    if (recipient.isBlocked) blocked++
    maxMs = Math.max(maxMs, lag)
    for (let step = 0; step < LAG_STEPS_MS.length; step++) if (lag > LAG_STEPS_MS[step]!) above[step]!++
  }
  return { blocked, maxMs, above }
}
