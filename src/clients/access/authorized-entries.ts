/**
 * A scope that asks `authorize` at each change. Main thread.
 * An answer that is wrong or an error counts as a revocation: nothing is seen by mistake.
 */
import type { Log } from '../../common/log.js'
import type { IntervalMs } from '../../protocol/delivery.js'
import { entryFault } from '../entry-fault.js'
import { type EntryScope, VisibleEntries } from './entry-scope.js'
import { type Authorize, entriesFault, type Identity, type IdentityLimits } from './identity.js'

export interface AuthorizedEntriesDeps {
  readonly authorize: Authorize
  readonly limits: IdentityLimits
  readonly log: Log
}

const NOTHING = new VisibleEntries([])

export class AuthorizedEntries implements EntryScope {
  private readonly deps: AuthorizedEntriesDeps
  private readonly identity: Identity
  private readonly client: string
  /** What the identity may see; undefined: everything. */
  private readonly ofIdentity: VisibleEntries | undefined
  private _isRevoked = false

  constructor(
    deps: AuthorizedEntriesDeps,
    identity: Identity,
    client: string,
    ofIdentity: VisibleEntries | undefined,
  ) {
    this.deps = deps
    this.identity = identity
    this.client = client
    this.ofIdentity = ofIdentity
  }

  /** Whether `authorize` has revoked the access. The client must leave. */
  get isRevoked(): boolean {
    return this._isRevoked
  }

  seen(entries: readonly string[]): ReadonlySet<string> {
    return this.ask(entries.filter(entry => entryFault(entry) === undefined)).seen(entries)
  }

  narrowed(entries: ReadonlyMap<string, IntervalMs>): Map<string, IntervalMs> {
    return this.ask([...entries.keys()]).narrowed(entries)
  }

  private ask(entries: readonly string[]): VisibleEntries {
    if (this._isRevoked || entries.length === 0) return NOTHING
    const visible = this.answer(entries)
    if (visible === undefined) {
      this._isRevoked = true
      return NOTHING
    }
    const { ofIdentity } = this
    if (ofIdentity === undefined) return new VisibleEntries(visible)
    const both = ofIdentity.narrowed(new Map(visible.map(entry => [entry, null])))
    return new VisibleEntries([...both.keys()])
  }

  /** undefined: revoked. */
  private answer(entries: readonly string[]): readonly string[] | undefined {
    const { authorize, limits, log } = this.deps
    const details = { client: this.client, user: this.identity.user }
    try {
      const visible = authorize(this.identity, entries, this.client)
      if (visible === undefined) return undefined
      const fault = entriesFault(visible, limits)
      if (fault === undefined) return visible
      log.error(details, `authorize has returned something wrong, and the client is closed: ${fault}`)
    } catch (err) {
      log.error({ err, ...details }, 'authorize has failed, and the client is closed')
    }
    return undefined
  }
}
