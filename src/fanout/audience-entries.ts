/**
 * The entries of an audience, with a hash by which audiences with the same entries are found. Main thread. Immutable.
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
  /** The number of entries with each interval; null: for every tick. */
  private readonly counts: ReadonlyMap<IntervalMs, number>
  /** Of two different sets of entries, the hashes are the same by chance once in 2^32. */
  readonly hash: number

  private constructor(
    map: ReadonlyMap<string, IntervalMs>,
    counts: ReadonlyMap<IntervalMs, number>,
    hash: number,
  ) {
    this.map = map
    this.counts = counts
    this.hash = hash
  }

  static of(entries: Iterable<Entry>): AudienceEntries {
    return new AudienceEntries(new Map(), new Map(), 0).changedBy({ added: [...entries], removed: [] })
  }

  changedBy({ added, removed }: EntryChange): AudienceEntries {
    const map = new Map(this.map)
    const counts = new Map(this.counts)
    let { hash } = this
    const count = (intervalMs: IntervalMs, change: 1 | -1): void => {
      const next = (counts.get(intervalMs) ?? 0) + change
      if (next === 0) counts.delete(intervalMs)
      else counts.set(intervalMs, next)
    }
    const remove = (entry: string): void => {
      const before = map.get(entry)
      if (before === undefined) return
      map.delete(entry)
      count(before, -1)
      hash = (hash - hashOf(entry, before)) | 0
    }
    for (const entry of removed) remove(entry)
    for (const [entry, intervalMs] of added) {
      remove(entry)
      map.set(entry, intervalMs)
      count(intervalMs, 1)
      hash = (hash + hashOf(entry, intervalMs)) | 0
    }
    return new AudienceEntries(map, counts, hash)
  }

  /** The change that makes these the entries. */
  changeTo(entries: ReadonlyMap<string, IntervalMs>): EntryChange {
    const added = [...entries].filter(([entry, intervalMs]) => this.map.get(entry) !== intervalMs)
    const removed = [...this.map.keys()].filter(entry => !entries.has(entry))
    return { added, removed }
  }

  /** The number of entries. */
  get count(): number {
    return this.map.size
  }

  /** The number of different intervals of latest ticks. */
  get groupCount(): number {
    return this.counts.size - (this.counts.has(null) ? 1 : 0)
  }

  /** Whether only latest ticks are delivered, so that a slow member may skip to the latest. */
  get isConflated(): boolean {
    return this.counts.size > 0 && !this.counts.has(null)
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
