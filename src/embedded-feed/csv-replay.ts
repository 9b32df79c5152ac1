/**
 * Reads recorded ticks from a CSV file, plain or gzip, once or in a loop. Feed's thread.
 * One piece of text of the file is in memory at a time. Prices and times are exactly those of the file.
 */
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { pipeline, type Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { RingcastError } from '../common/errors.js'
import { CSV_COLUMNS, CSV_KIND_RULE, CSV_KINDS } from '../ticks/market-csv.js'
import { blankTick, type TickSymbol, type TickToEncode, tickSymbol } from '../ticks/market-tick-encoder.js'
import type { SupplyResult, TickSupply } from './tick-supply.js'

const HEADER = CSV_COLUMNS.join(',')

/** No row of ten columns is longer; without a limit, a file without line ends would be read whole. */
const LINE_CHARS_MAX = 4_096
const GZIP_MAGIC = 0x1f8b

/** The sequences of one symbol and kind, which must keep rising from loop to loop. */
interface SequenceSpan {
  first: number
  newest: number
  shift: number
}

interface RecordedSymbol {
  readonly symbol: TickSymbol
  /** By the index of the kind. */
  readonly spans: readonly SequenceSpan[]
}

export class CsvReplay implements TickSupply {
  readonly tick: TickToEncode = blankTick(tickSymbol('-'))
  readonly #path: string
  readonly #isGzip: boolean
  readonly #loop: boolean
  readonly #symbols = new Map<string, RecordedSymbol>()

  #input: Readable
  #chunks: AsyncIterator<string>
  #text = ''
  #at = 0
  /** Of the file, from 1. */
  #lineNumber = 0
  #isFileEnd = false

  /** Of the first loop; undefined until the first row. */
  #firstUs: number | undefined
  #lastUs = 0
  #shiftUs = 0
  #dueMs = 0

  private constructor(path: string, isGzip: boolean, loop: boolean) {
    this.#path = path
    this.#isGzip = isGzip
    this.#loop = loop
    this.#input = openText(path, isGzip)
    this.#chunks = this.#input[Symbol.asyncIterator]()
  }

  /** Opens the file and checks its header. Throws `feed_file_invalid`. */
  static async open(path: string, options: { loop: boolean }): Promise<CsvReplay> {
    const replay = new CsvReplay(path, await isGzip(path), options.loop)
    try {
      await replay.#readHeader()
    } catch (error) {
      await replay.close()
      throw error
    }
    return replay
  }

  get dueMs(): number {
    return this.#dueMs
  }

  /** Throws `feed_file_invalid` with the line and the column. */
  next(): SupplyResult {
    const line = this.#nextLine()
    if (line !== undefined) {
      this.#readRow(line)
      return 'tick'
    }
    return this.#isFileEnd && !this.#loop ? 'end' : 'wait'
  }

  async ready(): Promise<void> {
    if (this.#isFileEnd) await this.#rewind()
    else await this.#readText()
  }

  async close(): Promise<void> {
    this.#input.destroy()
  }

  /** Appends a piece of the file to what is left of the one before. */
  async #readText(): Promise<void> {
    let piece: IteratorResult<string>
    try {
      piece = await this.#chunks.next()
    } catch (error) {
      throw unreadable(this.#path, error)
    }
    const rest = this.#text.slice(this.#at)
    this.#at = 0
    if (piece.done) {
      this.#isFileEnd = true
      // The last line may lack its end.
      this.#text = rest === '' ? '' : `${rest}\n`
      return
    }
    if (rest.length > LINE_CHARS_MAX) {
      throw this.#invalid(`is longer than ${LINE_CHARS_MAX} characters: is this a CSV file?`, 1)
    }
    this.#text = rest + piece.value
  }

  async #rewind(): Promise<void> {
    if (this.#firstUs === undefined) throw this.#invalid('is the last one, and a loop needs a tick')
    this.#shiftUs += this.#lastUs - this.#firstUs + 1
    for (const { spans } of this.#symbols.values())
      for (const span of spans) span.shift += span.newest - span.first + 1
    this.#input.destroy()
    this.#input = openText(this.#path, this.#isGzip)
    this.#chunks = this.#input[Symbol.asyncIterator]()
    this.#lineNumber = 0
    await this.#readHeader()
  }

  async #readHeader(): Promise<void> {
    this.#isFileEnd = false
    this.#text = ''
    this.#at = 0
    let line: string | undefined
    while (line === undefined && !this.#isFileEnd) {
      await this.#readText()
      line = this.#nextLine()
    }
    if (line !== HEADER) {
      this.#lineNumber = 1
      throw this.#invalid(`must be the header "${HEADER}", but is "${(line ?? '').slice(0, 200)}"`)
    }
  }

  #nextLine(): string | undefined {
    const end = this.#text.indexOf('\n', this.#at)
    if (end < 0) return undefined
    const isCrLf = this.#text.charCodeAt(end - 1) === 13 && end > this.#at
    const line = this.#text.slice(this.#at, isCrLf ? end - 1 : end)
    this.#at = end + 1
    this.#lineNumber++
    return line
  }

  #readRow(line: string): void {
    const cells = line.split(',')
    if (cells.length !== CSV_COLUMNS.length) {
      throw this.#invalid(`has ${cells.length} columns in place of ${CSV_COLUMNS.length}`)
    }
    const tick = this.tick
    this.#readTime(cells[0]!)
    const recorded = this.#symbols.get(cells[1]!) ?? this.#addSymbol(cells[1]!)
    tick.symbol = recorded.symbol
    const sequence = this.#readInteger(cells, 3)
    const kind = CSV_KINDS.get(cells[2]!)
    if (kind === undefined) throw this.#badCell(cells, 2, CSV_KIND_RULE)
    const numbers = kind.columns.map(column => this.#readDecimal(cells, column))
    kind.fill(tick, follow(recorded.spans[kind.index]!, sequence), numbers)
  }

  /** Nanoseconds in two parts, because they do not fit a number. */
  #readTime(cell: string): void {
    const split = cell.length - 3
    const us = Number(cell.slice(0, split))
    if (!/^\d{4,19}$/.test(cell)) throw this.#badCell([cell], 0, 'nanoseconds since 1970, 4 to 19 digits')
    this.#firstUs ??= us
    this.#lastUs = Math.max(this.#lastUs, us)
    this.tick.timeUs = us + this.#shiftUs
    this.tick.timeRestNs = Number(cell.slice(split))
    const dueMs = (this.tick.timeUs - this.#firstUs) / 1000 + this.tick.timeRestNs / 1e6
    this.#dueMs = Math.max(this.#dueMs, dueMs)
  }

  #readInteger(cells: string[], column: number): number {
    const cell = cells[column]!
    const value = Number(cell)
    if (!/^\d+$/.test(cell) || !Number.isSafeInteger(value)) {
      throw this.#badCell(cells, column, 'a whole number below 2^53')
    }
    return value
  }

  #readDecimal(cells: string[], column: number): number {
    const cell = cells[column]!
    const value = Number(cell)
    if (cell === '' || !Number.isFinite(value)) throw this.#badCell(cells, column, 'a number')
    return value
  }

  #addSymbol(cell: string): RecordedSymbol {
    let symbol: TickSymbol
    try {
      symbol = tickSymbol(cell)
    } catch (error) {
      throw this.#invalid(`column symbol: ${(error as Error).message}`)
    }
    const recorded = { symbol, spans: Array.from(CSV_KINDS, emptySpan) }
    // Under the symbol's own text: a piece of the line would keep the whole text of the file's piece alive.
    this.#symbols.set(symbol.name, recorded)
    return recorded
  }

  #badCell(cells: string[], column: number, wanted: string): RingcastError {
    return this.#invalid(
      `column ${CSV_COLUMNS[column]}: must be ${wanted}, but is "${cells[column]!.slice(0, 40)}"`,
    )
  }

  #invalid(what: string, linesAhead = 0): RingcastError {
    return new RingcastError(
      'feed_file_invalid',
      `${this.#path}, line ${this.#lineNumber + linesAhead}: ${what}. Correct the file or name another one.`,
    )
  }
}

function emptySpan(): SequenceSpan {
  return { first: -1, newest: -1, shift: 0 }
}

/** The sequence in this loop. */
function follow(span: SequenceSpan, sequence: number): number {
  if (span.first < 0) span.first = sequence
  if (sequence > span.newest) span.newest = sequence
  return sequence + span.shift
}

async function isGzip(path: string): Promise<boolean> {
  try {
    const file = await open(path)
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(2), 0, 2, 0)
      return bytesRead === 2 && buffer.readUInt16BE() === GZIP_MAGIC
    } finally {
      await file.close()
    }
  } catch (error) {
    throw unreadable(path, error)
  }
}

function openText(path: string, isCompressed: boolean): Readable {
  const file = createReadStream(path)
  // An error of the file destroys the last stream with it, where the reader gets it.
  const text = isCompressed ? pipeline(file, createGunzip(), () => {}) : file
  return text.setEncoding('utf8')
}

function unreadable(path: string, cause: unknown): RingcastError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new RingcastError(
    'feed_file_invalid',
    `${path} cannot be read: ${reason}. Name a CSV file, plain or gzip, that this user may read.`,
    { cause },
  )
}
