/**
 * The symbols of which a lane has got ticks. Finds an entry by the bytes of its symbol, without making a string. One lane's own.
 * The bytes of a symbol are the UTF-8 of one well-formed string and of no other, see src/common/symbol.ts.
 * The table keeps the entries of the first SYMBOLS_MAX symbols for good, and none of the others.
 */

import { prefixOf } from '../../src/lane-protocol/audience-spec.js'
import type { TickCodec } from '../../src/ticks/tick-codec.js'
import { SymbolOrder } from './symbol-order.js'

/** For each tick of a further symbol the lane makes a new entry. */
const SYMBOLS_MAX = 65_536

/** A symbol. The rooms above add their own fields in a subclass. */
export class SymbolEntry {
  readonly symbol: string
  readonly bytes: Uint8Array
  /** Whether the table keeps the entry. Otherwise the entry serves one tick. */
  readonly isKept: boolean
  /** How the JSON of its ticks begins, by the index of the kind. */
  readonly jsonPrefixes: readonly Uint8Array[]
  /** The next entry with the same hash. */
  next: this | undefined = undefined

  constructor(symbol: string, bytes: Uint8Array, isKept: boolean, codec: TickCodec) {
    this.symbol = symbol
    this.bytes = bytes
    this.isKept = isKept
    this.jsonPrefixes = codec.jsonPrefixes(symbol)
  }
}

/** Makes the entry of a symbol. */
export type NewEntry<Entry> = (symbol: string, bytes: Uint8Array, isKept: boolean) => Entry

export class SymbolTable<Entry extends SymbolEntry> {
  private readonly newEntry: NewEntry<Entry>
  private readonly byHash = new Map<number, Entry>()
  private readonly bySymbol = new Map<string, Entry>()
  private readonly order = new SymbolOrder<Entry>()
  private readonly decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

  constructor(newEntry: NewEntry<Entry>) {
    this.newEntry = newEntry
  }

  /** The entry of the symbol at `bytes[start, start + length)`; undefined when these bytes are not UTF-8. */
  ofTick(bytes: Uint8Array, start: number, length: number): Entry | undefined {
    const key = hash(bytes, start, length)
    return this.find(key, bytes, start, length) ?? this.add(key, bytes, start, length)
  }

  /** The entry that the table keeps of a symbol. */
  get(symbol: string): Entry | undefined {
    return this.bySymbol.get(symbol)
  }

  /** The kept entries of all symbols with a prefix. */
  withPrefix(prefix: string): readonly Entry[] {
    return this.order.withPrefix(prefix)
  }

  /** The kept entries of a symbol, or of all symbols with a prefix. */
  entriesOf(symbolOrPrefix: string): readonly Entry[] {
    const prefix = prefixOf(symbolOrPrefix)
    if (prefix !== undefined) return this.withPrefix(prefix)
    const entry = this.get(symbolOrPrefix)
    return entry === undefined ? [] : [entry]
  }

  /** All kept entries. */
  all(): readonly Entry[] {
    return this.order.withPrefix('')
  }

  private add(key: number, bytes: Uint8Array, start: number, length: number): Entry | undefined {
    const symbol = this.decode(bytes, start, length)
    if (symbol === undefined) return undefined
    const isKept = this.bySymbol.size < SYMBOLS_MAX
    const entry = this.newEntry(symbol, bytes.slice(start, start + length), isKept)
    if (!isKept) return entry
    this.bySymbol.set(symbol, entry)
    entry.next = this.byHash.get(key)
    this.byHash.set(key, entry)
    this.order.insert(entry)
    return entry
  }

  private decode(bytes: Uint8Array, start: number, length: number): string | undefined {
    try {
      return this.decoder.decode(bytes.subarray(start, start + length))
    } catch {
      return undefined
    }
  }

  private find(key: number, bytes: Uint8Array, start: number, length: number): Entry | undefined {
    let entry = this.byHash.get(key)
    while (entry !== undefined && !equal(entry.bytes, bytes, start, length)) entry = entry.next
    return entry
  }
}

/** FNV-1a, cut to 30 bits so that V8 keeps it a small integer: http://www.isthe.com/chongo/tech/comp/fnv/ */
function hash(bytes: Uint8Array, start: number, length: number): number {
  let value = 0x811c9dc5
  for (let index = start; index < start + length; index++)
    value = Math.imul(value ^ bytes[index]!, 0x01000193)
  return value & 0x3fffffff
}

function equal(own: Uint8Array, bytes: Uint8Array, start: number, length: number): boolean {
  if (own.length !== length) return false
  for (let index = 0; index < length; index++) if (own[index] !== bytes[start + index]) return false
  return true
}
