/**
 * The subscriptions of one client. Main thread. An entry is a symbol, a prefix such as `BTC*`, or `*` for all symbols.
 * Entries may overlap. A tick is sent once, and its longest entry decides how.
 */

import { cutText } from '../common/quote-value.js'
import { SYMBOL_BYTES_MAX } from '../common/symbol.js'
import { type Selection, selectionOf } from '../lane-protocol/audience-spec.js'
import type { IntervalMs } from '../protocol/delivery.js'
import type { SymbolRefusal } from '../protocol/messages.js'
import type { EntryScope } from './access/entry-scope.js'
import { entryFault } from './entry-fault.js'
import type { EntryTally } from './entry-tally.js'

export interface SymbolResults {
  /** The entries that were added or removed, in the order of the command. */
  readonly done: readonly string[]
  readonly refused: readonly SymbolRefusal[]
}

/** The entries of all clients together. */
export interface EntryBudget {
  /** Why no entry is left, in one sentence. */
  readonly refusal: string
  /** @returns false when no entry is left */
  tryTake(): boolean
  giveBack(count: number): void
}

const NO_BUDGET: EntryBudget = {
  refusal: '',
  tryTake: () => true,
  giveBack: () => {},
}

export interface SubscriptionLimits {
  /** Most entries of one client. */
  readonly countMax: number
  /** Most bytes of all entries together, as JSON: one record and one message must hold them. */
  readonly bytesMax: number
}

/**
 * Most different intervals of one client. For each, its audience has a conflation group with messages and counts of its
 * own.
 */
export const INTERVALS_MAX = 8

export class Subscriptions {
  private readonly entries = new Map<string, IntervalMs>()
  /** The number of entries with each interval, from the first one on. Entries for every tick are not in it. */
  private countByInterval: Map<number, number> | undefined
  private limits: SubscriptionLimits
  private readonly budget: EntryBudget
  private readonly tally: Pick<EntryTally, 'change'> | undefined
  /** What the client may see; undefined: everything. */
  private scope: EntryScope | undefined
  private bytes = 0

  constructor(
    limits: SubscriptionLimits,
    {
      budget = NO_BUDGET,
      scope,
      tally,
    }: {
      readonly budget?: EntryBudget
      readonly scope?: EntryScope | undefined
      readonly tally?: Pick<EntryTally, 'change'>
    } = {},
  ) {
    this.limits = limits
    this.budget = budget
    this.scope = scope
    this.tally = tally
  }

  get count(): number {
    return this.entries.size
  }

  /** What the client gets, as entries: all its entries, narrowed to what it may see. */
  get visible(): ReadonlyMap<string, IntervalMs> {
    return this.scope?.narrowed(this.entries) ?? this.entries
  }

  /** What the client gets, as lanes read it. */
  get selection(): Selection {
    return selectionOf(this.visible)
  }

  /** Whether `visible` differs from the entries. */
  get isNarrowed(): boolean {
    return this.scope !== undefined
  }

  /**
   * The client may see something else now. Entries of which it may see nothing are removed.
   *
   * @param scope undefined: everything
   * @param leastMs the client may only have latest ticks, with an interval of so many ms or more; undefined: everything
   * @returns the entries that were removed
   */
  rescope(
    scope: EntryScope | undefined,
    limits: SubscriptionLimits,
    leastMs: number | undefined,
  ): readonly string[] {
    this.scope = scope
    this.limits = limits
    const entries = [...this.entries.keys()]
    const seen = scope?.seen(entries)
    const unseen = seen === undefined ? [] : entries.filter(entry => !seen.has(entry))
    if (unseen.length > 0) this.remove(unseen)
    if (leastMs !== undefined) this.slowDown(leastMs)
    return unseen
  }

  /** The entries for every tick, then those of each interval, in rising order. Each list is sorted. */
  get byInterval(): readonly { readonly intervalMs: IntervalMs; readonly symbols: readonly string[] }[] {
    const lists = new Map<IntervalMs, string[]>()
    for (const [symbol, intervalMs] of this.entries) {
      const symbols = lists.get(intervalMs)
      if (symbols === undefined) lists.set(intervalMs, [symbol])
      else symbols.push(symbol)
    }
    const groups = [...lists].sort(([a], [b]) => (a ?? -1) - (b ?? -1))
    return groups.map(([intervalMs, symbols]) => ({ intervalMs, symbols: symbols.sort() }))
  }

