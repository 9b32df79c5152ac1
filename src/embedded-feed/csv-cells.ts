/**
 * Splits a line of a CSV file into its cells, quoted or not: https://www.rfc-editor.org/rfc/rfc4180. Any thread. Pure.
 * Not by a library: no cell of a tick holds a line end, so each line is split alone, and `split` is the fastest way.
 */

const QUOTE = '"'
/** From a quotation mark to the one that closes the cell. A doubled one stands for itself. */
const QUOTED = /"((?:[^"]|"")*)"/y

/** @returns undefined when a quoted cell does not end, or something follows its end */
export function splitCells(line: string, separator: string): string[] | undefined {
  if (!line.includes(QUOTE)) return line.split(separator)
  const cells: string[] = []
  for (let at = 0; ; at++) {
    let end: number
    if (line[at] === QUOTE) {
      QUOTED.lastIndex = at
      const cell = QUOTED.exec(line)?.[1]
      if (cell === undefined) return undefined
      cells.push(cell.replaceAll('""', QUOTE))
      end = QUOTED.lastIndex
    } else {
      const next = line.indexOf(separator, at)
      end = next < 0 ? line.length : next
      cells.push(line.slice(at, end))
    }
    if (end === line.length) return cells
    if (line[end] !== separator) return undefined
    at = end
  }
}
