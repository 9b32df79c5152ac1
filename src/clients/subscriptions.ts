/**
 * The symbols that one client has asked for, and how they change. Main thread.
 * An entry is a symbol, a prefix such as `BTC*`, or `*` for all. Entries overlap freely: a tick is sent once, as the longest of
 * its entries says.
 */
import { type IntervalMs, type Selection, selectionOf } from '../protocol/audience-spec.js'
import type { SymbolRefusal } from '../protocol/messages.js'
import { SYMBOL_BYTES_MAX } from '../protocol/tick-fields.js'

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

export class Subscriptions {
  private readonly entries = new Map<string, IntervalMs>()
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
    const intervals = [...new Set(this.entries.values())].sort((a, b) => (a ?? -1) - (b ?? -1))
    return intervals.map(intervalMs => {
      const entries = [...this.entries].filter(([, each]) => each === intervalMs)
      return { intervalMs, symbols: entries.map(([symbol]) => symbol).sort() }
    })
  }

  /** An entry that is there already is delivered as `intervalMs` says from now on. */
  add(symbols: readonly string[], intervalMs: IntervalMs): SymbolResults {
    return this.change(symbols, symbol => {
      const wrong = symbolError(symbol)
      if (wrong !== undefined) return { symbol, code: 'bad_symbol', message: wrong }
      if (this.entries.has(symbol)) {
        this.entries.set(symbol, intervalMs)
        return undefined
      }
      const bytes = jsonBytes(symbol)
      const { countMax, bytesMax } = this.limits
      if (this.entries.size >= countMax || this.bytes + bytes > bytesMax) {
        return {
          symbol,
          code: 'too_many_symbols',
          message: `at most ${countMax} symbols of ${bytesMax} bytes`,
        }
      }
      this.entries.set(symbol, intervalMs)
      this.bytes += bytes
      return undefined
    })
  }

  remove(symbols: readonly string[]): SymbolResults {
    return this.change(symbols, symbol => {
      if (!this.entries.delete(symbol)) {
        return { symbol, code: 'not_subscribed', message: 'there is no such subscription, see list' }
      }
      this.bytes -= jsonBytes(symbol)
      return undefined
    })
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
