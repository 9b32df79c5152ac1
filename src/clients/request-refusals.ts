/**
 * Refuses requests to connect, and counts the refusals. Main thread.
 */
import type { Duplex } from 'node:stream'
import type { Clock } from '../common/clock.js'
import { peerAddressOf } from '../common/peer-address.js'
import type { HandlerOptions } from '../config/config.js'
import type { CounterWriter } from '../memory/counters.js'
import { MAIN_SLOTS, type MainMetric } from '../metrics/metric-table.js'
import type { CommandErrorCode } from '../protocol/error-codes.js'
import { addressOf } from './client-address.js'
import type { ClientLog } from './client-log.js'
import type { ReconnectAdvice } from './reconnect-advice.js'
import type { Refusal } from './refusal.js'
import { refuseUpgrade } from './upgrade-refusal.js'

export const DRAINING: Refusal = {
  status: 503,
  code: 'draining',
  message: 'shutting down: connect again in a moment',
}

export const TOO_MANY_CONNECTIONS: Refusal = {
  status: 503,
  code: 'too_many_connections',
  message: 'too many clients connect at once: try again after the seconds in Retry-After',
}

export const TOO_FAST: Refusal = {
  status: 429,
  code: 'too_many_requests',
  message: 'this address connects too often: try again after the seconds in Retry-After',
}

export const ORIGIN_NOT_ALLOWED: Refusal = {
  status: 403,
  code: 'origin_not_allowed',
  message: 'pages of this origin may not connect',
}

export const PAST_FULL: Refusal = {
  status: 503,
  code: 'history_busy',
  message:
    'as many clients as may read ticks of the past: try again after the seconds in Retry-After, or connect without resume and since',
}

export const TOO_MANY_REQUESTS: Refusal = {
  status: 429,
  code: 'too_many_requests',
  message:
    'too many connections and commands from this address, or from all clients together: try again later',
}

/** The other codes count as `refusedRequest`. */
const REFUSAL_METRICS: Readonly<Partial<Record<Refusal['code'], MainMetric>>> = {
  unknown_path: 'refusedPath',
  internal: 'refusedFault',
  limit: 'refusedLimit',
  overload: 'refusedOverload',
  too_many_connections: 'refusedPace',
  draining: 'refusedDraining',
  not_entitled: 'refusedEntitlement',
  origin_not_allowed: 'refusedOrigin',
  address_full: 'refusedAddress',
  user_full: 'refusedUser',
  auth_unavailable: 'refusedAuthUnavailable',
  history_busy: 'refusedHistory',
  subscriptions_full: 'refusedSubscriptions',
  too_many_requests: 'refusedRate',
}

export interface RequestRefusalsDeps {
  readonly settings: Pick<HandlerOptions, 'closeTimeoutMs'>
  readonly clock: Clock
  readonly counters: CounterWriter
  readonly advice: ReconnectAdvice
  readonly clientLog: ClientLog
}

export class RequestRefusals {
  private readonly deps: RequestRefusalsDeps

  constructor(deps: RequestRefusalsDeps) {
    this.deps = deps
  }

  /** @param address that of the client, where it is not that of the connection */
  refuse(socket: Duplex, refusal: Refusal, address?: string): void {
    this.count(refusal.status === 401 ? 'refusedToken' : (REFUSAL_METRICS[refusal.code] ?? 'refusedRequest'))
    const { advice, clientLog, clock, settings } = this.deps
    clientLog.refused(refusal, address ?? addressOf(peerAddressOf(socket)))
    refuseUpgrade(socket, refusal, {
      retryAfterS: () => advice.afterRefusalS(),
      timeoutMs: settings.closeTimeoutMs,
      clock,
    })
  }

  /** Counts and logs the refusal of a connection that had to say by a message who it is. */
  refusedLate(code: CommandErrorCode, message: string, address: string | undefined): void {
    this.deps.clientLog.refused({ code, message }, address)
    if (code === 'no_place') this.count('refusedLimit')
    else this.count(REFUSAL_METRICS[code as Refusal['code']] ?? 'refusedToken')
  }

  count(metric: MainMetric): void {
    const { counters } = this.deps
    counters.values[MAIN_SLOTS[metric]]! += 1
    counters.flush()
  }
}
