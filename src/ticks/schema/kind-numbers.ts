/**
 * Numbers kinds in the order in which a lane first meets them. One codec's own: a number means nothing in another lane,
 * and must not be kept in shared memory.
 * Kinds beyond the bound have no number: docs/decisions/0073-a-schema-of-ones-own.md.
 */
import { UNNUMBERED_KIND } from '../tick-codec.js'

const KINDS_MAX = 64

interface KnownKind {
  readonly name: Uint8Array
  readonly index: number
}

export class KindNumbers {
  private readonly byHash = new Map<number, KnownKind[]>()
  private readonly byNumber = new Map<number, number>()
  private count = 0

  /** The index of a kind that is an enum's value. */
  ofNumber(number: number): number {
    let index = this.byNumber.get(number)
    if (index === undefined) {
      index = this.next()
      if (index !== UNNUMBERED_KIND) this.byNumber.set(number, index)
    }
    return index
  }

  /** The index of the kind that is called `bytes[start, start + length)`. */
  ofName(bytes: Uint8Array, start: number, length: number): number {
    const hash = hashOf(bytes, start, length)
    const known = this.byHash.get(hash)
    if (known !== undefined) {
      for (let index = 0; index < known.length; index++)
        if (isEqual(known[index]!.name, bytes, start, length)) return known[index]!.index
    }
    const index = this.next()
    if (index === UNNUMBERED_KIND) return index
    const kind = { name: bytes.slice(start, start + length), index }
    if (known === undefined) this.byHash.set(hash, [kind])
    else known.push(kind)
    return index
  }

  private next(): number {
    return this.count < KINDS_MAX ? this.count++ : UNNUMBERED_KIND
  }
}

/** FNV-1a, cut to 30 bits so that V8 keeps it a small integer: http://www.isthe.com/chongo/tech/comp/fnv/ */
export function hashOf(bytes: Uint8Array, start: number, length: number): number {
  let value = 0x811c9dc5
  for (let index = start; index < start + length; index++)
    value = Math.imul(value ^ bytes[index]!, 0x01000193)
  return value & 0x3fffffff
}

function isEqual(name: Uint8Array, bytes: Uint8Array, start: number, length: number): boolean {
  if (name.length !== length) return false
  for (let index = 0; index < length; index++) if (name[index] !== bytes[start + index]) return false
  return true
}
