/**
 * The entries that a client is subscribed to, and what they say about a symbol.
 */

/** The delivery of each entry: 'every', or an interval. */
export type Entries = ReadonlyMap<string, 'every' | number>

export const matches = (entry: string, symbol: string): boolean =>
  entry.endsWith('*') ? symbol.startsWith(entry.slice(0, -1)) : entry === symbol

/** How a symbol is delivered: its longest entry decides. */
export function deliveryOf(entries: Entries, symbol: string): 'every' | number | undefined {
  let longest = ''
  for (const entry of entries.keys()) {
    // A symbol is longer than any prefix of it.
    if (matches(entry, symbol) && (entry === symbol || entry.length > longest.length)) longest = entry
    if (entry === symbol) break
  }
  return entries.get(longest)
}
