/**
 * `npm run bench:fanout [-- workloads …] [-- options]`: Ringcast beside its peers, from a gRPC feed to WebSocket
 * clients. Prints tables, writes them with every run and a plot to bench/results/. The only file here that touches argv
 * and exit.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { exitOnSignals, type Table, tableText } from '../benchmark.js'
import { machine } from '../machine.js'
import { SERVER_KINDS } from '../processes/server-kinds.js'
import { type FanoutArguments, parseArguments, USAGE } from './arguments.js'
import { type Chart, svgText } from './plot.js'
import { ProgressLine } from './progress.js'
import type { FanoutOptions, Workload, WorkloadResult } from './workload.js'
import { changes } from './workloads/changes.js'
import { compressed, compressedSingle } from './workloads/compressed.js'
import { conflated } from './workloads/conflated.js'
import { entitlements } from './workloads/entitlements.js'
import { firehose } from './workloads/firehose.js'
import { growth } from './workloads/growth.js'
import { idle } from './workloads/idle.js'
import { ingest } from './workloads/ingest.js'
import { latest } from './workloads/latest.js'
import { observedFirehose, observedPaced } from './workloads/observed.js'
import { paced, pacedGathering } from './workloads/paced.js'
import { portfolio } from './workloads/portfolio.js'
import { scaling } from './workloads/scaling.js'
import { stalled } from './workloads/stalled.js'
import { subscriptions } from './workloads/subscriptions.js'
import { tls } from './workloads/tls.js'

const WORKLOADS: readonly Workload[] = [
  paced,
  pacedGathering,
  firehose,
  portfolio,
  conflated,
  compressed,
  compressedSingle,
  stalled,
  idle,
  ingest,
  scaling,
  subscriptions,
  entitlements,
  changes,
  latest,
  growth,
  tls,
  observedPaced,
  observedFirehose,
]
const RESULTS = fileURLToPath(new URL('../../../bench/results/', import.meta.url))

const print = (text: string): unknown => process.stdout.write(`${text}\n`)

function parse(): FanoutArguments | undefined {
  try {
    return parseArguments(process.argv.slice(2), {
      workloads: WORKLOADS.map(({ name }) => name),
      servers: SERVER_KINDS.map(({ name }) => name),
    })
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${USAGE}`)
    process.exitCode = 2
    return undefined
  }
}

async function main(): Promise<void> {
  const asked = parse()
  if (asked === undefined) return
  const { small, runs, seconds, servers } = asked
  const on = machine()
  print(
    `${on.cpu}, ${on.cores} cores, ${on.memoryGiB} GiB; Node ${on.node}; commit ${on.commit}; ${runs} runs of ${seconds} s in turns\n`,
  )
  const options: FanoutOptions = {
    small,
    runs,
    seconds,
    servers,
    profileFolder: asked.profile ? `${RESULTS}profiles` : undefined,
    progress: new ProgressLine(process.stderr),
  }
  const results: Record<string, WorkloadResult> = {}
  for (const workload of WORKLOADS) {
    if (!asked.workloads.includes(workload.name)) continue
    const result = await workload.run(options)
    for (const table of result.tables) print(`${tableText(table)}\n`)
    if (result.isFaulty) process.exitCode = 1
    results[workload.name] = result
  }
  if (!small) write({ ...on, runs, seconds }, results)
}

function write(about: object, results: Readonly<Record<string, WorkloadResult>>): void {
  mkdirSync(RESULTS, { recursive: true })
  const name = `${RESULTS}fanout-${new Date().toISOString().replaceAll(':', '-').slice(0, 19)}`
  const tables: Record<string, readonly Table[]> = {}
  const runs: Record<string, WorkloadResult['runs']> = {}
  const charts: Chart[] = []
  for (const [workload, result] of Object.entries(results)) {
    tables[workload] = result.tables
    runs[workload] = result.runs
    charts.push(...result.charts)
  }
  writeFileSync(`${name}.json`, `${JSON.stringify({ ...about, tables, each: runs }, null, 2)}\n`)
  writeFileSync(`${name}.svg`, svgText(charts))
  print(`written: ${name}.json and ${name}.svg`)
}

exitOnSignals()
await main()
