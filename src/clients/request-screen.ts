/**
 * Looks at who sends a request to connect, before anything of it is read: address, pace, page. Main thread.
 */
import type { IncomingHttpHeaders } from 'node:http'
import type { Clock } from '../common/clock.js'
import type { PatientClock } from '../common/patient-clock.js'
import { TokenBucket } from '../common/token-bucket.js'
import type { HandlerOptions } from '../config/config.js'
import { AddressBuckets } from './address-buckets.js'
import { addressOf } from './client-address.js'
import type { Refusal } from './refusal.js'
import { ORIGIN_NOT_ALLOWED, TOO_FAST } from './request-refusals.js'
import { TrustedProxies } from './trusted-proxies.js'

export interface RequestScreenDeps {
  readonly settings: HandlerOptions
  readonly clock: Clock
  readonly patience: PatientClock
}

export class RequestScreen {
  private readonly proxies: TrustedProxies
  /** None: any page may connect. */
  private readonly origins: ReadonlySet<string>
  /** undefined: an address may connect as often as its work allows. */
  private readonly rates: AddressBuckets | undefined

  constructor({ clock, patience, settings }: RequestScreenDeps) {
    const { addressConnectionsPerSecond: perSecond, allowedOrigins, proxyHeader, trustedProxies } = settings
    this.proxies = new TrustedProxies(trustedProxies, proxyHeader)
    this.origins = new Set(allowedOrigins)
    if (perSecond !== undefined)
      this.rates = new AddressBuckets(() => new TokenBucket(perSecond, clock, patience))
  }

  /** The address that the client's work is charged to; undefined: it has none. @param peer that of the connection */
  addressOf(peer: string | undefined, headers: IncomingHttpHeaders): string | undefined {
    return addressOf(this.proxies.clientOf(peer, headers))
  }

  /** Why the request is refused; undefined when it is not. */
  refusalOf(address: string | undefined, { origin }: IncomingHttpHeaders): Refusal | undefined {
    if (address !== undefined && this.rates?.of(address).tryTake() === false) return TOO_FAST
    // Programs that are no browsers send no `Origin`.
    const isAllowed =
      origin === undefined || this.origins.size === 0 || this.origins.has(origin.toLowerCase())
    return isAllowed ? undefined : ORIGIN_NOT_ALLOWED
  }
}
