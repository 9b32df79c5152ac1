/**
 * Decides what a tick of the log is: a tick of a symbol, a lost one, or one that the feed sent before.
 * The lane and each replay have one of their own.
 */
import { type LostEvent, lastLostOffset, type SessionEvent } from '../../src/lane-protocol/stream-events.js'
import type { GapReason } from '../../src/protocol/messages.js'
import type { TickReader } from '../../src/ticks/tick-codec.js'
import { BROKEN, type FeedContinuity, SEEN, SESSION_BOUNDARY, WHOLE } from './feed-continuity.js'
import type { KnownSymbol, SymbolTable } from './symbol-table.js'

/** Is told of losses, before or at the current tick. */
export interface TickLosses {
  /** The current tick is lost: it killed two lanes, or its bytes are no tick. */
  loseTick(reason: 'poison' | 'malformed'): void
  /** Ticks are missing before the current one. @param missed null: an unknown number */
  loseUpstream(missed: number | null): void
  /** The current tick breaks the feed's count of positions, so an unknown number of ticks is missing before it. */
  breakPositions(): void
  /** The feed sent the current tick before. */
  seenBefore(): void
  /** The current tick is of a kind that a newer feed has added. It is no loss: nobody here can know what it means. */
  skipUnknownKind(): void
  /** The current message is of no symbol, such as a heartbeat of the feed: it is no tick, and nothing is lost. */
  skipWithoutSymbol(): void
  /** An event in the log tells that ticks are lost which are not in the log. */
  loseUnlogged(reason: GapReason, from: number, to: number, missed: number | null): void
}

export interface TickClassifierDeps<Known extends KnownSymbol> {
  /** The bytes that the reader reads. */
  readonly bytes: Uint8Array
  readonly reader: TickReader
  readonly symbols: SymbolTable<Known>
  /** Offsets of quarantined ticks: they are not decoded. */
  readonly quarantined: ReadonlySet<number>
  readonly continuity: FeedContinuity
  readonly losses: TickLosses
}

export class TickClassifier<Known extends KnownSymbol> {
  /** Holds the fields of the current tick. */
  readonly reader: TickReader
  private readonly deps: TickClassifierDeps<Known>

  constructor(deps: TickClassifierDeps<Known>) {
    this.deps = deps
    this.reader = deps.reader
  }

  /** @returns the symbol of the tick at `[start, end)`; undefined when no client gets the tick */
  classify(start: number, end: number, offset: number): Known | undefined {
    const { bytes, continuity, losses, quarantined, symbols } = this.deps
    const { reader } = this
    if (quarantined.has(offset)) return this.loseTick('poison')
    if (!reader.decode(start, end)) return this.loseTick('malformed')
    const isTick = reader.symbolLength > 0
    const symbol = isTick ? symbols.ofTick(bytes, reader.symbolStart, reader.symbolLength) : undefined
    if (isTick && symbol === undefined) return this.loseTick('malformed')
    const found = continuity.take(reader.position, reader.mark)
    if (found === SEEN) {
      losses.seenBefore()
      return undefined
    }
    if (found === BROKEN) losses.breakPositions()
    else if (found !== WHOLE) losses.loseUpstream(found === SESSION_BOUNDARY ? null : found)
    if (symbol !== undefined && reader.isKindKnown) return symbol
    if (symbol === undefined) losses.skipWithoutSymbol()
    else losses.skipUnknownKind()
    return undefined
  }

  /** Obeys an event of the stream, one about its ticks. @param firstOffset of the event's record */
  obey(event: SessionEvent | LostEvent, firstOffset: number): void {
    const { continuity, losses } = this.deps
    if (event.op === 'session') {
      continuity.sessionStarted(event)
      return
    }
    const { missed, reason } = event
    continuity.lose(missed ?? 0)
    losses.loseUnlogged(reason, firstOffset, lastLostOffset(event, firstOffset), missed)
  }

  private loseTick(reason: 'poison' | 'malformed'): undefined {
    const { continuity, losses } = this.deps
    continuity.lose(1)
    losses.loseTick(reason)
  }
}
