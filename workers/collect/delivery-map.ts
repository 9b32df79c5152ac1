/**
 * The entries of one audience, and how each is delivered. One lane's own.
 * Where entries overlap, the longest entry of a symbol decides.
 */
import { type Entry, type EntryChange, prefixOf } from '../../src/lane-protocol/audience-spec.js'
import { PrefixMap } from '../../src/lane-protocol/prefix-map.js'
import type { IntervalMs } from '../../src/protocol/delivery.js'

/** How an audience gets a symbol: every tick, or the latest ones with the conflation group of this interval. */
export type Delivery = IntervalMs
export const EVERY = null

export class DeliveryMap {
  readonly names: Map<string, Delivery>
  readonly prefixes: PrefixMap<Delivery>
  /** The number of entries with each delivery. */
  private readonly counts: Map<Delivery, number>

  /** @param like whose entries it begins with */
  constructor(like?: DeliveryMap) {
    this.names = new Map(like?.names)
    this.prefixes = new PrefixMap(like?.prefixes)
    this.counts = new Map(like?.counts)
  }

  static of(entries: Iterable<Entry>): DeliveryMap {
    const map = new DeliveryMap()
    for (const [entry, delivery] of entries) map.set(entry, delivery)
    return map
  }

  /** A map of its own with some entries changed. */
  changedBy({ added, removed }: EntryChange): DeliveryMap {
    const map = new DeliveryMap(this)
    for (const entry of removed) map.delete(entry)
    for (const [entry, delivery] of added) map.set(entry, delivery)
    return map
  }

  /** How a symbol is delivered; undefined: not at all. */
  ofSymbol(symbol: string): Delivery | undefined {
    const ofName = this.names.get(symbol)
    return ofName === undefined ? this.prefixes.ofLongest(symbol) : ofName
  }

  /** Whether every tick of all symbols is delivered. */
  get isUnfiltered(): boolean {
    return this.prefixes.get('') === EVERY && this.counts.size === 1
  }

  /** Whether every tick of some symbols is delivered. */
  get hasEvery(): boolean {
    return this.counts.has(EVERY)
  }

  /** Whether only latest ticks are delivered. */
  get isConflated(): boolean {
    return this.counts.size > 0 && !this.hasEvery
  }

  /** The intervals of the conflation groups, in rising order. */
  get intervals(): number[] {
    const intervals = [...this.counts.keys()].filter(delivery => delivery !== EVERY)
    return intervals.sort((one, other) => one - other)
  }

  private set(entry: string, delivery: Delivery): void {
    this.delete(entry)
    this.counts.set(delivery, (this.counts.get(delivery) ?? 0) + 1)
    const prefix = prefixOf(entry)
    if (prefix === undefined) this.names.set(entry, delivery)
    else this.prefixes.set(prefix, delivery)
  }

  private delete(entry: string): void {
    const prefix = prefixOf(entry)
    const before = prefix === undefined ? this.names.get(entry) : this.prefixes.get(prefix)
    if (before === undefined) return
    if (prefix === undefined) this.names.delete(entry)
    else this.prefixes.delete(prefix)
    const count = this.counts.get(before)! - 1
    if (count === 0) this.counts.delete(before)
    else this.counts.set(before, count)
  }
}
