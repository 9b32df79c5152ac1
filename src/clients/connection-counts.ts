/**
 * How many connections each address and each user has. Main thread. Only what the settings limit is counted.
 */
import type { HandlerOptions } from '../config/config.js'
import type { Identity } from './access/identity.js'
import type { Refusal } from './refusal.js'

type Limits = Pick<HandlerOptions, 'maxClientsPerAddress' | 'maxClientsPerUser'>

export class ConnectionCounts {
  private readonly limits: Limits
  private readonly byAddress = new Map<string, number>()
  private readonly byUser = new Map<string, number>()

  constructor(limits: Limits) {
    this.limits = limits
  }

  /** Why an address may have no further connection; undefined when it may. */
  refusalOfAddress(address: string | undefined): Refusal | undefined {
    const { maxClientsPerAddress = Number.POSITIVE_INFINITY } = this.limits
    if (address === undefined || (this.byAddress.get(address) ?? 0) < maxClientsPerAddress) return undefined
    const message = `this address has all the ${maxClientsPerAddress} connections that it may have`
    return { status: 429, code: 'address_full', message }
  }

  /** Why a user may have no further connection; undefined when it may. */
  refusalOfUser({ connectionsMax = Number.POSITIVE_INFINITY, user }: Identity): Refusal | undefined {
    const max = Math.min(connectionsMax, this.limits.maxClientsPerUser ?? Number.POSITIVE_INFINITY)
    if ((this.byUser.get(user) ?? 0) < max) return undefined
    return {
      status: 429,
      code: 'user_full',
      message: `you have all the ${max} connections that you may have`,
    }
  }

  /** A connection begins. @param identity undefined: nobody has asked who it is */
  add(address: string | undefined, identity?: Identity): void {
    this.count(address, identity, 1)
  }

  /** A connection has ended that was added. */
  remove(address: string | undefined, identity?: Identity): void {
    this.count(address, identity, -1)
  }

  private count(address: string | undefined, identity: Identity | undefined, by: 1 | -1): void {
    if (address !== undefined && this.limits.maxClientsPerAddress !== undefined)
      change(this.byAddress, address, by)
    if (identity !== undefined) change(this.byUser, identity.user, by)
  }
}

function change(counts: Map<string, number>, key: string, by: 1 | -1): void {
  const count = (counts.get(key) ?? 0) + by
  if (count === 0) counts.delete(key)
  else counts.set(key, count)
}
