/**
 * Reads the lines of a CSV file, plain or gzip, once or again from the start. Feed's thread.
 * One piece of the file is in memory at a time. A text has one character for each byte: the bytes are decoded later.
 */
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { pipeline, type Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { RingcastError } from '../common/errors.js'
import { quoteValue } from '../common/quote-value.js'

/** No row of ten columns is longer. Without a limit, a file without line ends would be read whole. */
const LINE_BYTES_MAX = 4_096
const GZIP_MAGIC = 0x1f8b
const CARRIAGE_RETURN = 13
/** The byte-order mark of UTF-8, one character for each byte. */
const BYTE_ORDER_MARK = '\xef\xbb\xbf'
/** Spreadsheets write empty rows of a table so, most often at its end. */
const BLANK = /^[, \t]*$/

export class CsvLines {
  private readonly path: string
  private readonly isGzip: boolean
  private readonly headerFault: (line: string) => string | undefined
  private input: Readable
  private pieces: AsyncIterator<string>
  /** The piece in memory, with the rest of the piece before. */
  private text = ''
  private at = 0
  /** Number of the line that `next` returned last, from 1. */
  private lineNumber = 0
  private _isFileEnd = false

  private constructor(path: string, isGzip: boolean, headerFault: (line: string) => string | undefined) {
    this.path = path
    this.isGzip = isGzip
    this.headerFault = headerFault
    this.input = openText(path, isGzip)
    this.pieces = this.input[Symbol.asyncIterator]()
  }

  /**
   * Opens the file and checks its first line.
   *
   * @param headerFault says what is wrong with that line
   * @throws RingcastError `feed_file_invalid`
   */
  static async open(path: string, headerFault: (line: string) => string | undefined): Promise<CsvLines> {
    const lines = new CsvLines(path, await isGzip(path), headerFault)
    try {
      await lines.readHeader()
    } catch (error) {
      await lines.close()
      throw error
    }
    return lines
  }

  /** Whether the whole file was read. Lines may be left in memory. */
  get isFileEnd(): boolean {
    return this._isFileEnd
  }

  /** The next line that is not blank, without its end; undefined when memory holds no whole line. */
  next(): string | undefined {
    let line = this.nextLine()
    while (line !== undefined && BLANK.test(line)) line = this.nextLine()
    return line
  }

  private nextLine(): string | undefined {
    const end = this.text.indexOf('\n', this.at)
    if (end < 0) return undefined
    const isCrLf = end > this.at && this.text.charCodeAt(end - 1) === CARRIAGE_RETURN
    const line = this.text.slice(this.at, isCrLf ? end - 1 : end)
    this.at = end + 1
    this.lineNumber++
    return line
  }

  /**
   * Reads the next piece of the file.
   *
   * @throws RingcastError `feed_file_invalid`
   */
  async read(): Promise<void> {
    let piece: IteratorResult<string>
    try {
      piece = await this.pieces.next()
    } catch (error) {
      throw unreadable(this.path, error)
    }
    const rest = this.text.slice(this.at)
    this.at = 0
    if (piece.done) {
      this._isFileEnd = true
      // The last line may have no line end.
      this.text = rest === '' ? '' : `${rest}\n`
      return
    }
    if (rest.length > LINE_BYTES_MAX) {
      throw this.fault(`is longer than ${LINE_BYTES_MAX} bytes: is this a CSV file?`, this.lineNumber + 1)
    }
    this.text = rest + piece.value
  }

  /** Opens the file again, and reads its header. */
  async rewind(): Promise<void> {
    this.input.destroy()
    this.input = openText(this.path, this.isGzip)
    this.pieces = this.input[Symbol.asyncIterator]()
    await this.readHeader()
  }

  async close(): Promise<void> {
    this.input.destroy()
  }

  /** The error for a line, by default the line that `next` returned last. */
  fault(reason: string, lineNumber = this.lineNumber): RingcastError {
    return new RingcastError(
      'feed_file_invalid',
      `${this.path}, line ${lineNumber}: ${reason}. Correct the file or name another one.`,
    )
  }

  private async readHeader(): Promise<void> {
    this.text = ''
    this.at = 0
    this.lineNumber = 0
    this._isFileEnd = false
    let line: string | undefined
    while (line === undefined && !this._isFileEnd) {
      await this.read()
      line = this.nextLine()
    }
    const fault = this.headerFault(
      line?.startsWith(BYTE_ORDER_MARK) ? line.slice(BYTE_ORDER_MARK.length) : (line ?? ''),
    )
    if (fault !== undefined) throw this.fault(fault, 1)
  }
}

/** A text of one character for each byte, decoded and quoted. */
export function quoteBytes(text: string): string {
  return quoteValue(Buffer.from(text, 'latin1').toString())
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
  // `pipeline` passes an error of the file on to the last stream, where the reader sees it.
  const text = isCompressed ? pipeline(file, createGunzip(), () => {}) : file
  return text.setEncoding('latin1')
}

function unreadable(path: string, cause: unknown): RingcastError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new RingcastError(
    'feed_file_invalid',
    `${path} cannot be read: ${reason}. Name a CSV file, plain or gzip, that this user may read.`,
    { cause },
  )
}
