/**
 * Decides what a tick of the log is: a tick of a symbol, or a lost one. The lane and each replay have one of their own.
 */
import type { TickReader } from '../../src/ticks/tick-codec.js'
import type { KnownSymbol, SymbolTable } from './symbol-table.js'

/** Is told of ticks that no client gets. */
export interface TickLosses {
  /** The current tick is lost: it killed two lanes, or its bytes are no tick. */
  loseTick(reason: 'poison' | 'malformed'): void
  /** The current tick is of a kind that a newer feed has added. It is no loss: nobody here can know what it means. */
  skipUnknownKind(): void
  /** The current message is of no symbol, such as a heartbeat of the feed: it is no tick, and nothing is lost. */
  skipWithoutSymbol(): void
}

export interface TickClassifierDeps<Known extends KnownSymbol> {
  /** The bytes that the reader reads. */
  readonly bytes: Uint8Array
  readonly reader: TickReader
  readonly symbols: SymbolTable<Known>
  /** Serial numbers of quarantined ticks: they are not decoded. */
  readonly quarantined: ReadonlySet<number>
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
  classify(start: number, end: number, serial: number): Known | undefined {
    const { bytes, losses, quarantined, symbols } = this.deps
    const { reader } = this
    if (quarantined.has(serial)) {
      losses.loseTick('poison')
      return undefined
    }
    if (!reader.decode(start, end)) {
      losses.loseTick('malformed')
      return undefined
    }
    if (reader.symbolLength === 0) {
      losses.skipWithoutSymbol()
      return undefined
    }
    const symbol = symbols.ofTick(bytes, reader.symbolStart, reader.symbolLength)
    if (symbol === undefined) losses.loseTick('malformed')
    else if (reader.isKindKnown) return symbol
    else losses.skipUnknownKind()
    return undefined
  }
}
