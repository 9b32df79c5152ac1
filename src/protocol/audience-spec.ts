/**
 * What the members of an audience have in common, and so what decides about the bytes they get. Any thread.
 * Two clients with the same key share an audience.
 */

export type Encoding = 'json' | 'protobuf'

/** How a client gets its ticks, whichever they are. */
export type StreamForm = Omit<AudienceSpec, 'symbols'>

export interface AudienceSpec {
  /** The symbols and prefixes (`BTC*`) wanted, sorted, none of them covered by another; null: all. */
  readonly symbols: readonly string[] | null
  /** How `ticks` messages are written; all others are JSON. */
  readonly encoding: Encoding
  /** Whether the ticks of a turn share one message; otherwise each tick is a message. */
  readonly batch: boolean
}

/** Ends a prefix. */
const ANY = '*'
/** The entry for every symbol: the prefix of no characters. */
export const ALL_SYMBOLS = ANY

/** The prefix that an entry stands for, or undefined for a symbol. */
export function prefixOf(entry: string): string | undefined {
  return entry.endsWith(ANY) ? entry.slice(0, -1) : undefined
}

/** What the entries mean together: whoever wants the same symbols gets the same list, however they were asked for. */
export function wantedSymbols(entries: Iterable<string>): readonly string[] | null {
  const all = [...new Set(entries)]
  const symbols = all.filter(entry => prefixOf(entry) === undefined)
  const prefixes: string[] = []
  const byLength = all.flatMap(entry => prefixOf(entry) ?? []).sort((a, b) => a.length - b.length)
  for (const prefix of byLength) {
    if (!prefixes.some(shorter => prefix.startsWith(shorter))) prefixes.push(prefix)
  }
  if (prefixes.includes('')) return null
  const uncovered = symbols.filter(symbol => !prefixes.some(prefix => symbol.startsWith(prefix)))
  return [...uncovered, ...prefixes.map(prefix => `${prefix}${ANY}`)].sort()
}

export function audienceKey(spec: AudienceSpec): string {
  return JSON.stringify([spec.encoding, spec.batch, spec.symbols])
}
