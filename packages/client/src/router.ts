/** Which subscriptions get a tick, and the latest ticks of each symbol. */
import type { Item } from './items.js'
import type { TickHead } from './messages.js'
import type { Subscription } from './subscription.js'

interface SymbolRecord<Tick extends TickHead> {
  readonly subscriptions: Subscription<Tick>[]
  /** By kind. */
  readonly latest: Map<string, Tick>
}

/** Makes the item for a subscription out of its ticks. */
export type ItemOfTicks<Tick extends TickHead> = (ticks: Tick[]) => Item<Tick>

export class Router<Tick extends TickHead> {
  private readonly subscriptions = new Set<Subscription<Tick>>()
  private readonly records = new Map<string, SymbolRecord<Tick>>()

  get all(): Iterable<Subscription<Tick>> {
    return this.subscriptions
  }

  add(subscription: Subscription<Tick>): void {
    this.subscriptions.add(subscription)
    for (const [symbol, { subscriptions }] of this.records)
      if (matches(subscription, symbol)) subscriptions.push(subscription)
  }

  /** Forgets the symbols that nobody wants any more. */
  delete(subscription: Subscription<Tick>): void {
    this.subscriptions.delete(subscription)
    for (const [symbol, { subscriptions }] of this.records) {
      const index = subscriptions.indexOf(subscription)
      if (index >= 0) subscriptions.splice(index, 1)
      if (subscriptions.length === 0) this.records.delete(symbol)
    }
  }

  /** The newest tick of a symbol, of one kind or of any. */
  latest(symbol: string, kind?: string): Tick | undefined {
    const latest = this.records.get(symbol)?.latest
    if (kind !== undefined) return latest?.get(kind)
    return [...(latest?.values() ?? [])].at(-1)
  }

  /** What is known of the symbols of a subscription. */
  known(subscription: Subscription<Tick>): Tick[] {
    const ticks: Tick[] = []
    for (const { latest, subscriptions } of this.records.values())
      if (subscriptions.includes(subscription)) ticks.push(...latest.values())
    return ticks
  }

  /**
   * Gives each subscription its ticks.
   *
   * @param isMeant leaves out subscriptions: they have these ticks
   */
  route(
    ticks: readonly Tick[],
    itemOf: ItemOfTicks<Tick>,
    isMeant?: (subscription: Subscription<Tick>) => boolean,
  ): Set<Subscription<Tick>> {
    const batches = new Map<Subscription<Tick>, Tick[]>()
    for (const tick of ticks) {
      const { latest, subscriptions } = this.recordOf(tick.symbol)
      // The newest tick of any kind stands last.
      if (latest.size > 1) latest.delete(tick.kind)
      latest.set(tick.kind, tick)
      for (const subscription of subscriptions) {
        const batch = batches.get(subscription)
        if (batch === undefined) batches.set(subscription, [tick])
        else batch.push(tick)
      }
    }
    const reached = new Set<Subscription<Tick>>()
    for (const [subscription, batch] of batches) {
      if (isMeant !== undefined && !isMeant(subscription)) continue
      reached.add(subscription)
      subscription.push(itemOf(batch))
    }
    return reached
  }

  private recordOf(symbol: string): SymbolRecord<Tick> {
    let record = this.records.get(symbol)
    if (record === undefined) {
      const subscriptions = [...this.subscriptions].filter(subscription => matches(subscription, symbol))
      record = { subscriptions, latest: new Map() }
      // Without a subscription the tick is a late one: nothing is kept of it.
      if (subscriptions.length > 0) this.records.set(symbol, record)
    }
    return record
  }
}

function matches({ symbols }: { readonly symbols: readonly string[] }, symbol: string): boolean {
  return symbols.some(name => (name.endsWith('*') ? symbol.startsWith(name.slice(0, -1)) : name === symbol))
}
