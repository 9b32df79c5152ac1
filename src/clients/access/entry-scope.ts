/**
 * What a client may see of the entries that it asks for. Main thread.
 * A client is only ever in an audience of the narrowed entries. So lanes know nothing of entitlements, and clients that
 * may see the same share their audience: docs/decisions/0082-entitlements-narrow-the-entries.md.
 */
import { prefixOf } from '../../lane-protocol/audience-spec.js'
import { PrefixMap } from '../../lane-protocol/prefix-map.js'
import type { IntervalMs } from '../../protocol/delivery.js'

type Entries = ReadonlyMap<string, IntervalMs>

export interface EntryScope {
  /** The entries of which the client may see something. */
  seen(entries: readonly string[]): ReadonlySet<string>
  /**
   * The entries that select what `entries` select, as far as the client may see it. Each symbol keeps the interval that
   * its longest entry gives it. There are at most as many as entries and visible ones together.
   */
  narrowed(entries: Entries): Map<string, IntervalMs>
}

/** A scope of entries that say what may be seen. */
export class VisibleEntries implements EntryScope {
  readonly entries: readonly string[]
  private readonly visible: CoveringEntries<true>
  /** The symbols and the texts of the prefixes, sorted. */
  private readonly texts: readonly string[]

  constructor(entries: readonly string[]) {
    this.entries = [...new Set(entries)]
    this.visible = new CoveringEntries(this.entries.map(entry => [entry, true]))
    this.texts = this.entries.map(entry => prefixOf(entry) ?? entry).sort()
  }

  seen(entries: readonly string[]): ReadonlySet<string> {
    return new Set(
      entries.filter(entry => this.visible.of(entry) !== undefined || this.hasSomeWithin(prefixOf(entry))),
    )
  }

  narrowed(entries: Entries): Map<string, IntervalMs> {
    const narrowed = new Map<string, IntervalMs>()
    for (const [entry, intervalMs] of entries)
      if (this.visible.of(entry) !== undefined) narrowed.set(entry, intervalMs)
    const wanted = new CoveringEntries(entries)
    for (const entry of this.entries) {
      const intervalMs = wanted.of(entry)
      if (intervalMs !== undefined) narrowed.set(entry, intervalMs)
    }
    return narrowed
  }

  /** Whether a visible entry begins with the prefix. */
  private hasSomeWithin(prefix: string | undefined): boolean {
    if (prefix === undefined) return false
    const { texts } = this
    let low = 0
    let high = texts.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (texts[middle]! < prefix) low = middle + 1
      else high = middle
    }
    return texts[low]?.startsWith(prefix) === true
  }
}

/** Entries with values. Finds the longest entry that holds another one whole. */
class CoveringEntries<V> {
  private readonly symbols = new Map<string, V>()
  private readonly prefixes = new PrefixMap<V>()

  constructor(entries: Iterable<readonly [entry: string, value: V]>) {
    for (const [entry, value] of entries) {
      const prefix = prefixOf(entry)
      if (prefix === undefined) this.symbols.set(entry, value)
      else this.prefixes.set(prefix, value)
    }
  }

  /** The value of the longest entry that holds all of `entry`; undefined: there is none. */
  of(entry: string): V | undefined {
    const prefix = prefixOf(entry)
    if (prefix !== undefined) return this.prefixes.ofLongest(prefix)
    const ofSymbol = this.symbols.get(entry)
    // The interval null is a value, too.
    return ofSymbol === undefined ? this.prefixes.ofLongest(entry) : ofSymbol
  }
}
