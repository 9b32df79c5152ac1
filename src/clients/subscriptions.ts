/**
 * The symbols that one client has asked for, and how they change. Main thread.
 * An entry is a symbol, a prefix such as `BTC*`, or `*` for all. Entries overlap freely: a tick is sent once, as the longest of
 * its entries says.
 */
import { type IntervalMs, type Selection, selectionOf } from '../lane-protocol/audience-spec.js'
import type { SymbolRefusal } from '../protocol/messages.js'
import { SYMBOL_BYTES_MAX } from '../ticks/tick-codec.js'

export interface SymbolResults {
  /** The entries that hold from now on, or do not any more; in the order of the command. */
  readonly done: readonly string[]
  readonly refused: readonly SymbolRefusal[]
}

export interface SubscriptionLimits {
  /** How many entries one client may have. */
  readonly countMax: number
  /** … and how long they may be together, as JSON, so that one record and one message hold them. */
  readonly bytesMax: number
}

/**
 * Different intervals of one client's `latest` entries. Each is a part of its audience, with messages and accounts of its
 * own; few do for every pace that somebody can tell apart.
 */
export const INTERVALS_MAX = 8

export class Subscriptions {
  private readonly entries = new Map<string, IntervalMs>()
  /** How many entries have each interval. */
  private readonly countByInterval = new Map<number, number>()
  private readonly limits: SubscriptionLimits
  private bytes = 0

  constructor(limits: SubscriptionLimits) {
    this.limits = limits
  }

  /** What all entries mean together. */
  get selection(): Selection {
    return selectionOf(this.entries)
  }

  /** All entries by how they are delivered: every tick first, then by interval; each list sorted. */
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

  /** An entry that is there already is delivered as `intervalMs` says from now on. */
  add(symbols: readonly string[], intervalMs: IntervalMs): SymbolResults {
    return this.change(symbols, symbol => {
      const wrong = symbolError(symbol)
      if (wrong !== undefined) return { symbol, code: 'bad_symbol', message: wrong }
      const before = this.entries.get(symbol)
      if (!this.hasRoomFor(intervalMs, before)) {
        return {
          symbol,
          code: 'too_many_intervals',
          message: `at most ${INTERVALS_MAX} different intervals`,
        }
      }
      if (before === undefined) {
        const bytes = jsonBytes(symbol)
        const { countMax, bytesMax } = this.limits
        if (this.entries.size >= countMax || this.bytes + bytes > bytesMax) {
          return {
            symbol,
            code: 'too_many_symbols',
            message: `at most ${countMax} symbols, and ${bytesMax} bytes of them together`,
          }
        }
        this.bytes += bytes
      } else this.countInterval(before, -1)
      this.countInterval(intervalMs, 1)
      this.entries.set(symbol, intervalMs)
      return undefined
    })
  }

  remove(symbols: readonly string[]): SymbolResults {
    return this.change(symbols, symbol => {
      const intervalMs = this.entries.get(symbol)
      if (intervalMs === undefined) {
        return { symbol, code: 'not_subscribed', message: 'there is no such subscription, see list' }
      }
      this.entries.delete(symbol)
      this.countInterval(intervalMs, -1)
      this.bytes -= jsonBytes(symbol)
      return undefined
    })
  }

  /** @param before how the entry is delivered so far; undefined: not at all */
  private hasRoomFor(intervalMs: IntervalMs, before: IntervalMs | undefined): boolean {
    const { countByInterval } = this
    if (intervalMs === null || countByInterval.has(intervalMs) || countByInterval.size < INTERVALS_MAX)
      return true
    // The only entry with its interval makes room for the new one.
    return typeof before === 'number' && countByInterval.get(before) === 1
  }

  private countInterval(intervalMs: IntervalMs, change: 1 | -1): void {
    if (intervalMs === null) return
    const count = (this.countByInterval.get(intervalMs) ?? 0) + change
    if (count === 0) this.countByInterval.delete(intervalMs)
    else this.countByInterval.set(intervalMs, count)
  }

  private change(
    symbols: readonly string[],
    changeOne: (symbol: string) => SymbolRefusal | undefined,
  ): SymbolResults {
    const done: string[] = []
    const refused: SymbolRefusal[] = []
    for (const symbol of new Set(symbols)) {
      const refusal = changeOne(symbol)
      if (refusal === undefined) done.push(symbol)
      else refused.push({ ...refusal, symbol: symbol.slice(0, SYMBOL_BYTES_MAX) })
    }
    return { done, refused }
  }
}

/** With its quotes and a comma. */
function jsonBytes(symbol: string): number {
  return Buffer.byteLength(JSON.stringify(symbol)) + 1
}

/** What is wrong with an entry, in one sentence; undefined when nothing is. */
export function symbolError(symbol: string): string | undefined {
  if (symbol === '') return 'a symbol must have at least one character'
  if (Buffer.byteLength(symbol) > SYMBOL_BYTES_MAX)
    return `a symbol must have at most ${SYMBOL_BYTES_MAX} bytes`
  const star = symbol.indexOf('*')
  if (star >= 0 && star < symbol.length - 1) return 'a * must stand at the end, for instance BTC*'
  return undefined
}
