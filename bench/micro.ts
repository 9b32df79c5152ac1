/**
 * Times short operations. The only importer of tinybench.
 * One call of a task does many operations, because one reading of the clock costs more than one operation. The tasks
 * take turns in several rounds, so that a disturbance of the machine does not hit one task alone. The median of the
 * rounds counts.
 */
import { Bench } from 'tinybench'
import { type BenchmarkOptions, type Cell, median, rounded, type Table } from './benchmark.js'

export interface MicroTask {
  readonly name: string
  /** Operations in one call of `run`. */
  readonly operations: number
  /** May return the milliseconds of its duration that count. */
  readonly run: () => unknown
}

export interface Figure {
  readonly name: string
  /** Median of the rounds' medians. */
  readonly nsPerOperation: number
  readonly lowestNs: number
  readonly highestNs: number
}

const ROUNDS = 7
const ROUND_MS = 150

export async function measure(tasks: readonly MicroTask[], { small }: BenchmarkOptions): Promise<Figure[]> {
  const rounds = tasks.map((): number[] => [])
  for (let round = 0; round < (small ? 1 : ROUNDS); round++) {
    for (const [index, task] of tasks.entries()) rounds[index]!.push(await nsPerOperation(task, small))
  }
  return tasks.map(({ name }, index) => ({
    name,
    nsPerOperation: median(rounds[index]!),
    lowestNs: Math.min(...rounds[index]!),
    highestNs: Math.max(...rounds[index]!),
  }))
}

async function nsPerOperation({ name, operations, run }: MicroTask, small: boolean): Promise<number> {
  const bench = new Bench({
    time: small ? 1 : ROUND_MS,
    warmupTime: small ? 0 : ROUND_MS / 3,
    iterations: small ? 2 : 10,
    warmupIterations: small ? 1 : 5,
    throws: true,
  })
  bench.add(name, run as () => undefined)
  await bench.run()
  const { result } = bench.tasks[0]!
  if (!('latency' in result)) throw new Error(`${name} was not measured: ${result.state}`)
  return (result.latency.p50 * 1e6) / operations
}

/** @param base the figure with which the others are compared; default: the first figure */
export function figuresTable(title: string, figures: readonly Figure[], notes: readonly string[]): Table {
  const base = figures[0]!.nsPerOperation
  const row = ({ name, nsPerOperation: ns, lowestNs, highestNs }: Figure): Cell[] => [
    name,
    rounded(ns),
    `${rounded(lowestNs)} – ${rounded(highestNs)}`,
    rounded(ns / base),
  ]
  return {
    title,
    columns: ['', 'ns each', 'of the rounds', 'times the first'],
    rows: figures.map(row),
    notes,
  }
}
