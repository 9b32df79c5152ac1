/**
 * What one subscription of a client library must give to its application, from the feed's record alone. Lists silent errors: each
 * tick that is missing, doubled, late, torn or not subscribed to, without an item that says so.
 */
import type { GapItem, Item, MarketTick, SnapshotItem, TicksItem } from '@ringcast/client'
import type { TickJson } from '../../src/protocol/messages.js'
import { matches } from './entries.js'
import type { FeedRecord } from './feed-record.js'
import { EPOCH_SPAN } from './latest-model.js'

export interface SubscriptionModelOptions {
  readonly record: FeedRecord
  readonly symbols: readonly string[]
  readonly delivery: 'every' | 'latest'
  /** The offset of the record of a `<epoch>:<offset>`; undefined: the record does not have the epoch. */
  readonly placeOf: (position: string | undefined) => number | undefined
  /** The offset of the record at which the epoch of a place counts from. */
  readonly startOf: (place: number) => number
}

export class SubscriptionModel {
  readonly silentErrors: string[] = []
  ticks = 0
  gaps = 0
  merged = 0
  private readonly options: SubscriptionModelOptions
  /** Of each symbol: up to which offset its ticks have come, or a gap has told of them. Without it, the next tick begins. */
  private readonly completeTo = new Map<string, number>()
  /** Of each symbol and kind: the newest tick. */
  private readonly newest = new Map<string, number>()

  constructor(options: SubscriptionModelOptions) {
    this.options = options
  }

  /** @param position of the stream at this item */
  take(item: Item<MarketTick>, position: string | undefined): void {
    if (item.type === 'ticks') this.takeTicks(item)
    else if (item.type === 'snapshot') this.takeSnapshot(item)
    else if (item.type === 'gap') this.takeGap(item, this.options.placeOf(position))
    else if (item.type === 'refused') this.wrong(`${item.symbol} is refused: ${item.message}`)
  }

  /** Whether the newest tick of each symbol and kind up to `offset` has come. */
  hasNewest(offset: number): boolean {
    return this.missingNewest(offset).length === 0
  }

  /** The end of the test: no tick up to `offset` may be missing. */
  end(offset: number): void {
    for (const symbol of this.ownSymbols) this.pass(symbol, offset)
    this.silentErrors.push(...this.missingNewest(offset))
  }

  private get isEvery(): boolean {
    return this.options.delivery === 'every'
  }

  private get ownSymbols(): string[] {
    const { record, symbols } = this.options
    return record.symbols.filter(symbol => symbols.some(entry => matches(entry, symbol)))
  }

  private missingNewest(until: number): string[] {
    const { record } = this.options
    return this.ownSymbols.flatMap(symbol =>
      (['quote', 'trade'] as const).flatMap(kind => {
        const offset = record.newest(symbol, kind, until)
        const has = this.newest.get(`${kind} ${symbol}`) ?? 0
        return has >= offset ? [] : [`the last ${kind} of ${symbol}, ${offset}, has not come after ${has}`]
      }),
    )
  }

  private takeTicks({ merged = 0, ticks }: TicksItem<MarketTick>): void {
    this.merged += merged
    for (const tick of ticks) {
      this.ticks++
      const { kind, symbol } = tick
      const offset = this.offsetOf(tick)
      const key = `${kind} ${symbol}`
      if (offset <= (this.newest.get(key) ?? 0)) this.wrong(`${key} ${offset} again, or late`)
      this.newest.set(key, offset)
      if (!this.isEvery) continue
      const before = this.completeTo.get(symbol)
      // Another subscription has the latest ticks of this symbol: until the gateway knows better, the item tells of merged ones.
      if (merged === 0) this.pass(symbol, offset - 1)
      if (before !== undefined && offset <= before)
        this.wrong(`${key} ${offset} again, or late, after ${before}`)
      this.completeTo.set(symbol, offset)
    }
  }

  /** Of a subscription with every tick, a snapshot may repeat ticks, and begins the symbols that have not begun. */
  private takeSnapshot({ position, ticks }: SnapshotItem<MarketTick>): void {
    const offsets = new Map<string, number>()
    for (const tick of ticks) {
      const { kind, symbol } = tick
      const offset = this.offsetOf(tick)
      const key = `${kind} ${symbol}`
      this.newest.set(key, Math.max(offset, this.newest.get(key) ?? 0))
      offsets.set(symbol, Math.max(offset, offsets.get(symbol) ?? 0))
    }
    if (!this.isEvery) return
    for (const [symbol, offset] of offsets) {
      // The tick itself is in the snapshot. It may be of an earlier epoch where the symbol begins.
      this.pass(symbol, offset - 1)
      const begin = this.options.placeOf(position) ?? 0
      this.completeTo.set(symbol, Math.max(offset, this.completeTo.get(symbol) ?? begin))
    }
  }

  /** @param place where the stream is now */
  private takeGap({ epoch, from, missed, reason, to }: GapItem, place: number | undefined): void {
    this.gaps++
    if (place === undefined) {
      this.completeTo.clear()
      return
    }
    // What a resume lost has offsets, also where nobody has counted its ticks.
    const hasOffsets = epoch === undefined && to >= from
    const start = this.options.startOf(place)
    let due = 0
    for (const [symbol, before] of this.completeTo) {
      if (hasOffsets) {
        this.pass(symbol, start + from - 1)
        due += this.sentOf(symbol, Math.max(before, start + from - 1), start + to).length
      }
      this.completeTo.set(symbol, Math.max(before, hasOffsets ? start + to : place))
    }
    if (hasOffsets && missed !== null && reason === 'slow' && due > missed)
      this.wrong(`a gap of ${missed} where ${due} are missing`)
  }

  /** No tick of the symbol may be missing up to `until`. */
  private pass(symbol: string, until: number): void {
    const before = this.completeTo.get(symbol)
    if (before === undefined || until <= before || !this.isEvery) return
    if (until - before > EPOCH_SPAN / 2) this.wrong(`an epoch has begun without a gap before ${until}`)
    else
      for (const offset of this.sentOf(symbol, before, until))
        this.wrong(`tick ${offset} of ${symbol} is missing after ${before}`)
    this.completeTo.set(symbol, until)
  }

  /** The offsets behind `from` up to `to` at which the feed has ticks of the symbol. */
  private sentOf(symbol: string, from: number, to: number): number[] {
    const { record } = this.options
    const offsets: number[] = []
    for (let offset = from + 1; offset <= to; offset++)
      if (record.symbolAt(offset) === symbol && record.isSent(offset)) offsets.push(offset)
    return offsets
  }

  private offsetOf(tick: MarketTick): number {
    const { record, symbols } = this.options
    const offset = Number(tick.sequence)
    if (!record.isTick(offset, tick as TickJson)) this.wrong(`tick ${offset} is not what the feed sent`)
    if (!symbols.some(entry => matches(entry, tick.symbol)))
      this.wrong(`tick ${offset} of ${tick.symbol} is not subscribed to`)
    return offset
  }

  private wrong(text: string): void {
    this.silentErrors.push(text)
  }
}
