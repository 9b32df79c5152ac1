/**
 * The interface of a benchmark, and its result: tables of plain values, printed for people and written as JSON.
 */

export interface BenchmarkOptions {
  /** Tiny sizes: show that the benchmark runs, not how fast. */
  readonly small: boolean
  /** Tells people the progress. */
  readonly tell: (line: string) => void
}

export type Cell = string | number

export interface Table {
  readonly title: string
  readonly columns: readonly string[]
  readonly rows: readonly (readonly Cell[])[]
  /** Facts that a reader of the table needs. */
  readonly notes: readonly string[]
}

export interface Benchmark {
  readonly name: string
  run(options: BenchmarkOptions): Promise<Table[]>
}

/** The median: the middle value, or the mean of the two middle values. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >>> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** Three significant digits, or the whole number. */
export function rounded(value: number): number {
  return Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(3))
}

/** A table in Markdown, for a README. */
export function tableText({ title, columns, rows, notes }: Table): string {
  const lines = [columns, ...rows].map(cells => cells.map(cellText))
  // A table whose servers have all failed may have no rows.
  const widths = columns.map((_, index) => Math.max(1, ...lines.map(cells => cells[index]!.length)))
  const isNumber = columns.map((_, index) => rows.every(row => typeof row[index] === 'number'))
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, index) => (isNumber[index] ? cell.padStart(widths[index]!) : cell.padEnd(widths[index]!))).join(' | ')} |`
  const rule = line(
    widths.map((width, index) => (isNumber[index] ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width))),
  )
  const [head, ...body] = lines
  return [`### ${title}`, '', line(head!), rule, ...body.map(line), '', ...notes].join('\n')
}

function cellText(cell: Cell): string {
  return typeof cell === 'number' ? cell.toLocaleString('en-US', { maximumFractionDigits: 3 }) : cell
}

/** Lets a signal end the process so that its child processes notice, and end too. */
export function exitOnSignals(): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
}
