/**
 * Which audiences name a symbol that has not come yet, and which have a prefix of it. One lane's own.
 * An entry of an audience takes few bytes here. A search costs the length of the symbol, whatever the number of
 * prefixes.
 */
import type { LaneAudience } from '../collect/lane-audience.js'

export class EntryIndex {
  private readonly byName = new Map<string, LaneAudience[]>()
  private readonly byPrefix = new Map<string, LaneAudience[]>()
  /** How many prefixes there are of each length. */
  private readonly prefixCounts: number[] = []

  addName(name: string, audience: LaneAudience): void {
    add(this.byName, name, audience)
  }

  removeName(name: string, audience: LaneAudience): void {
    remove(this.byName, name, audience)
  }

  addPrefix(prefix: string, audience: LaneAudience): void {
    if (!add(this.byPrefix, prefix, audience)) return
    const { prefixCounts } = this
    while (prefixCounts.length <= prefix.length) prefixCounts.push(0)
    prefixCounts[prefix.length]! += 1
  }

  removePrefix(prefix: string, audience: LaneAudience): void {
    if (remove(this.byPrefix, prefix, audience)) this.prefixCounts[prefix.length]! -= 1
  }

  /** Forgets who names a symbol, since it has come. */
  forgetName(name: string): void {
    this.byName.delete(name)
  }

  /** The audiences that get a symbol, as far as they have a prefix of it or the index knows that they name it. */
  audiencesOf(symbol: string): Set<LaneAudience> {
    const found = new Set(this.byName.get(symbol))
    const { byPrefix, prefixCounts } = this
    const lengthMax = Math.min(symbol.length, prefixCounts.length - 1)
    for (let length = 0; length <= lengthMax; length++) {
      if (prefixCounts[length] === 0) continue
      for (const audience of byPrefix.get(symbol.slice(0, length)) ?? []) found.add(audience)
    }
    return found
  }
}

/** @returns whether the entry is new */
function add(lists: Map<string, LaneAudience[]>, entry: string, audience: LaneAudience): boolean {
  const list = lists.get(entry)
  if (list === undefined) lists.set(entry, [audience])
  else list.push(audience)
  return list === undefined
}

/** @returns whether the entry is gone by that */
function remove(lists: Map<string, LaneAudience[]>, entry: string, audience: LaneAudience): boolean {
  const list = lists.get(entry)
  if (list === undefined) return false
  removeUnordered(list, audience)
  return list.length === 0 && lists.delete(entry)
}

/**
 * Removes an item that stands in a list at most once; another item takes its place. Items that came late are found
 * soon.
 */
export function removeUnordered<T>(list: T[], item: T): void {
  const index = list.lastIndexOf(item)
  if (index < 0) return
  const last = list.pop()!
  if (index < list.length) list[index] = last
}
