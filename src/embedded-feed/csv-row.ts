/**
 * Reads the cells of one row of recorded ticks. Feed's thread. One object is filled again for each row.
 * Every error names the line and the column.
 */
import type { RingcastError } from '../common/errors.js'
import { CSV_COLUMNS, type CsvColumn } from '../ticks/market-csv.js'
import { splitCells } from './csv-cells.js'
import { type CsvLines, quoteBytes } from './csv-lines.js'

const INDEX_OF = Object.fromEntries(CSV_COLUMNS.map((name, index) => [name, index])) as Record<
  CsvColumn,
  number
>

export class CsvRow {
  private readonly lines: CsvLines
  private cells: readonly string[] = []

  constructor(lines: CsvLines) {
    this.lines = lines
  }

  /** @throws RingcastError `feed_file_invalid` when the line has another number of columns */
  load(line: string): void {
    const cells = splitCells(line, ',')
    if (cells === undefined) {
      throw this.lines.fault(`has a quoted cell that does not end before a comma: ${quoteBytes(line)}`)
    }
    this.cells = cells
    if (this.cells.length !== CSV_COLUMNS.length) {
      throw this.lines.fault(`has ${this.cells.length} columns in place of ${CSV_COLUMNS.length}`)
    }
  }

  text(column: CsvColumn): string {
    return this.cells[INDEX_OF[column]]!
  }

  /** @throws RingcastError `feed_file_invalid` */
  integer(column: CsvColumn): number {
    const cell = this.text(column)
    const value = Number(cell)
    if (!/^\d+$/.test(cell) || !Number.isSafeInteger(value)) {
      throw this.fault(column, 'a whole number below 2^53')
    }
    return value
  }

  /** @throws RingcastError `feed_file_invalid` */
  decimal(column: CsvColumn): number {
    const cell = this.text(column)
    const value = Number(cell)
    if (cell === '' || !Number.isFinite(value)) throw this.fault(column, 'a number')
    return value
  }

  /** The error for a cell that must be something else. */
  fault(column: CsvColumn, expected: string): RingcastError {
    return this.lines.fault(`column ${column}: must be ${expected}, but is ${quoteBytes(this.text(column))}`)
  }
}
