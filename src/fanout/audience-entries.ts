/**
 * The entries of an audience, with a hash by which audiences with the same entries are found. Main thread. Never changes.
 * The hash is a sum over the entries. So a change costs the hash of what it names, and not of all entries.
 */
import { randomInt } from 'node:crypto'
import { type Entry, type EntryChange, type Selection, selectionOf } from '../lane-protocol/audience-spec.js'
import type { IntervalMs } from '../protocol/delivery.js'

/** Nobody who does not know it can choose entries with a given hash. */
const SEED = randomInt(2 ** 32)
/** In place of the interval of an entry for every tick. */
const EVERY_TICK = -1

export class AudienceEntries {
  private readonly map: ReadonlyMap<string, IntervalMs>
  /** Of two different sets of entries, the hashes are the same by chance once in 2^32. */
  readonly hash: number

  private constructor(map: ReadonlyMap<string, IntervalMs>, hash: number) {
    this.map = map
    this.hash = hash
  }

  static of(entries: Iterable<Entry>): AudienceEntries {
    const map = new Map(entries)
    let hash = 0
    for (const [entry, intervalMs] of map) hash = (hash + hashOf(entry, intervalMs)) | 0
    return new AudienceEntries(map, hash)
  }

  changedBy({ added, removed }: EntryChange): AudienceEntries {
    const map = new Map(this.map)
    let { hash } = this
    const remove = (entry: string): void => {
      const before = map.get(entry)
      if (before !== undefined) hash = (hash - hashOf(entry, before)) | 0
    }
    for (const entry of removed) {
      remove(entry)
      map.delete(entry)
    }
    for (const [entry, intervalMs] of added) {
      remove(entry)
      map.set(entry, intervalMs)
      hash = (hash + hashOf(entry, intervalMs)) | 0
    }
    return new AudienceEntries(map, hash)
  }

  isEqual({ map }: AudienceEntries): boolean {
    if (map.size !== this.map.size) return false
    for (const [entry, intervalMs] of this.map) if (map.get(entry) !== intervalMs) return false
    return true
  }

  get selection(): Selection {
    return selectionOf(this.map)
  }
}

/** FNV-1a over the entry's text and interval: http://www.isthe.com/chongo/tech/comp/fnv/ */
function hashOf(entry: string, intervalMs: IntervalMs): number {
  let hash = Math.imul(SEED ^ (intervalMs ?? EVERY_TICK), 0x01000193)
  for (let index = 0; index < entry.length; index++)
    hash = Math.imul(hash ^ entry.charCodeAt(index), 0x01000193)
  // The sum of the hashes needs all bits mixed.
  hash = Math.imul(hash ^ (hash >>> 16), 0x45d9f3b)
  return (hash ^ (hash >>> 15)) | 0
}
