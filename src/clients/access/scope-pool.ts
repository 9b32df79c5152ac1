/**
 * Scopes that clients share which may see the same. Main thread. A scope lives as long as it has clients.
 */
import { ALL_SYMBOLS } from '../../lane-protocol/audience-spec.js'
import { VisibleEntries } from './entry-scope.js'

interface Shared {
  readonly scope: VisibleEntries
  readonly key: string
  holders: number
}

export class ScopePool {
  private readonly byKey = new Map<string, Shared>()
  private readonly byScope = new Map<VisibleEntries, Shared>()

  get count(): number {
    return this.byKey.size
  }

  /** @returns undefined: everything may be seen. Each scope needs one `drop` */
  hold(entries: readonly string[]): VisibleEntries | undefined {
    if (entries.includes(ALL_SYMBOLS)) return undefined
    const key = JSON.stringify([...entries].sort())
    let shared = this.byKey.get(key)
    if (shared === undefined) {
      shared = { scope: new VisibleEntries(entries), key, holders: 0 }
      this.byKey.set(key, shared)
      this.byScope.set(shared.scope, shared)
    }
    shared.holders++
    return shared.scope
  }

  drop(scope: VisibleEntries | undefined): void {
    const shared = scope && this.byScope.get(scope)
    if (shared === undefined || --shared.holders > 0) return
    this.byKey.delete(shared.key)
    this.byScope.delete(shared.scope)
  }
}
