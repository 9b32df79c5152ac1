/**
 * `npm run bench:attack [-- attacks …] [-- options]`: attacks a gateway and says whether it held. Exit code 1: it did
 * not. The only file here that touches argv and exit.
 */
import { type Cell, exitOnSignals, median, rounded, type Table, tableText } from '../benchmark.js'
import { machine } from '../machine.js'
import type { LoadReport } from '../processes/load.js'
import { OTHER_CORES_MAX } from '../processes/measured.js'
import { type AttackArguments, parseArguments, USAGE } from './arguments.js'
import { ATTACKS, attackNamed } from './attacks.js'
import { trial } from './trial.js'
import { faultsOf, type Outcome, p99Ratio } from './verdict.js'

const print = (text: string): unknown => process.stdout.write(`${text}\n`)
const tell = (text: string): unknown => process.stderr.write(`${text}\n`)

function parse(): AttackArguments | undefined {
  try {
    return parseArguments(
      process.argv.slice(2),
      ATTACKS.map(({ name }) => name),
    )
  } catch (error) {
    tell(`${(error as Error).message}\n\n${USAGE}`)
    process.exitCode = 2
    return undefined
  }
}

async function main(): Promise<void> {
  const asked = parse()
  if (asked === undefined) return
  const { attacks, clients, rounds, seconds, small } = asked
  const on = machine()
  print(
    `${on.cpu}, ${on.cores} cores, ${on.memoryGiB} GiB; Node ${on.node}; commit ${on.commit}; ${clients} live clients, ${seconds} s of each attack\n`,
  )
  const rows: Cell[][] = []
  for (const name of attacks) {
    const outcome = await trial(attackNamed(name), { clients, seconds, rounds, onRound: tell })
    const faults = faultsOf(outcome, !small)
    if (faults.length > 0) process.exitCode = 1
    rows.push(row(outcome, faults))
    tellOf(outcome, faults)
  }
  print(`\n${tableText(tableOf(rows))}`)
}

/** Printed at once, because all attacks together take half an hour. */
function tellOf({ attack, complaints, otherCores, reports }: Outcome, faults: readonly string[]): void {
  print(`${attack.name}: ${attack.does}`)
  for (const { done } of reports) print(`  did: ${done}`)
  for (const fault of faults) print(`  FAULT: ${fault}`)
  if (otherCores > OTHER_CORES_MAX)
    print(
      `  the machine did other work meanwhile, ${otherCores.toFixed(1)} cores of it: delays are not the gateway’s alone`,
    )
  for (const complaint of new Set(complaints)) print(`  the gateway logged: ${complaint}`)
}

function row(outcome: Outcome, faults: readonly string[]): Cell[] {
  const { attack, attacked, exit, last, quiet, rssBytesAfter, rssBytesBefore, rssBytesMax } = outcome
  const ms = (reports: readonly LoadReport[], key: 'p50Us' | 'p99Us'): Cell =>
    cell(median(reports.map(report => report[key])) / 1000)
  return [
    attack.name,
    ms(quiet, 'p50Us'),
    ms(attacked, 'p50Us'),
    ms(quiet, 'p99Us'),
    ms(attacked, 'p99Us'),
    cell(p99Ratio(outcome)),
    attack.endsGateway ? '–' : last.closed,
    last.errorCount + last.silent,
    Object.entries(last.missed)
      .map(([reason, ticks]) => `${reason} ${ticks}`)
      .join(', ') || 'none',
    Math.round(rssBytesBefore / 2 ** 20),
    exit === undefined ? Math.round(rssBytesAfter / 2 ** 20) : '–',
    exit === undefined ? Math.round(rssBytesMax / 2 ** 20) : '–',
    exit === undefined ? 'none' : String(exit),
    faults.length === 0 ? 'held' : 'FAILED',
  ]
}

function cell(value: number): Cell {
  return Number.isFinite(value) ? rounded(value) : '–'
}

function tableOf(rows: Cell[][]): Table {
  return {
    title: 'attacks',
    columns: [
      'attack',
      'p50 ms quiet',
      'attacked',
      'p99 ms quiet',
      'attacked',
      'ratio',
      'clients cut',
      'wrong',
      'ticks told missing',
      'RSS MiB before',
      'after',
      'most',
      'exit',
      'verdict',
    ],
    rows,
    notes: [
      'Delays are those of the live clients: from the feed’s stamp to the client; medians of the rounds. Wrong: messages that a live client',
      'found wrong, and ticks that none told missing. Missing ticks: told to all live clients together.',
    ],
  }
}

exitOnSignals()
await main()
