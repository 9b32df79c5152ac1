/**
 * The symbols a lane knows: found by their bytes, without making a string. One lane's own.
 * An entry lives while a tick of it may be served from it (up to SYMBOLS_MAX of those) or an audience wants it.
 */

import { removeItem } from '../../src/common/remove-item.js'
import { prefixOf } from '../../src/lane-protocol/audience-spec.js'
import type { TickCodec } from '../../src/ticks/tick-codec.js'
import { EVERY, type LaneAudience } from '../collect/lane-audience.js'
import { type ConflationGroup, restOn } from '../conflate/conflation-group.js'
import type { LatestTick } from '../conflate/latest-ticks.js'

/** Symbols kept because ticks of them came by; further ones are made anew for each tick. */
const SYMBOLS_MAX = 65_536

export interface SymbolEntry {
  readonly symbol: string
  readonly bytes: Uint8Array
  /** How the JSON of its ticks begins, by the index of the kind. */
  readonly jsonPrefixes: readonly Uint8Array[]
  /** Audiences that get every tick of it; those that get every tick of all symbols left aside. */
  readonly audiences: LaneAudience[]
  /** Parts of audiences that get its latest ticks. */
  readonly parts: ConflationGroup[]
  /** Those of the parts whose interval is 0. */
  readonly immediate: ConflationGroup[]
  /** Those that may be resting, see ConflationSchedule. */
  resting: Set<ConflationGroup> | undefined
  /** Its latest tick of each kind, by the index of the kind. */
  readonly latest: (LatestTick | undefined)[]
  /** Whether a tick of it has come by. */
  seen: boolean
  /** The next entry with the same hash. */
  next: SymbolEntry | undefined
}

export class SymbolTable {
  private readonly entries = new Map<number, SymbolEntry>()
  /** Audiences that name prefixes; they get symbols that are yet to come, too. */
  private readonly withPrefixes = new Set<LaneAudience>()
  private readonly decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  private readonly encoder = new TextEncoder()
  private readonly codec: TickCodec
  private seenCount = 0

  constructor(codec: TickCodec) {
    this.codec = codec
  }

  /** The entry of the symbol at `bytes[start, start + length)`; undefined when those are not UTF-8. */
  ofTick(bytes: Uint8Array, start: number, length: number): SymbolEntry | undefined {
    const key = hash(bytes, start, length)
    const found = this.find(key, bytes, start, length)
    if (found?.seen) return found
    return this.firstTick(found, key, bytes, start, length)
  }

  /** Lets `audience` have the ticks that it wants. */
  open(audience: LaneAudience): void {
    // Before any is attached: an entry that is new would be attached twice.
    const named = audience.names.map(symbol => this.named(symbol))
    for (const entry of audience.hasPrefixes ? this.all() : named) attach(entry, audience, true)
    if (audience.hasPrefixes) this.withPrefixes.add(audience)
  }

  /** Undoes `open`. */
  close(audience: LaneAudience): void {
    this.withPrefixes.delete(audience)
    for (const entry of [...this.wantedBy(audience)]) {
      detach(entry, audience)
      const { audiences, bytes, parts, seen } = entry
      if (audiences.length === 0 && parts.length === 0 && !seen)
        this.unlink(hash(bytes, 0, bytes.length), entry)
    }
  }

  /** All entries whose ticks an audience may want, and maybe others. */
  wantedBy(audience: LaneAudience): Iterable<SymbolEntry> {
    if (audience.hasPrefixes || audience.spec.symbols === null) return this.all()
    return audience.names.map(symbol => this.named(symbol))
  }

  /** The entries of a symbol, or of all symbols with a prefix. */
  *entriesOf(wanted: string): Generator<SymbolEntry> {
    const prefix = prefixOf(wanted)
    if (prefix === undefined) {
      const bytes = this.encoder.encode(wanted)
      const entry = this.find(hash(bytes, 0, bytes.length), bytes, 0, bytes.length)
      if (entry !== undefined) yield entry
      return
    }
    for (const entry of this.all()) if (entry.symbol.startsWith(prefix)) yield entry
  }

  *all(): Generator<SymbolEntry> {
    for (const first of this.entries.values())
      for (let entry: SymbolEntry | undefined = first; entry !== undefined; entry = entry.next) yield entry
  }

  /** The entry of a symbol that an audience names. */
  private named(symbol: string): SymbolEntry {
    const bytes = this.encoder.encode(symbol)
    const key = hash(bytes, 0, bytes.length)
    return this.find(key, bytes, 0, bytes.length) ?? this.insert(key, bytes, symbol)
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
      if (this.seenCount >= SYMBOLS_MAX) return this.newEntry(own, symbol, false)
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
    const entry = this.newEntry(bytes, symbol, true)
    entry.next = this.entries.get(key)
    this.entries.set(key, entry)
    return entry
  }

  private newEntry(bytes: Uint8Array, symbol: string, isKept: boolean): SymbolEntry {
    const entry: SymbolEntry = {
      symbol,
      bytes,
      jsonPrefixes: this.codec.jsonPrefixes(symbol),
      audiences: [],
      parts: [],
      immediate: [],
      resting: undefined,
      latest: this.codec.kindNames.map(() => undefined),
      seen: false,
      next: undefined,
    }
    for (const audience of this.withPrefixes) attach(entry, audience, isKept)
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

/** @param isKept whether the table holds the entry; otherwise it is for one tick only */
function attach(entry: SymbolEntry, audience: LaneAudience, isKept: boolean): void {
  const delivery = audience.deliveryOf(entry.symbol)
  if (delivery === undefined) return
  if (delivery === EVERY) {
    entry.audiences.push(audience)
    return
  }
  if (isKept) delivery.symbols.push(entry)
  if (delivery.isResting) restOn(entry, delivery)
  entry.parts.push(delivery)
  if (delivery.intervalMs === 0) entry.immediate.push(delivery)
}

function detach(entry: SymbolEntry, audience: LaneAudience): void {
  const delivery = audience.deliveryOf(entry.symbol)
  if (delivery === EVERY) removeItem(entry.audiences, audience)
  else if (delivery !== undefined) {
    removeItem(entry.parts, delivery)
    removeItem(entry.immediate, delivery)
    entry.resting?.delete(delivery)
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
