/**
 * Looks symbols up as a lane does: by their bytes in shared memory.
 */
import { QUOTE_INDEX } from '../../src/ticks/market-tick.js'
import type { SymbolEntry, SymbolTable } from '../../workers/read/symbol-table.js'

export function findSymbol<Entry extends SymbolEntry>(
  table: SymbolTable<Entry>,
  symbol: string,
): Entry | undefined {
  const bytes = Buffer.from(`xx${symbol}yy`)
  const shared = new Uint8Array(new SharedArrayBuffer(bytes.length))
  shared.set(bytes)
  return table.ofTick(shared, 2, bytes.length - 4)
}

/** The name that the ticks of an entry have as JSON. */
export function symbolNameOf(entry: SymbolEntry | undefined): string {
  return JSON.parse(`${Buffer.from(entry!.jsonPrefixes[QUOTE_INDEX]!)}0}`).symbol
}
