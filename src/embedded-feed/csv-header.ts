/**
 * Checks the first line of a file of recorded ticks, and says what to change in it. Feed's thread. Pure.
 * Spreadsheets write the same table in many ways. What cannot be read is refused here, before a tick is sent.
 */
import { CSV_COLUMNS } from '../ticks/market-csv.js'
import { splitCells } from './csv-cells.js'
import { quoteBytes } from './csv-lines.js'

const CSV_HEADER = CSV_COLUMNS.join(',')
/** The byte-order marks of UTF-16, one character for each byte. */
const UTF_16_MARKS = ['\xff\xfe', '\xfe\xff']
/** So begins an archive, and a file of a spreadsheet is one. */
const ARCHIVE_MARK = 'PK\x03\x04'

/** @param line of one character for each byte @returns undefined when the header is right */
export function headerFault(line: string): string | undefined {
  if (line.startsWith(ARCHIVE_MARK)) return 'is no text: save the table as CSV in UTF-8'
  if (UTF_16_MARKS.some(mark => line.startsWith(mark)) || line.includes('\0')) {
    return 'is UTF-16: save the file as CSV in UTF-8'
  }
  if (line.includes('\r')) return 'ends with a CR alone: save the file with line ends of Unix or Windows'
  for (const separator of [';', '\t']) {
    if (splitCells(line, separator)?.length === CSV_COLUMNS.length) {
      return `has ${quoteBytes(separator)} between its columns: save the file with commas`
    }
  }
  const cells = splitCells(line, ',')
  if (cells === undefined || cells.length < CSV_COLUMNS.length) {
    return `must be the header "${CSV_HEADER}", but is ${quoteBytes(line)}`
  }
  const wrong = CSV_COLUMNS.findIndex((name, index) => cells[index] !== name)
  if (wrong >= 0)
    return `column ${wrong + 1} must be "${CSV_COLUMNS[wrong]}", but is ${quoteBytes(cells[wrong]!)}`
  if (cells.length === CSV_COLUMNS.length) return undefined
  return `must end after the column "${CSV_COLUMNS.at(-1)}", but goes on with ${quoteBytes(cells[CSV_COLUMNS.length]!)}`
}
