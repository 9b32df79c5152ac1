/**
 * What becomes of a tick of the log: it is of a symbol, it is lost, or it was there before. One lane's own, and one of each replay's.
 */
import type { TickReader } from '../../src/ticks/tick-codec.js'
import { BROKEN, type FeedContinuity, markOf, SEAM, SEEN, WHOLE } from './feed-continuity.js'
import type { SymbolEntry, SymbolTable } from './symbol-table.js'

/** Told of the tick in hand. */
export interface TickLosses {
  /** Nobody is given it: two lanes died of it, or it is no tick. */
  loseTick(reason: 'poison' | 'malformed'): void
  /** So many ticks are missing before it; null: nobody knows how many. */
  loseUpstream(missed: number | null): void
  /** Its position breaks the feed's count, so nobody knows how many ticks are missing before it. */
  breakPositions(): void
  /** The feed has sent it again. */
  seenBefore(): void
}

export interface TickClassifierDeps {
  /** What the reader reads. */
  readonly bytes: Uint8Array
  readonly reader: TickReader
  readonly symbols: SymbolTable
  /** Offsets of ticks that are skipped. */
  readonly poison: ReadonlySet<number>
  readonly continuity: FeedContinuity
  readonly losses: TickLosses
}

export class TickClassifier {
  /** What the tick in hand says. */
  readonly reader: TickReader
  private readonly parts: TickClassifierDeps

  constructor(parts: TickClassifierDeps) {
    this.parts = parts
    this.reader = parts.reader
  }

  /** @returns the symbol of the tick at `[start, end)`; undefined for one that is for nobody */
  sort(start: number, end: number, offset: number): SymbolEntry | undefined {
    const { bytes, continuity, losses, poison, symbols } = this.parts
    const { reader } = this
    if (poison.has(offset)) return this.lose('poison')
    const isTick = reader.decode(start, end)
    const symbol = isTick ? symbols.ofTick(bytes, reader.symbolStart, reader.symbolLength) : undefined
    if (symbol === undefined) return this.lose('malformed')
    const found = continuity.take(reader.position, markOf(reader))
    if (found === WHOLE) return symbol
    if (found === SEEN) {
      losses.seenBefore()
      return undefined
    }
    if (found === BROKEN) losses.breakPositions()
    else losses.loseUpstream(found === SEAM ? null : found)
    return symbol
  }

  private lose(reason: 'poison' | 'malformed'): undefined {
    const { continuity, losses } = this.parts
    continuity.lose(1)
    losses.loseTick(reason)
  }
}
