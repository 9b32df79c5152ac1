/** Which subscriptions get a tick, and the latest ticks of each symbol. */
import { covers, type Entry } from './entry.js'
import type { Item } from './items.js'
import type { TickHead } from './messages.js'
import type { Subscription } from './subscription.js'

/** A subscription that has entries for a symbol. */
interface Reader<Tick extends TickHead> {
  readonly subscription: Subscription<Tick>
  readonly entries: readonly Entry[]
}

interface SymbolRecord<Tick extends TickHead> {
  readers: Reader<Tick>[]
  /** By kind. */
  readonly latest: Map<string, Tick>
}

/** Makes the item for a subscription out of its ticks. */
export type ItemOfTicks<Tick extends TickHead> = (ticks: Tick[]) => Item<Tick>

export class Router<Tick extends TickHead> {
  private readonly subscriptions = new Map<Subscription<Tick>, readonly Entry[]>()
  private readonly records = new Map<string, SymbolRecord<Tick>>()

  get all(): Iterable<Subscription<Tick>> {
    return this.subscriptions.keys()
  }

  add(subscription: Subscription<Tick>, entries: readonly Entry[]): void {
    this.subscriptions.set(subscription, entries)
    for (const [symbol, { readers }] of this.records) join(readers, subscription, entries, symbol)
  }

  /** Forgets the symbols that nobody wants any more. */
  delete(subscription: Subscription<Tick>): void {
    this.subscriptions.delete(subscription)
    for (const [symbol, record] of this.records) {
      record.readers = record.readers.filter(reader => reader.subscription !== subscription)
      if (record.readers.length === 0) this.records.delete(symbol)
    }
  }

  /** Whether the subscription has one of these entries; undefined: one that the gateway serves. */
  hasAny(subscription: Subscription<Tick>, entries: ReadonlySet<Entry> | undefined): boolean {
    return this.subscriptions.get(subscription)!.some(isIn(entries))
  }

  /** The newest tick of a symbol, of one kind or of any. */
  latest(symbol: string, kind?: string): Tick | undefined {
    const latest = this.records.get(symbol)?.latest
    if (kind !== undefined) return latest?.get(kind)
    return [...(latest?.values() ?? [])].at(-1)
  }

  /** What is known of the symbols of a subscription, as far as it gets the next ticks of them. */
  known(subscription: Subscription<Tick>): Tick[] {
    const ticks: Tick[] = []
    for (const { latest, readers } of this.records.values())
      for (const reader of readers)
        if (reader.subscription === subscription && reader.entries.some(isIn(undefined)))
          ticks.push(...latest.values())
    return ticks
  }

  /**
   * Gives each subscription its ticks: of the entries that the gateway serves. A tick that comes for another entry would not be
   * followed by a replay, if the connection ended now.
   *
   * @param replayed the entries whose ticks these are; undefined: of all
   * @returns the subscriptions that got some
   */
  route(
    ticks: readonly Tick[],
    itemOf: ItemOfTicks<Tick>,
    replayed?: ReadonlySet<Entry>,
  ): ReadonlyMap<Subscription<Tick>, unknown> {
    const isMeant = isIn(replayed)
    const batches = new Map<Subscription<Tick>, Tick[]>()
    for (const tick of ticks) {
      const { latest, readers } = this.recordOf(tick.symbol)
      // The newest tick of any kind stands last.
      if (latest.size > 1) latest.delete(tick.kind)
      latest.set(tick.kind, tick)
      for (const { entries, subscription } of readers) {
        if (!entries.some(isMeant)) continue
        const batch = batches.get(subscription)
        if (batch === undefined) batches.set(subscription, [tick])
        else batch.push(tick)
      }
    }
    for (const [subscription, batch] of batches) subscription.push(itemOf(batch))
    return batches
  }

  private recordOf(symbol: string): SymbolRecord<Tick> {
    let record = this.records.get(symbol)
    if (record === undefined) {
      const readers: Reader<Tick>[] = []
      for (const [subscription, entries] of this.subscriptions) join(readers, subscription, entries, symbol)
      record = { readers, latest: new Map() }
      // Without a subscription the tick is a late one: nothing is kept of it.
      if (readers.length > 0) this.records.set(symbol, record)
    }
    return record
  }
}

function isIn(entries: ReadonlySet<Entry> | undefined): (entry: Entry) => boolean {
  return entry => entries?.has(entry) ?? entry.isActive
}

function join<Tick extends TickHead>(
  readers: Reader<Tick>[],
  subscription: Subscription<Tick>,
  entries: readonly Entry[],
  symbol: string,
): void {
  const own = entries.filter(({ name }) => covers(name, symbol))
  if (own.length > 0) readers.push({ subscription, entries: own })
}