  /** An entry that exists already gets the new interval. */
  add(symbols: readonly string[], intervalMs: IntervalMs): SymbolResults {
    const seen = this.scope?.seen(symbols)
    return changeEach(symbols, symbol =>
      seen === undefined || seen.has(symbol) ? this.addOne(symbol, intervalMs) : NOT_ENTITLED,
    )
  }

  remove(symbols: readonly string[]): SymbolResults {
    return changeEach(symbols, symbol => this.removeOne(symbol))
  }

  /** Removes all entries. */
  clear(): void {
    this.budget.giveBack(this.entries.size)
    for (const [entry, intervalMs] of this.entries) this.tally?.change(entry, intervalMs, -1)
    this.entries.clear()
    this.countByInterval = undefined
    this.bytes = 0
  }

  private addOne(symbol: string, intervalMs: IntervalMs): Fault | undefined {
    const before = this.entries.get(symbol)
    if (!this.hasRoomFor(intervalMs, before))
      return { code: 'too_many_intervals', message: `at most ${INTERVALS_MAX} different intervals` }
    if (before === undefined) {
      const bytes = jsonBytes(symbol)
      const { countMax, bytesMax } = this.limits
      if (this.entries.size >= countMax || this.bytes + bytes > bytesMax) {
        const message = `at most ${countMax} symbols, and ${bytesMax} bytes of them together`
        return { code: 'too_many_symbols', message }
      }
      if (!this.budget.tryTake()) return { code: 'subscriptions_full', message: this.budget.refusal }
      this.bytes += bytes
    } else this.countEntry(symbol, before, -1)
    this.countEntry(symbol, intervalMs, 1)
    this.entries.set(symbol, intervalMs)
    return undefined
  }

  /** Gives entries that are faster than `leastMs` that interval, or the next one that the client has already. */
  private slowDown(leastMs: number): void {
    const slower = [...(this.countByInterval?.keys() ?? [])].filter(intervalMs => intervalMs >= leastMs)
    const intervalMs = slower.length < INTERVALS_MAX ? leastMs : Math.min(...slower)
    for (const [entry, before] of this.entries) {
      if (before !== null && before >= leastMs) continue
      this.countEntry(entry, before, -1)
      this.countEntry(entry, intervalMs, 1)
      this.entries.set(entry, intervalMs)
    }
  }

  private removeOne(symbol: string): Fault | undefined {
    const intervalMs = this.entries.get(symbol)
    if (intervalMs === undefined)
      return { code: 'not_subscribed', message: 'there is no such subscription, see list' }
    this.entries.delete(symbol)
    this.countEntry(symbol, intervalMs, -1)
    this.bytes -= jsonBytes(symbol)
    this.budget.giveBack(1)
    return undefined
  }

  /** @param before the entry's interval so far; undefined for a new entry */
  private hasRoomFor(intervalMs: IntervalMs, before: IntervalMs | undefined): boolean {
    const { countByInterval } = this
    if (intervalMs === null || countByInterval === undefined) return true
    if (countByInterval.has(intervalMs) || countByInterval.size < INTERVALS_MAX) return true
    // An entry that is the only one with its interval frees that interval.
    return typeof before === 'number' && countByInterval.get(before) === 1
  }

  private countEntry(entry: string, intervalMs: IntervalMs, change: 1 | -1): void {
    this.tally?.change(entry, intervalMs, change)
    if (intervalMs === null) return
    this.countByInterval ??= new Map()
    const count = (this.countByInterval.get(intervalMs) ?? 0) + change
    if (count === 0) this.countByInterval.delete(intervalMs)
    else this.countByInterval.set(intervalMs, count)
  }
}

type Fault = Omit<SymbolRefusal, 'symbol'>

const NOT_ENTITLED: Fault = { code: 'not_entitled', message: 'you may see nothing of this entry' }

/** Changes each different symbol. `changeOne` returns why a symbol is refused. */
function changeEach(
  symbols: readonly string[],
  changeOne: (symbol: string) => Fault | undefined,
): SymbolResults {
  const done: string[] = []
  const refused: SymbolRefusal[] = []
  for (const symbol of new Set(symbols)) {
    const fault = entryFault(symbol)
    const refusal = fault === undefined ? changeOne(symbol) : { code: 'bad_symbol' as const, message: fault }
    if (refusal === undefined) done.push(symbol)
    else refused.push({ symbol: cutText(symbol, SYMBOL_BYTES_MAX), ...refusal })
  }
  return { done, refused }
}

/** Length as JSON, with quotes and a comma. */
function jsonBytes(symbol: string): number {
  return Buffer.byteLength(JSON.stringify(symbol)) + 1
}
