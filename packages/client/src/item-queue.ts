/**
 * The items that an iterator has not taken yet. Bounded by ticks; what happens beyond that is the `overflow` of the subscription.
 * Gaps and states are never dropped, only merged.
 */
import type { GapItem, Item, RefusedItem, SnapshotItem, StatusItem, TicksItem } from './items.js'
import type { TickHead } from './messages.js'
import { readPosition } from './position.js'

/**
 * When the reader is too slow: `gap` drops the ticks that wait, and says how many. `conflate` keeps the latest of each symbol and
 * kind. `close` ends the subscription with an OverflowError.
 */
export type Overflow = 'gap' | 'conflate' | 'close'

/** Refusals of entries that wait: one for each entry of a large subscription. */
const REFUSED_MAX = 1_000

/** Items without ticks that may wait beside the ticks. */
const ITEMS_MORE = 100

export class ItemQueue<Tick extends TickHead> {
  private readonly ticksMax: number
  private readonly overflow: Overflow
  private items: Item<Tick>[] = []
  private ticks = 0

  constructor(ticksMax: number, overflow: Overflow) {
    this.ticksMax = ticksMax
    this.overflow = overflow
  }

  get isEmpty(): boolean {
    return this.items.length === 0
  }

  /** @returns false if the queue is full and the subscription must close */
  push(item: Item<Tick>): boolean {
    this.items.push(item)
    if (hasTicks(item)) this.ticks += item.ticks.length
    if (this.ticks <= this.ticksMax && this.items.length <= this.ticksMax + ITEMS_MORE) return true
    if (this.overflow === 'close') return false
    if (this.overflow === 'conflate') this.conflate()
    else this.replaceByGap()
    return true
  }

  shift(): Item<Tick> | undefined {
    const item = this.items.shift()
    if (item !== undefined && hasTicks(item)) this.ticks -= item.ticks.length
    return item
  }

  takeAll(): Item<Tick>[] {
    const { items } = this
    this.items = []
    this.ticks = 0
    return items
  }

  /** What is left: refusals, one gap that tells of everything dropped, and the present status. */
  private replaceByGap(): void {
    const { gap, rest } = this.merged()
    let dropped: GapItem | undefined
    for (const item of this.items) {
      if (!hasTicks(item)) continue
      const to = readPosition(item.position)?.offset ?? 0
      const missed = item.type === 'ticks' ? item.ticks.length : 0
      const own: GapItem = { type: 'gap', reason: 'overflow', from: to, to, missed }
      dropped = dropped === undefined ? own : mergedGap(dropped, own)
    }
    this.ticks = 0
    const both = gap && dropped ? mergedGap(gap, dropped) : (gap ?? dropped)
    this.items = both ? [both, ...rest] : rest
  }

  /** What is left: refusals, the merged gaps, the latest ticks, and the present status. */
  private conflate(): void {
    const { gap, rest } = this.merged()
    const latest = new Map<string, Tick>()
    let position = ''
    let merged = 0
    for (const item of this.items) {
      if (!hasTicks(item)) continue
      position = item.position
      merged += item.ticks.length + ((item.type === 'ticks' && item.merged) || 0)
      for (const tick of item.ticks) {
        const key = `${tick.kind} ${tick.symbol}`
        // The order is that of the latest ticks.
        latest.delete(key)
        latest.set(key, tick)
      }
    }
    const ticks = [...latest.values()]
    this.ticks = ticks.length
    const item: TicksItem<Tick> = { type: 'ticks', ticks, position, merged: merged - ticks.length }
    this.items = gap ? [gap, item, ...rest] : [item, ...rest]
    // More symbols than the queue may hold: the latest ticks alone are too many.
    if (ticks.length > this.ticksMax) this.replaceByGap()
  }

  private merged(): { gap: GapItem | undefined; rest: Item<Tick>[] } {
    let gap: GapItem | undefined
    let status: StatusItem | undefined
    const refused: RefusedItem[] = []
    for (const item of this.items) {
      if (item.type === 'gap') gap = gap === undefined ? item : mergedGap(gap, item)
      else if (item.type === 'status') status = item
      else if (item.type === 'refused') refused.push(item)
    }
    return { gap, rest: [...refused.slice(-REFUSED_MAX), ...(status ? [status] : [])] }
  }
}

function hasTicks<Tick extends TickHead>(item: Item<Tick>): item is TicksItem<Tick> | SnapshotItem<Tick> {
  return 'ticks' in item
}

function mergedGap(one: GapItem, other: GapItem): GapItem {
  const isOneEpoch = other.epoch === undefined
  return {
    ...one,
    reason: one.reason === other.reason ? one.reason : 'overflow',
    from: isOneEpoch ? Math.min(one.from, other.from) : other.from,
    to: isOneEpoch ? Math.max(one.to, other.to) : other.to,
    missed: one.missed === null || other.missed === null ? null : one.missed + other.missed,
    epoch: other.epoch ?? one.epoch,
  }
}
