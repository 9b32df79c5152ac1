/** Counts what clients were told, by the fault that was injected last. */
import type { StreamModel } from '../support/stream-model.js'

interface Totals {
  gaps: number
  lost: number
  unknownLosses: number
  silentErrors: number
}

interface Row extends Totals {
  times: number
}

const COLUMNS = [
  'fault',
  'times',
  'gaps told',
  'ticks lost and told',
  'losses of unknown size',
  'silent errors',
]
/** What came before the first fault. */
const NO_FAULT = 'none'

export class Scoreboard {
  private readonly models: readonly StreamModel[]
  private readonly rows = new Map<string, Row>()
  private current = NO_FAULT
  private before: Totals

  constructor(models: readonly StreamModel[]) {
    this.models = models
    this.before = this.totals()
  }

  /** From now on it is this fault that gaps are counted for. */
  injected(fault: string): void {
    this.count()
    this.current = fault
    this.row(fault).times++
  }

  /** The table, as text. */
  end(): string {
    this.count()
    const { gaps, lost, silentErrors, unknownLosses } = this.before
    const times = [...this.rows.values()].reduce((sum, row) => sum + row.times, 0)
    const lines = [
      COLUMNS,
      ...[...this.rows].map(([name, row]) => cellsOf(name, row)),
      cellsOf('all', { times, gaps, lost, unknownLosses, silentErrors }),
    ]
    const widths = COLUMNS.map((_, column) => Math.max(...lines.map(cells => cells[column]!.length)))
    const pad = (cell: string, column: number) =>
      column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)
    return lines.map(cells => cells.map(pad).join('  ')).join('\n')
  }

  private count(): void {
    const now = this.totals()
    const row = this.row(this.current)
    for (const key of Object.keys(now) as (keyof Totals)[]) row[key] += now[key] - this.before[key]
    this.before = now
  }

  private row(name: string): Row {
    const row = this.rows.get(name) ?? { times: 0, gaps: 0, lost: 0, unknownLosses: 0, silentErrors: 0 }
    this.rows.set(name, row)
    return row
  }

  private totals(): Totals {
    const sum = (numberOf: (model: StreamModel) => number) =>
      this.models.reduce((total, model) => total + numberOf(model), 0)
    return {
      gaps: sum(({ gaps, holes }) => gaps - holes.gaps),
      lost: sum(({ holes, missed }) => holes.lost + missed),
      unknownLosses: sum(({ unknownLosses }) => unknownLosses),
      silentErrors: sum(({ silentErrors }) => silentErrors.length),
    }
  }
}

function cellsOf(name: string, row: Row): string[] {
  const { gaps, lost, silentErrors, times, unknownLosses } = row
  return [name, ...[times, gaps, lost, unknownLosses, silentErrors].map(String)]
}
