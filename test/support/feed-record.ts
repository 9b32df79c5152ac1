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

  /** Offset of the newest tick of a symbol and kind up to `until`; 0 when there is none. */
  newest(symbol: string, kind: Kind, until: number): number {
    const { length } = this.symbols
    let offset = until - ((until - this.symbols.indexOf(symbol)) % length)
    while (offset > 0 && (offset > until || this.kindAt(offset) !== kind)) offset -= length
    return Math.max(0, offset)
  }
}
