/**
 * `npm run bench [-- names…] [-- --small]`: runs the benchmarks, prints their tables, writes bench/results/.
 * The only file here that touches argv and exit.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type Benchmark, exitOnSignals, type Table, tableText } from './benchmark.js'
import { capacity } from './capacity.js'
import { codec } from './codec.js'
import { decode } from './decode.js'
import { encode } from './encode.js'
import { endToEnd } from './end-to-end.js'
import { frame } from './frame.js'
import { gather } from './gather.js'
import { history } from './history.js'
import { machine } from './machine.js'
import { poolSize } from './pool-size.js'
import { publish } from './publish.js'
import { publishThreads } from './publish-threads.js'
import { queueSize } from './queue-size.js'
import { relay } from './relay.js'

const BENCHMARKS: readonly Benchmark[] = [
  publish,
  publishThreads,
  decode,
  encode,
  codec,
  frame,
  gather,
  endToEnd,
  queueSize,
  poolSize,
  relay,
  history,
  capacity,
]
const RESULTS = fileURLToPath(new URL('../../bench/results/', import.meta.url))

const print = (text: string): unknown => process.stdout.write(`${text}\n`)

async function main(): Promise<void> {
  const words = process.argv.slice(2)
  const small = words.includes('--small')
  const names = words.filter(word => word !== '--small')
  const known = BENCHMARKS.map(({ name }) => name)
  const unknown = names.filter(name => !known.includes(name))
  if (unknown.length > 0) {
    process.stderr.write(`unknown: ${unknown.join(', ')}; there are ${known.join(', ')} and --small\n`)
    process.exitCode = 2
    return
  }
  const on = machine()
  print(`${on.cpu}, ${on.cores} cores, ${on.memoryGiB} GiB; Node ${on.node}; commit ${on.commit}\n`)
  for (const benchmark of BENCHMARKS) {
    if (names.length > 0 && !names.includes(benchmark.name)) continue
    const startedMs = performance.now()
    const tables = await benchmark.run({ small, tell: line => process.stderr.write(`${line}\n`) })
    for (const table of tables) print(`${tableText(table)}\n`)
    if (!small) write(benchmark.name, { ...on, tables, seconds: (performance.now() - startedMs) / 1000 })
  }
}

function write(name: string, result: { readonly tables: readonly Table[]; readonly seconds: number }): void {
  mkdirSync(RESULTS, { recursive: true })
  const at = new Date().toISOString().replaceAll(':', '-').slice(0, 19)
  writeFileSync(`${RESULTS}${name}-${at}.json`, `${JSON.stringify(result, null, 2)}\n`)
}

exitOnSignals()
await main()
