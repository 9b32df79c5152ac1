/**
 * What one client may do. Main thread. Made when the client is known, and renewed by its `auth` messages.
 */
import type { Log } from '../../common/log.js'
import {
  type Delivery,
  type DeliveryError,
  type DeliveryFields,
  readDelivery,
} from '../../protocol/delivery.js'
import { AuthorizedEntries } from './authorized-entries.js'
import type { EntryScope, VisibleEntries } from './entry-scope.js'
import type { Authorize, Identity, IdentityLimits } from './identity.js'
import type { ScopePool } from './scope-pool.js'

export interface ClientAccessDeps {
  readonly pool: ScopePool
  readonly authorize: Authorize | undefined
  readonly limits: IdentityLimits
  readonly log: Log
}

export class ClientAccess {
  private readonly deps: ClientAccessDeps
  private readonly client: string
  private _identity: Identity
  private visible: VisibleEntries | undefined
  private authorized: AuthorizedEntries | undefined

  /** @param client the client's public name */
  constructor(deps: ClientAccessDeps, identity: Identity, client: string) {
    this.deps = deps
    this.client = client
    this._identity = identity
    this.take(identity)
  }

  get identity(): Identity {
    return this._identity
  }

  /** What the client may see; undefined: everything. */
  get scope(): EntryScope | undefined {
    return this.authorized ?? this.visible
  }

  /** Whether `authorize` has revoked the access. */
  get isRevoked(): boolean {
    return this.authorized?.isRevoked === true
  }

  renew(identity: Identity): void {
    const before = this.visible
    this.take(identity)
    this.deps.pool.drop(before)
  }

  /** The client is gone. Called once. */
  end(): void {
    this.deps.pool.drop(this.visible)
  }

  private take(identity: Identity): void {
    const { authorize, limits, log, pool } = this.deps
    this.visible = pool.hold(identity.symbols)
    // The list of the pool in place of the client's own: most clients share one.
    this._identity = { ...identity, symbols: this.visible?.entries ?? identity.symbols }
    this.authorized =
      authorize &&
      new AuthorizedEntries({ authorize, limits, log }, this._identity, this.client, this.visible)
  }
}

/** Where a command or a URL says nothing about delivery, and the client may have only latest ticks. */
export function slowedDelivery(initial: Delivery, leastMs: number | undefined): Delivery {
  if (leastMs === undefined) return initial
  const { intervalMs } = initial
  if (intervalMs === null) return { intervalMs: leastMs, snapshot: true }
  return { intervalMs: Math.max(intervalMs, leastMs), snapshot: initial.snapshot }
}

export interface DeliveryRefusal {
  readonly code: 'not_entitled'
  readonly message: string
}

/**
 * @param initial holds for fields that are left out
 * @param leastMs the client may have only latest ticks, with an interval of so many ms or more; undefined: everything
 */
export function readEntitledDelivery(
  fields: DeliveryFields,
  initial: Delivery,
  leastMs: number | undefined,
): Delivery | DeliveryError | DeliveryRefusal {
  const delivery = readDelivery(fields, slowedDelivery(initial, leastMs))
  if (leastMs === undefined || 'code' in delivery) return delivery
  if (delivery.intervalMs !== null && delivery.intervalMs >= leastMs) return delivery
  const message = `you may have delivery "latest" with an interval of at least ${leastMs} ms, and nothing else`
  return { code: 'not_entitled', message }
}
