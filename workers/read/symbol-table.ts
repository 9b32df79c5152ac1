/**
 * The symbols that a lane knows. Finds an entry by the bytes of its symbol, without making a string. One lane's own.
 * The bytes of a symbol are the UTF-8 of one well-formed string and of no other, see src/common/symbol.ts.
 * An entry stays while a named audience needs it, or once a tick of it has come (for up to SYMBOLS_MAX symbols).
 */

import { prefixOf } from '../../src/lane-protocol/audience-spec.js'
import type { TickCodec } from '../../src/ticks/tick-codec.js'

/** Symbols that are kept because a tick of them came. For each tick of a further symbol the lane makes a new entry. */
const SYMBOLS_MAX = 65_536

/** A symbol. The rooms above add their own fields in a subclass. */
export class SymbolEntry {
  readonly symbol: string
  readonly bytes: Uint8Array
  /** How the JSON of its ticks begins, by the index of the kind. */
  readonly jsonPrefixes: readonly Uint8Array[]
  /** Whether the table keeps the entry because a tick of the symbol has come. */
  seen = false
  /** The next entry with the same hash. */
  next: this | undefined = undefined

  constructor(symbol: string, bytes: Uint8Array, codec: TickCodec) {
    this.symbol = symbol
    this.bytes = bytes
    this.jsonPrefixes = codec.jsonPrefixes(symbol)
  }
}

/** Makes the entry of a symbol. @param isKept false: the entry serves one tick, and the table does not hold it */
export type NewEntry<Entry> = (symbol: string, bytes: Uint8Array, isKept: boolean) => Entry

export class SymbolTable<Entry extends SymbolEntry> {
  private readonly newEntry: NewEntry<Entry>
  private readonly entries = new Map<number, Entry>()
  private readonly decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  private readonly encoder = new TextEncoder()
  private seenCount = 0

  constructor(newEntry: NewEntry<Entry>) {
    this.newEntry = newEntry
  }

  /** The entry of the symbol at `bytes[start, start + length)`; undefined when these bytes are not UTF-8. */
  ofTick(bytes: Uint8Array, start: number, length: number): Entry | undefined {
    const key = hash(bytes, start, length)
    const found = this.find(key, bytes, start, length)
    if (found?.seen) return found
    return this.firstTick(found, key, bytes, start, length)
  }

  /** The entry of a symbol that an audience names; a new one where there is none. */
  named(symbol: string): Entry {
    const bytes = this.encoder.encode(symbol)
    const key = hash(bytes, 0, bytes.length)
    return this.find(key, bytes, 0, bytes.length) ?? this.insert(key, bytes, symbol)
  }

  /** Forgets an entry that no audience names any more, unless a tick of its symbol has come. */
  release(entry: Entry): void {
    if (!entry.seen) this.unlink(hash(entry.bytes, 0, entry.bytes.length), entry)
  }

  /** The entries of a symbol, or of all symbols with a prefix. */
  *entriesOf(symbolOrPrefix: string): Generator<Entry> {
    const prefix = prefixOf(symbolOrPrefix)
    if (prefix === undefined) {
      const bytes = this.encoder.encode(symbolOrPrefix)
      const entry = this.find(hash(bytes, 0, bytes.length), bytes, 0, bytes.length)
      if (entry !== undefined) yield entry
      return
    }
    for (const entry of this.all()) if (entry.symbol.startsWith(prefix)) yield entry
  }

  *all(): Generator<Entry> {
    for (const first of this.entries.values())
      for (let entry: Entry | undefined = first; entry !== undefined; entry = entry.next) yield entry
  }

  private firstTick(
    found: Entry | undefined,
    key: number,
    bytes: Uint8Array,
    start: number,
    length: number,
  ): Entry | undefined {
    let entry = found
    if (entry === undefined) {
      const symbol = this.decode(bytes, start, length)
      if (symbol === undefined) return undefined
      const own = bytes.slice(start, start + length)
      if (this.seenCount >= SYMBOLS_MAX) return this.newEntry(symbol, own, false)
      entry = this.insert(key, own, symbol)
    }
    if (this.seenCount < SYMBOLS_MAX) {
      this.seenCount++
      entry.seen = true
    }
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
    let entry = this.entries.get(key)
    while (entry !== undefined && !equal(entry.bytes, bytes, start, length)) entry = entry.next
    return entry
  }

  private insert(key: number, bytes: Uint8Array, symbol: string): Entry {
    const entry = this.newEntry(symbol, bytes, true)
    entry.next = this.entries.get(key)
    this.entries.set(key, entry)
    return entry
  }

  private unlink(key: number, entry: Entry): void {
    const first = this.entries.get(key)
    if (first === entry) {
      if (entry.next === undefined) this.entries.delete(key)
      else this.entries.set(key, entry.next)
      return
    }
    let before = first
    while (before !== undefined && before.next !== entry) before = before.next
    if (before !== undefined) before.next = entry.next
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
