/**
 * Writes the items of a stream as lines for people. Any thread. Pure.
 */
import { visibleText } from '../../common/quote-value.js'
import type { Item, TickHead } from './client-sdk.js'

/** An item, with or without its position. */
export type TextItem =
  | Exclude<Item<TickHead>, { readonly ticks: unknown }>
  | { readonly type: 'ticks' | 'snapshot'; readonly ticks: readonly TickHead[]; readonly position?: string }

const BOLD = 1
const DIM = 2
const RED = 31
const YELLOW = 33
const SYMBOL_WIDTH = 10
const KIND_WIDTH = 6

export class ItemText {
  private readonly hasColours: boolean
  /** What was told last of stream and feed: the same is not told twice. */
  private told = ''

  constructor(hasColours: boolean) {
    this.hasColours = hasColours
  }

  /** A line for each tick: its time, symbol and kind, then its other fields. */
  ofTicks(item: TextItem): string {
    if (!('ticks' in item)) return ''
    const mark = item.type === 'snapshot' ? this.coloured(' latest', DIM) : ''
    return item.ticks.map(tick => `${this.tick(tick)}${mark}\n`).join('')
  }

  /** Gaps, states and refusals; empty for ticks. */
  ofOthers(item: TextItem): string {
    switch (item.type) {
      case 'gap': {
        const { missed, reason } = item
        const many = missed === null ? 'an unknown number of' : String(missed)
        return missed === 0 ? '' : this.line(`${many} ticks are missing: ${reason}`, RED)
      }
      case 'refused':
        return this.line(`${item.symbol} is refused: ${item.message}`, RED)
      case 'status':
        return this.status(item)
      default:
        return ''
    }
  }

  private status(item: Item<TickHead> & { readonly type: 'status' }): string {
    const { delayMs, feed, feedReason, reason, state } = item
    const wait = delayMs === undefined ? '' : `, again in ${Math.round(delayMs)} ms`
    const stream = `${state}${reason === '' ? '' : `: ${reason}`}${wait}`
    const ofFeed = feed === 'down' ? `; the feed is down${feedReason ? `: ${feedReason}` : ''}` : ''
    const text = `${stream}${ofFeed}`
    if (text === this.told) return ''
    this.told = text
    return this.line(text, state === 'live' && feed === 'live' ? DIM : YELLOW)
  }

  private tick(tick: TickHead): string {
    const { kind, symbol, time, sequence, ...fields } = tick as TickHead & Readonly<Record<string, unknown>>
    const head = [
      ...(typeof time === 'number' ? [this.coloured(timeText(time), DIM)] : []),
      this.coloured(visibleText(symbol).padEnd(SYMBOL_WIDTH), BOLD),
      visibleText(kind).padEnd(KIND_WIDTH),
    ]
    const pairs = Object.entries({ ...fields, ...(sequence === undefined ? {} : { sequence }) }).map(
      ([name, value]) => `${visibleText(name)}=${valueText(value)}`,
    )
    return [...head, ...pairs].join(' ')
  }

  private line(text: string, colour: number): string {
    return `${this.coloured(`-- ${visibleText(text)}`, colour)}\n`
  }

  private coloured(text: string, colour: number): string {
    return this.hasColours ? `\x1b[${colour}m${text}\x1b[0m` : text
  }
}

/** @param timeUs µs since the Unix epoch. @returns the time of day in UTC, to the µs */
function timeText(timeUs: number): string {
  const date = new Date(timeUs / 1000)
  if (Number.isNaN(date.getTime())) return String(timeUs)
  return `${date.toISOString().slice(11, 19)}.${String(Math.floor(timeUs % 1_000_000)).padStart(6, '0')}`
}

function valueText(value: unknown): string {
  return visibleText(typeof value === 'string' ? value : JSON.stringify(value))
}
