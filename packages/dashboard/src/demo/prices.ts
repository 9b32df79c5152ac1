/** What is known of each symbol, for the table. Of any schema. */
import type { MarketTick, TickHead } from '../../../client/src/index.js'

export interface PriceRow {
  readonly symbol: string
  bid: string
  ask: string
  last: string
  /** Of the last change of the first price: up, down, or neither. */
  direction: 'good' | 'bad' | ''
  ticks: number
}

const OTHER_LENGTH_MAX = 80

export class Prices {
  private readonly rows = new Map<string, PriceRow>()

  take(ticks: readonly TickHead[]): void {
    for (const tick of ticks) {
      const row = this.rowOf(tick.symbol)
      row.ticks++
      if (isMarketTick(tick)) readMarketTick(tick, row)
      else row.last = otherText(tick)
    }
  }

  get count(): number {
    return this.rows.size
  }

  /** In the order of the symbols. */
  first(count: number): PriceRow[] {
    return [...this.rows.values()].sort((a, b) => (a.symbol < b.symbol ? -1 : 1)).slice(0, count)
  }

  private rowOf(symbol: string): PriceRow {
    const known = this.rows.get(symbol)
    if (known !== undefined) return known
    const row: PriceRow = { symbol, bid: '–', ask: '–', last: '–', direction: '', ticks: 0 }
    this.rows.set(symbol, row)
    return row
  }
}

function readMarketTick(tick: MarketTick, row: PriceRow): void {
  if (tick.kind === 'trade') {
    row.last = priceText(tick.last)
    return
  }
  const bid = priceText(tick.bid)
  if (row.bid !== '–' && bid !== row.bid) row.direction = Number(bid) > Number(row.bid) ? 'good' : 'bad'
  row.bid = bid
  row.ask = priceText(tick.ask)
}

function isMarketTick(tick: TickHead): tick is MarketTick {
  return 'bid' in tick || 'last' in tick
}

function priceText(price: number | null): string {
  return price === null ? '–' : String(price)
}

/** The message of a schema that this page does not know. */
function otherText({ kind, symbol: _, ...fields }: TickHead): string {
  const text = `${kind} ${JSON.stringify(fields)}`
  return text.length > OTHER_LENGTH_MAX ? `${text.slice(0, OTHER_LENGTH_MAX)}…` : text
}
