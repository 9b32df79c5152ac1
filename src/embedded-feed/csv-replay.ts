/**
 * Replays recorded ticks from a CSV file, once or in a loop. Feed's thread.
 * Prices and times are exactly those of the file. In a loop, times and sequences continue to rise.
 */
import { CSV_KIND_RULE, CSV_KINDS } from '../ticks/market-csv.js'
import { blankTick, type TickSymbol, type TickToEncode, tickSymbol } from '../ticks/market-tick-encoder.js'
import { headerFault } from './csv-header.js'
import { CsvLines } from './csv-lines.js'
import { CsvRow } from './csv-row.js'
import type { SupplyResult, TickSupply } from './tick-supply.js'

/** The sequences of one symbol and kind. */
interface SequenceSpan {
  first: number
  newest: number
  /** Added to the sequences of the file in this loop. */
  shift: number
}

interface RecordedSymbol {
  readonly symbol: TickSymbol
  /** By the index of the kind. */
  readonly spans: readonly SequenceSpan[]
}

const UTF_8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export class CsvReplay implements TickSupply {
  readonly tick: TickToEncode = blankTick(tickSymbol('-'))
  private readonly lines: CsvLines
  private readonly row: CsvRow
  private readonly loop: boolean
  /** By the text of the cell, one character for each byte. */
  private readonly symbols = new Map<string, RecordedSymbol>()

  /** The first time of the file; undefined before the first row. */
  private firstUs: number | undefined
  private lastUs = 0
  /** Added to the times of the file in this loop. */
  private shiftUs = 0
  private _dueMs = 0
  /** Whether the first tick was read and not yet taken. */
  private holdsFirst = false

  private constructor(lines: CsvLines, loop: boolean) {
    this.lines = lines
    this.row = new CsvRow(lines)
    this.loop = loop
  }

  /**
   * Opens the file, checks its header and reads its first tick: what a program has done to all rows shows there.
   *
   * @throws RingcastError `feed_file_invalid`
   */
  static async open(path: string, options: { loop: boolean }): Promise<CsvReplay> {
    const lines = await CsvLines.open(path, headerFault)
    const replay = new CsvReplay(lines, options.loop)
    try {
      for (;;) {
        replay.holdsFirst = replay.next() === 'tick'
        if (replay.holdsFirst || lines.isFileEnd) break
        await lines.read()
      }
    } catch (error) {
      await lines.close()
      throw error
    }
    return replay
  }

  get dueMs(): number {
    return this._dueMs
  }

  /** @throws RingcastError `feed_file_invalid`, which names the line and the column */
  next(): SupplyResult {
    if (this.holdsFirst) {
      this.holdsFirst = false
      return 'tick'
    }
    const line = this.lines.next()
    if (line !== undefined) {
      this.row.load(line)
      this.readTick()
      return 'tick'
    }
    return this.lines.isFileEnd && !this.loop ? 'end' : 'wait'
  }

  async ready(): Promise<void> {
    if (this.lines.isFileEnd) await this.startNextLoop()
    else await this.lines.read()
  }

  async close(): Promise<void> {
    await this.lines.close()
  }

  private async startNextLoop(): Promise<void> {
    if (this.firstUs === undefined) throw this.lines.fault('is the last one, and a loop needs a tick')
    this.shiftUs += this.lastUs - this.firstUs + 1
    for (const { spans } of this.symbols.values())
      for (const span of spans) span.shift += span.newest - span.first + 1
    await this.lines.rewind()
  }

  private readTick(): void {
    const { tick } = this
    const row = this.row
    this.readTime()
    const cell = row.text('symbol')
    const recorded = this.symbols.get(cell) ?? this.addSymbol(cell)
    tick.symbol = recorded.symbol
    const sequence = row.integer('sequence')
    const kind = CSV_KINDS.get(row.text('kind'))
    if (kind === undefined) throw row.fault('kind', CSV_KIND_RULE)
    const numbers = kind.columns.map(column => row.decimal(column))
    kind.fill(tick, nextInLoop(recorded.spans[kind.index]!, sequence), numbers)
  }

  /** Nanoseconds are read in two parts, because a number cannot hold them. */
  private readTime(): void {
    const cell = this.row.text('receive_time_ns')
    if (!/^\d{4,19}$/.test(cell)) {
      throw this.row.fault('receive_time_ns', 'nanoseconds since 1970, 4 to 19 digits')
    }
    const us = Number(cell.slice(0, -3))
    this.firstUs ??= us
    this.lastUs = Math.max(this.lastUs, us)
    this.tick.timeUs = us + this.shiftUs
    this.tick.timeRestNs = Number(cell.slice(-3))
    const dueMs = (this.tick.timeUs - this.firstUs) / 1000 + this.tick.timeRestNs / 1e6
    this._dueMs = Math.max(this._dueMs, dueMs)
  }

  private addSymbol(cell: string): RecordedSymbol {
    const bytes = Buffer.from(cell, 'latin1')
    let symbol: TickSymbol
    try {
      symbol = tickSymbol(decoded(bytes))
    } catch (error) {
      throw this.lines.fault(`column symbol: ${(error as Error).message}`)
    }
    const recorded = { symbol, spans: Array.from(CSV_KINDS, emptySpan) }
    // The key is a copy: the cell itself would keep the whole text of its piece of the file in memory.
    this.symbols.set(bytes.toString('latin1'), recorded)
    return recorded
  }
}

/** @throws Error when the bytes are no UTF-8 */
function decoded(bytes: Uint8Array): string {
  try {
    return UTF_8.decode(bytes)
  } catch {
    throw new Error('must be UTF-8')
  }
}

function emptySpan(): SequenceSpan {
  return { first: -1, newest: -1, shift: 0 }
}

/** Extends the span by a sequence of the file, and returns the sequence in this loop. */
function nextInLoop(span: SequenceSpan, sequence: number): number {
  if (span.first < 0) span.first = sequence
  if (sequence > span.newest) span.newest = sequence
  return sequence + span.shift
}
