/**
 * The symbols a lane knows: found by their bytes, without making a string. One lane's own.
 * An entry lives while a tick of it may be served from it (up to SYMBOLS_MAX of those) or an audience wants it.
 */
import { prefixOf } from '../src/protocol/audience-spec.js'
import { type SymbolPrefixes, symbolPrefixes } from '../src/protocol/json-tick-encoder.js'
import type { LaneAudience } from './lane-audience.js'

/** Symbols kept because ticks of them came by; further ones are made anew for each tick. */
const SYMBOLS_MAX = 65_536

export interface SymbolEntry {
  readonly symbol: string
  readonly bytes: Uint8Array
  readonly prefixes: SymbolPrefixes
  /** Audiences that name this symbol, or a prefix of it. */
  readonly audiences: LaneAudience[]
  /** Whether a tick of it has come by. */
  seen: boolean
  /** The next entry with the same hash. */
  next: SymbolEntry | undefined
}

export class SymbolTable {
  private readonly entries = new Map<number, SymbolEntry>()
  /** Audiences that name prefixes; they get symbols that are yet to come, too. */
  private readonly prefixes: { readonly prefix: string; readonly audience: LaneAudience }[] = []
  private readonly decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  private readonly encoder = new TextEncoder()
  private seenCount = 0

  /** The entry of the symbol at `bytes[start, start + length)`; undefined when those are not UTF-8. */
  ofTick(bytes: Uint8Array, start: number, length: number): SymbolEntry | undefined {
    const key = hash(bytes, start, length)
    const found = this.find(key, bytes, start, length)
    if (found?.seen) return found
    return this.firstTick(found, key, bytes, start, length)
  }

  /** Lets `audience` have the ticks of a symbol, or of all symbols with a prefix. None of its others may cover the same. */
  add(wanted: string, audience: LaneAudience): void {
    const prefix = prefixOf(wanted)
    if (prefix === undefined) this.addSymbol(wanted, audience)
    else {
      this.prefixes.push({ prefix, audience })
      for (const entry of this.withPrefix(prefix)) entry.audiences.push(audience)
    }
  }

  /** Undoes `add`. */
  remove(wanted: string, audience: LaneAudience): void {
    const prefix = prefixOf(wanted)
    if (prefix === undefined) {
      const bytes = this.encoder.encode(wanted)
      const entry = this.find(hash(bytes, 0, bytes.length), bytes, 0, bytes.length)
      if (entry !== undefined) this.removeFrom(entry, audience)
      return
    }
    const index = this.prefixes.findIndex(each => each.audience === audience && each.prefix === prefix)
    if (index < 0) return
    this.prefixes.splice(index, 1)
    for (const entry of [...this.withPrefix(prefix)]) this.removeFrom(entry, audience)
  }

  private addSymbol(symbol: string, audience: LaneAudience): void {
    const bytes = this.encoder.encode(symbol)
    const key = hash(bytes, 0, bytes.length)
    const entry = this.find(key, bytes, 0, bytes.length) ?? this.insert(key, bytes, symbol)
    entry.audiences.push(audience)
  }

  private removeFrom(entry: SymbolEntry, audience: LaneAudience): void {
    const index = entry.audiences.indexOf(audience)
    if (index < 0) return
    entry.audiences.splice(index, 1)
    if (entry.audiences.length === 0 && !entry.seen)
      this.unlink(hash(entry.bytes, 0, entry.bytes.length), entry)
  }

  private *withPrefix(prefix: string): Generator<SymbolEntry> {
    for (const first of this.entries.values()) {
      for (let entry: SymbolEntry | undefined = first; entry !== undefined; entry = entry.next) {
        if (entry.symbol.startsWith(prefix)) yield entry
      }
    }
  }

  private firstTick(
    found: SymbolEntry | undefined,
    key: number,
    bytes: Uint8Array,
    start: number,
    length: number,
  ): SymbolEntry | undefined {
    let entry = found
    if (entry === undefined) {
      const symbol = this.decode(bytes, start, length)
      if (symbol === undefined) return undefined
      const own = bytes.slice(start, start + length)
      if (this.seenCount >= SYMBOLS_MAX) return this.newEntry(own, symbol)
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

  private find(key: number, bytes: Uint8Array, start: number, length: number): SymbolEntry | undefined {
    let entry = this.entries.get(key)
    while (entry !== undefined && !equal(entry.bytes, bytes, start, length)) entry = entry.next
    return entry
  }

  private insert(key: number, bytes: Uint8Array, symbol: string): SymbolEntry {
    const entry = this.newEntry(bytes, symbol)
    entry.next = this.entries.get(key)
    this.entries.set(key, entry)
    return entry
  }

  private newEntry(bytes: Uint8Array, symbol: string): SymbolEntry {
    const audiences = this.prefixes.flatMap(({ prefix, audience }) =>
      symbol.startsWith(prefix) ? audience : [],
    )
    return { symbol, bytes, prefixes: symbolPrefixes(symbol), audiences, seen: false, next: undefined }
  }

  private unlink(key: number, entry: SymbolEntry): void {
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
