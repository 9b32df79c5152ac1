/**
 * Prints the scoreboard of `npm run test:faults`: a row for each fault of the catalogue. A row whose tests failed, were skipped or did not run
 * fails the run.
 */
import '../support/figure.js'
import '../support/extent.js'
import type { Reporter, TestCase, TestModule, Vitest } from 'vitest/node'
import { catalogue, type FaultRow } from './catalogue.js'

const COLUMNS = ['fault', 'injected', 'held', 'figure', 'tests', 'silent errors', 'verdict']

export default class ScoreboardReporter implements Reporter {
  private isLong = false

  onInit(vitest: Vitest): void {
    this.isLong = vitest.getRootProject().getProvidedContext().isLong
  }

  onTestRunEnd(testModules: readonly TestModule[]): void {
    const rows = catalogue(this.isLong).map(row => ({ row, cells: cellsOf(row, testsOf(row, testModules)) }))
    const failed = rows.filter(({ cells }) => cells.at(-1) !== 'held').length
    if (failed > 0) process.exitCode = 1
    const widths = COLUMNS.map((name, column) =>
      Math.max(name.length, ...rows.map(({ cells }) => cells[column]!.length)),
    )
    const line = (cells: readonly string[]) =>
      `  ${cells.map((cell, column) => cell.padEnd(widths[column]!)).join('  ')}`.trimEnd()
    const lines = ['', 'Faults', line(COLUMNS)]
    let section = ''
    for (const { row, cells } of rows) {
      if (row.section !== section) lines.push(row.section)
      section = row.section
      lines.push(line(cells))
    }
    lines.push(`${rows.length - failed} faults held, ${failed} did not`, '')
    process.stdout.write(lines.join('\n'))
  }
}

function testsOf(row: FaultRow, testModules: readonly TestModule[]): TestCase[] {
  return testModules
    .filter(({ relativeModuleId }) => isOf(row, relativeModuleId))
    .flatMap(module => [...module.children.allTests()])
    .filter(test => nameOf(test).startsWith(row.test))
}

/** A test may also be in the file of the long ones. */
function isOf({ file }: FaultRow, path: string): boolean {
  return path === `${file}.test.js` || path === `${file}.long.test.js`
}

function nameOf(test: TestCase): string {
  return test.fullName.replaceAll(' > ', ' ')
}

function cellsOf(row: FaultRow, tests: readonly TestCase[]): string[] {
  const states = tests.map(test => test.result().state)
  const hasHeld = states.length > 0 && states.every(state => state === 'passed')
  const figures = tests.flatMap(test => test.meta().figure ?? [])
  const seconds = tests.reduce((sum, test) => sum + (test.diagnostic()?.duration ?? 0), 0) / 1000
  // A test that passes has found none.
  const silentErrors = hasHeld ? '0' : '?'
  const verdict = hasHeld
    ? 'held'
    : states.length === 0
      ? 'NO TEST RAN'
      : states.includes('failed')
        ? 'FAILED'
        : 'LEFT OUT'
  const figure = figures.length === 0 ? `${seconds.toFixed(1)} s` : figures.join('; ')
  return [row.fault, row.injected, row.held, figure, `${row.file} (${tests.length})`, silentErrors, verdict]
}
