/**
 * Bounds the entries of all clients together, and those of one address. Main thread. Each entry takes memory on the main
 * thread and in a lane. So do the symbols that the prefixes of an audience match: eight of them count as one entry of
 * the address that the audience was opened for.
 */
import type { SymbolBudget } from '../fanout/symbol-budget.js'
import type { CounterWriter } from '../memory/counters.js'
import { MAIN_SLOTS } from '../metrics/metric-table.js'
import type { EntryBudget } from './subscriptions.js'

/** An address may have so many times what is free. So no address, nor a few of them, can take all. */
const TIMES_FREE = 3
/** An address may have so many in any case, as long as there are any: those of a small client. */
const ALWAYS = 32
/** A matched symbol takes the lane about 64 bytes, an entry more than 500. */
const SYMBOLS_PER_ENTRY = 8

export class SubscriptionBudget {
  readonly countMax: number
  private readonly counters: CounterWriter
  /** Entries, and what matched symbols count as. */
  private count = 0
  private readonly byAddress = new Map<string, number>()

  constructor(countMax: number, counters: CounterWriter) {
    this.countMax = countMax
    this.counters = counters
  }

  /** @param address undefined: the clients have none, and only the bound of all clients counts */
  ofAddress(address: string | undefined): AddressBudget {
    return new AddressBudget(this, address)
  }

  /** Entries of an address. */
  heldBy(address: string | undefined): number {
    return address === undefined ? 0 : (this.byAddress.get(address) ?? 0)
  }

  hasRoomFor(address: string | undefined, count: number): boolean {
    const free = this.countMax - this.count - count
    const held = this.heldBy(address) + count
    return free >= 0 && (held <= ALWAYS || held <= TIMES_FREE * free)
  }

  /** Takes entries, whether or not there is room; a negative count gives them back. */
  charge(address: string | undefined, count: number): void {
    this.count += count
    if (address === undefined) return
    const held = this.heldBy(address) + count
    if (held === 0) this.byAddress.delete(address)
    else this.byAddress.set(address, held)
  }

  /** Charges entries of clients, which the metrics show. */
  chargeEntries(address: string | undefined, count: number): void {
    this.charge(address, count)
    this.counters.values[MAIN_SLOTS.subscriptions]! += count
  }

  countRefusal(): void {
    this.counters.values[MAIN_SLOTS.subscriptionsRefused]! += 1
  }
}

/** The entries of one client, among those of its address. */
export class AddressBudget implements EntryBudget, SymbolBudget {
  private readonly all: SubscriptionBudget
  private readonly address: string | undefined
  /** Entries of this client. */
  private held = 0

  constructor(all: SubscriptionBudget, address: string | undefined) {
    this.all = all
    this.address = address
  }

  /** Why there is no room, in one sentence. */
  get refusal(): string {
    const { address, all } = this
    return all.heldBy(address) > ALWAYS
      ? `this address has ${all.heldBy(address)} of ${all.countMax} places for symbols, few are free: try again later`
      : `all ${all.countMax} places for symbols are taken: try again later`
  }

  hasRoomFor(count: number): boolean {
    return this.all.hasRoomFor(this.address, count)
  }

  /** Takes one entry. @returns false when there is none; the refusal is counted */
  tryTake(): boolean {
    if (!this.hasRoomFor(1)) {
      this.all.countRefusal()
      return false
    }
    this.held++
    this.all.chargeEntries(this.address, 1)
    return true
  }

  giveBack(count: number): void {
    this.held -= count
    this.all.chargeEntries(this.address, -count)
  }

  /** As with symbols, the entries are known when the audience is to open, so they may be more than there is room for. */
  audienceOpened(entries: number): number {
    const charged = Math.max(0, entries - this.held)
    this.all.charge(this.address, charged)
    return charged
  }

  audienceClosed(charged: number): void {
    this.all.charge(this.address, -charged)
  }

  /** The symbols are known when the audience is open, so they may be more than there is room for. Then there is none. */
  symbolsMatched(before: number, now: number): void {
    this.all.charge(this.address, entriesOf(now) - entriesOf(before))
  }
}

function entriesOf(symbols: number): number {
  return Math.ceil(symbols / SYMBOLS_PER_ENTRY)
}
