/**
 * An endless feed of a storm: the tick at an offset follows from the offset, which is also its `sequence`.
 */
import type { TickJson } from '../../src/protocol/messages.js'

export type Kind = TickJson['kind']

export class FeedRecord {
  /** In every third round, all symbols have trades. */
  private static readonly ROUNDS = 3

  constructor(readonly symbols: readonly string[]) {}

  symbolAt(offset: number): string {
    return this.symbols[offset % this.symbols.length]!
  }

  kindAt(offset: number): Kind {
    return Math.floor(offset / this.symbols.length) % FeedRecord.ROUNDS === 0 ? 'trade' : 'quote'
  }

  /** Whether the feed has a tick at an offset. Otherwise the offset is a hole, which a gap must tell. */
  isSent(_offset: number): boolean {
    return true
  }

  /**
   * A gap has told that no tick of these offsets comes.
   *
   * @returns whether that may be: from then on the feed has none of them
   */
  mayLose(_from: number, _to: number): boolean {
    return false
  }

  /** Offset of the newest tick of a symbol and kind up to `until`; 0 when there is none. */
  newest(symbol: string, kind: Kind, until: number): number {
    const { length } = this.symbols
    let offset = until - ((until - this.symbols.indexOf(symbol)) % length)
    while (offset > 0 && (offset > until || this.kindAt(offset) !== kind || !this.isSent(offset)))
      offset -= length
    return Math.max(0, offset)
  }

  /** Whether a tick is the one that the feed has at this offset, whole. The prices are those of ticks.ts. */
  isTick(offset: number, tick: TickJson): boolean {
    if (!this.isSent(offset) || tick.symbol !== this.symbolAt(offset) || tick.kind !== this.kindAt(offset))
      return false
    const { kind, sequence } = tick
    const [price, size] = kind === 'quote' ? [tick.bid, tick.bidSize] : [tick.last, tick.lastSize]
    const isFirstWhole = price === Number(sequence) + 0.25 && size === Number(sequence) / 8
    if (kind === 'trade') return isFirstWhole
    return isFirstWhole && tick.ask === Number(sequence) + 0.5 && tick.askSize === Number(sequence) / 4
  }
}
