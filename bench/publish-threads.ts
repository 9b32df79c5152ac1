/**
 * Question: how many ticks a second go through the tick log from one thread to another that reads them meanwhile?
 * Workload: one thread writes encoded ticks into a log of 1 MiB as fast as there is room. The other steps over every
 *   record and publishes its cursor. Baseline: `postMessage` to a worker that counts.
 * Leaves out: sleeping and waking, see lane-wake-up.ts. Both threads spin here, so the benchmark needs two free cores.
 */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { TICK } from '../src/memory/tick-log-layout.js'
import { tickLogBytes } from '../src/memory/tick-log-memory.js'
import { TickLogWriter } from '../src/memory/tick-log-writer.js'
import { type Benchmark, type BenchmarkOptions, median, rounded, type Table } from './benchmark.js'
import type { LogReaderData } from './threads/log-reader-thread.js'
import { type Ticks, ticksOfMarket } from './ticks.js'

export const publishThreads: Benchmark = { name: 'publish-threads', run }

const ROUNDS = 5

async function run(options: BenchmarkOptions): Promise<Table[]> {
  const ticks = await ticksOfMarket(1024)
  const rounds = options.small ? 1 : ROUNDS
  const logCount = options.small ? 10_000 : 1_000_000
  const postCount = options.small ? 1000 : 50_000
  const log: number[] = []
  const post: number[] = []
  for (let round = 0; round < rounds; round++) {
    log.push(await throughLog(ticks, logCount))
    post.push(await throughPort(ticks, postCount))
  }
  const row = (name: string, rates: readonly number[]): (string | number)[] => [
    name,
    Math.round(median(rates)),
    rounded(1e9 / median(rates)),
    rounded(median(rates) / median(post)),
  ]
  return [
    {
      title: 'publish-threads: ticks from one thread to another',
      columns: ['', 'ticks/s', 'ns each', 'times postMessage'],
      rows: [row('tick log', log), row('`postMessage`', post)],
      notes: [
        `Ticks: ${ticks.origin}, ${ticks.bytesMean} bytes each. Median of ${rounds} rounds, alternating.`,
      ],
    },
  ]
}

/** @returns ticks a second */
async function throughLog({ messages }: Ticks, count: number): Promise<number> {
  const log = new SharedArrayBuffer(tickLogBytes(1 << 20))
  const control = new SharedArrayBuffer(16)
  const words = new Int32Array(control)
  const workerData: LogReaderData = { log, control }
  const worker = new Worker(new URL('./threads/log-reader-thread.js', import.meta.url), { workerData })
  const ended = once(worker, 'exit')
  while (Atomics.load(words, 2) === 0) await new Promise(resolve => setImmediate(resolve))
  // Pairs with the store in log-reader-thread.ts.
  const writer = new TickLogWriter(log, () => Atomics.load(words, 0))
  let sum = 0
  const startMs = performance.now()
  for (let index = 0; index < count; index++) {
    const tick = messages[index % messages.length]!
    sum = (sum + tick[tick.length - 1]!) | 0
    while (!writer.tryAppend(TICK, 1, index + 1, index + 1, 0, tick, 0, tick.length));
  }
  while (!writer.tryAppend(TICK, 0, 0, 0, 0, new Uint8Array(0), 0, 0));
  while (Atomics.load(words, 0) !== writer.position);
  const seconds = (performance.now() - startMs) / 1000
  await ended
  if (Atomics.load(words, 1) !== sum) throw new Error('what was read is not what was published')
  return count / seconds
}

/** @returns ticks a second */
async function throughPort({ messages }: Ticks, count: number): Promise<number> {
  const shared = new SharedArrayBuffer(8)
  const counts = new Int32Array(shared)
  const worker = new Worker(new URL('./threads/sink-thread.js', import.meta.url), { workerData: shared })
  await once(worker, 'online')
  const startMs = performance.now()
  for (let index = 0; index < count; index++)
    worker.postMessage(Buffer.from(messages[index % messages.length]!))
  while (Atomics.load(counts, 0) !== count) await new Promise(resolve => setImmediate(resolve))
  const seconds = (performance.now() - startMs) / 1000
  await worker.terminate()
  return count / seconds
}
