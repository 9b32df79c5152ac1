/**
 * The symbols a lane knows: found by their bytes, without making a string. One lane's own.
 * An entry lives while a tick of it may be served from it (up to SYMBOLS_MAX of those) or an audience wants it.
 */
import { type SymbolPrefixes, symbolPrefixes } from '../src/protocol/json-tick-encoder.js'
import { SYMBOL_BYTES_MAX } from '../src/protocol/tick-fields.js'
import type { LaneAudience } from './lane-audience.js'

/** Symbols kept because ticks of them came by; further ones are made anew for each tick. */
const SYMBOLS_MAX = 65_536

export interface SymbolEntry {
  readonly bytes: Uint8Array
  readonly prefixes: SymbolPrefixes
  /** Audiences that name this symbol. */
  readonly audiences: LaneAudience[]
  /** Whether a tick of it has come by. */
  seen: boolean
  /** The next entry with the same hash. */
  next: SymbolEntry | undefined
}

export class SymbolTable {
  private readonly entries = new Map<number, SymbolEntry>()
  private readonly decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  private readonly encoder = new TextEncoder()
  private readonly scratch = new Uint8Array(SYMBOL_BYTES_MAX)
  private seenCount = 0

  /** The entry of the symbol at `bytes[start, start + length)`; undefined when those are not UTF-8. */
  ofTick(bytes: Uint8Array, start: number, length: number): SymbolEntry | undefined {
    const key = hash(bytes, start, length)
    const found = this.find(key, bytes, start, length)
    if (found?.seen) return found
    return this.firstTick(found, key, bytes, start, length)
  }

  /** Lets `audience` have the ticks of `symbol`. */
  add(symbol: string, audience: LaneAudience): void {
    const bytes = this.encoder.encode(symbol)
    const key = hash(bytes, 0, bytes.length)
    const entry = this.find(key, bytes, 0, bytes.length) ?? this.insert(key, bytes, symbol)
    entry.audiences.push(audience)
  }

  remove(symbol: string, audience: LaneAudience): void {
    const bytes = this.encoder.encode(symbol)
    const key = hash(bytes, 0, bytes.length)
    const entry = this.find(key, bytes, 0, bytes.length)
    const index = entry?.audiences.indexOf(audience) ?? -1
    if (entry === undefined || index < 0) return
    entry.audiences.splice(index, 1)
    if (entry.audiences.length === 0 && !entry.seen) this.unlink(key, entry)
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
      if (this.seenCount >= SYMBOLS_MAX) return newEntry(own, symbol)
      entry = this.insert(key, own, symbol)
    }
    if (this.seenCount < SYMBOLS_MAX) {
      this.seenCount++
      entry.seen = true
    }
    return entry
  }

  private decode(bytes: Uint8Array, start: number, length: number): string | undefined {
    // TextDecoder refuses shared memory, so the bytes are copied first.
    for (let index = 0; index < length; index++) this.scratch[index] = bytes[start + index]!
    try {
      return this.decoder.decode(this.scratch.subarray(0, length))
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
    const entry = newEntry(bytes, symbol)
    entry.next = this.entries.get(key)
    this.entries.set(key, entry)
    return entry
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

function newEntry(bytes: Uint8Array, symbol: string): SymbolEntry {
  return { bytes, prefixes: symbolPrefixes(symbol), audiences: [], seen: false, next: undefined }
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
