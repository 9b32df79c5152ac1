/**
 * Looks symbols up as a lane does: by their bytes in shared memory.
 */
import { QUOTE_INDEX } from '../../src/ticks/market-tick.js'
import type { KnownSymbol, SymbolTable } from '../../workers/read/symbol-table.js'

export function findSymbol<Known extends KnownSymbol>(
  table: SymbolTable<Known>,
  symbol: string,
): Known | undefined {
  const bytes = Buffer.from(`xx${symbol}yy`)
  const shared = new Uint8Array(new SharedArrayBuffer(bytes.length))
  shared.set(bytes)
  return table.ofTick(shared, 2, bytes.length - 4)
}

/** The name that the ticks of a symbol have as JSON. */
export function symbolNameOf(known: KnownSymbol | undefined): string {
  return JSON.parse(`${Buffer.from(known!.jsonPrefixes[QUOTE_INDEX]!)}0}`).symbol
}
