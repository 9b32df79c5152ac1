/**
 * The symbols of which a lane has got ticks. Finds a symbol by its bytes, without making a string. One lane's own.
 * The bytes of a symbol are the UTF-8 of one well-formed string and of no other, see src/common/symbol.ts.
 * The table keeps the first SYMBOLS_MAX symbols for good, and none of the others.
 */

import { prefixOf } from '../../src/lane-protocol/audience-spec.js'
import type { TickCodec } from '../../src/ticks/tick-codec.js'
import { SymbolOrder } from './symbol-order.js'

/** For each tick of a further symbol the lane makes a new KnownSymbol. */
export const SYMBOLS_MAX = 65_536

/** A symbol of which ticks have come. The rooms above add their own fields in a subclass. */
export class KnownSymbol {
  readonly symbol: string
  readonly bytes: Uint8Array
  /** Whether the table keeps the symbol. Otherwise the object serves one tick. */
  readonly isKept: boolean
  /** How the JSON of its ticks begins, by the index of the kind. */
  readonly jsonPrefixes: readonly Uint8Array[]
  /** The next symbol with the same hash. */
  next: this | undefined = undefined

  constructor(symbol: string, bytes: Uint8Array, isKept: boolean, codec: TickCodec) {
    this.symbol = symbol
    this.bytes = bytes
    this.isKept = isKept
    this.jsonPrefixes = codec.jsonPrefixes(symbol)
  }
}

export type NewSymbol<Known> = (symbol: string, bytes: Uint8Array, isKept: boolean) => Known

export class SymbolTable<Known extends KnownSymbol> {
  private readonly newSymbol: NewSymbol<Known>
  private readonly byHash = new Map<number, Known>()
  private readonly bySymbol = new Map<string, Known>()
  private readonly order = new SymbolOrder<Known>()
  /** Whether ticks of symbols that the table does not keep have come. */
  hasForgotten = false
  private readonly decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

  constructor(newSymbol: NewSymbol<Known>) {
    this.newSymbol = newSymbol
  }

  /** How many symbols are kept. */
  get count(): number {
    return this.bySymbol.size
  }

  /** The symbol at `bytes[start, start + length)`; undefined when these bytes are not UTF-8. */
  ofTick(bytes: Uint8Array, start: number, length: number): Known | undefined {
    const key = hash(bytes, start, length)
    return this.find(key, bytes, start, length) ?? this.add(key, bytes, start, length)
  }

  /** The kept symbol of this name. */
  get(symbol: string): Known | undefined {
    return this.bySymbol.get(symbol)
  }

  /** The kept symbols with a prefix. */
  withPrefix(prefix: string): readonly Known[] {
    return this.order.withPrefix(prefix)
  }

  /** The kept symbols that an entry of an audience selects. @param entry a symbol or a prefix (`BTC*`) */
  matching(entry: string): readonly Known[] {
    const prefix = prefixOf(entry)
    if (prefix !== undefined) return this.withPrefix(prefix)
    const known = this.get(entry)
    return known === undefined ? [] : [known]
  }

  /** All kept symbols. */
  all(): readonly Known[] {
    return this.order.withPrefix('')
  }

  private add(key: number, bytes: Uint8Array, start: number, length: number): Known | undefined {
    const name = this.decode(bytes, start, length)
    if (name === undefined) return undefined
    const isKept = this.bySymbol.size < SYMBOLS_MAX
    const known = this.newSymbol(name, bytes.slice(start, start + length), isKept)
    if (!isKept) {
      this.hasForgotten = true
      return known
    }
    this.bySymbol.set(name, known)
    known.next = this.byHash.get(key)
    this.byHash.set(key, known)
    this.order.insert(known)
    return known
  }

  private decode(bytes: Uint8Array, start: number, length: number): string | undefined {
    try {
      return this.decoder.decode(bytes.subarray(start, start + length))
    } catch {
      return undefined
    }
  }

  private find(key: number, bytes: Uint8Array, start: number, length: number): Known | undefined {
    let known = this.byHash.get(key)
    while (known !== undefined && !equal(known.bytes, bytes, start, length)) known = known.next
    return known
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
