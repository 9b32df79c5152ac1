/**
 * Says how long a client should wait before it connects again. Main thread.
 * Each advice takes a place in a queue that moves at the pace of the admission. So the more clients are told, the longer
 * each waits, and they come back one by one. A random part parts those that are told in the same moment.
 */
import type { Clock } from '../common/clock.js'

/** Longest wait in the queue. Beyond it, waits are random in its second half. */
export const QUEUED_MS_MAX = 60_000
/** The random part of the wait after a `goodbye`, ms: the goodbyes of a drain come one by one already. */
export const GOODBYE_JITTER_MS = 250

export interface ReconnectAdviceDeps {
  /** Clients that are let in in a second. */
  readonly perSecond: number
  /** The least wait after a refusal, s. The random part is as long. */
  readonly retryAfterS: number
  readonly clock: Pick<Clock, 'nowMs'>
  /** Returns 0 up to, not including, 1. Default `Math.random`. */
  readonly random?: () => number
}

export class ReconnectAdvice {
  private readonly deps: ReconnectAdviceDeps
  private readonly random: () => number
  /** When the last client that was told to wait may come back. */
  private queueEndMs = 0

  constructor(deps: ReconnectAdviceDeps) {
    this.deps = deps
    this.random = deps.random ?? Math.random
  }

  /** For a `goodbye`: whole ms. */
  afterGoodbyeMs(): number {
    return Math.round(this.random() * GOODBYE_JITTER_MS + this.nextPlaceMs())
  }

  /** For the `Retry-After` of a refusal: whole seconds. */
  afterRefusalS(): number {
    const { retryAfterS } = this.deps
    return Math.round(retryAfterS * (1 + this.random()) + this.nextPlaceMs() / 1000)
  }

  /** The time until the next free place in the queue. */
  private nextPlaceMs(): number {
    const { clock, perSecond } = this.deps
    const nowMs = clock.nowMs()
    const waitMs = Math.max(0, this.queueEndMs - nowMs)
    if (waitMs >= QUEUED_MS_MAX) return (QUEUED_MS_MAX * (1 + this.random())) / 2
    this.queueEndMs = nowMs + waitMs + 1000 / perSecond
    return waitMs
  }
}
