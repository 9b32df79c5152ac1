/**
 * Question: what does it cost the thread that receives ticks to hand one tick to a worker thread?
 * Workload: encoded ticks are appended to the tick log, one after another. Baselines: `postMessage` of a copy, and a
 *   Piscina task for each tick. For the baselines, the sender's own time, and the time until the worker has taken every
 *   tick.
 * Leaves out: the worker's work on a tick, and the gRPC stream that brings the tick. The log is never full here.
 */
import { Worker } from 'node:worker_threads'
import { Piscina } from 'piscina'
import { systemClock } from '../src/common/clock.js'
import { Ingest } from '../src/ingest/ingest.js'
import { LaneHandle } from '../src/lanes/lane-handle.js'
import { COMMITTED_CURSOR, COMMITTED_SERIAL, CONTROL_BYTES } from '../src/memory/control-words.js'
import { CounterWriter, counterBlockBytes } from '../src/memory/counters.js'
import { laneLayout } from '../src/memory/lane-layout.js'
import { TICK } from '../src/memory/tick-log-layout.js'
import { tickLogBytes } from '../src/memory/tick-log-memory.js'
import { TickLogReader } from '../src/memory/tick-log-reader.js'
import { TickLogWriter } from '../src/memory/tick-log-writer.js'
import { MAIN_SLOT_COUNT } from '../src/metrics/metric-table.js'
import { marketCodec } from '../src/ticks/market-codec.js'
import type { Benchmark, BenchmarkOptions, Table } from './benchmark.js'
import { figuresTable, type MicroTask, measure } from './micro.js'
import { type Ticks, tickBatch, ticksOfMarket } from './ticks.js'

const LOG_BYTES = 64 << 20
/** Figures of other benchmarks, printed for comparison. The measurement does not use them. */
const REFERENCES = [
  'Users come from a pool of workers in Go, where submitting a job takes 131.8 ns. The goal is to beat that, near 30 ns.',
]

export const publish: Benchmark = { name: 'publish', run }

async function run(options: BenchmarkOptions): Promise<Table[]> {
  const ticks = await ticksOfMarket(1024)
  const count = options.small ? 64 : 1024
  const worker = sinkWorker()
  const pool = new Piscina({
    filename: new URL('./threads/piscina-task.js', import.meta.url).href,
    minThreads: 1,
    maxThreads: 1,
  })
  try {
    const figures = await measure(
      [
        intoTheLog(ticks, count),
        asOneMessage(ticks, count),
        asBatches(ticks, count),
        ...worker.tasks(ticks, count),
        ...piscinaTasks(pool, ticks, count),
      ],
      options,
    )
    return [
      figuresTable('publish: one tick to a worker thread', figures, [
        ...REFERENCES,
        `Ticks: ${ticks.origin}, ${ticks.bytesMean} bytes each in the mean.`,
      ]),
    ]
  } finally {
    await worker.stop()
    await pool.destroy()
  }
}

function intoTheLog({ messages }: Ticks, count: number): MicroTask {
  const log = new SharedArrayBuffer(tickLogBytes(LOG_BYTES))
  // As if the slowest lane had read the whole log.
  const writer = new TickLogWriter(log, () => writer.position)
  let serial = 0
  const publishAll = (): void => {
    for (let index = 0; index < count; index++) {
      const tick = messages[index]!
      if (!writer.tryAppend(TICK, 1, ++serial, serial, serial, tick, 0, tick.length)) throw new Error('full')
    }
  }
  const first = writer.position
  publishAll()
  expectRead(new TickLogReader(log, first), messages.slice(0, count))
  return { name: 'tick log: `tryAppend`', operations: count, run: publishAll }
}

function expectRead(reader: TickLogReader, messages: readonly Buffer[]): void {
  for (const message of messages) {
    const isRead = reader.next()
    const { bytes, payloadStart, payloadLength } = reader
    if (!isRead || message.compare(bytes, payloadStart, payloadStart + payloadLength) !== 0)
      throw new Error('what was read is not what was published')
  }
}

/** Everything that the gateway does for a message of one tick: arrival time, offset, counters, bounds, wake-up. */
function asOneMessage({ messages }: Ticks, count: number): MicroTask {
  const { intake, catchUp } = gatewayIntake()
  return {
    name: 'gateway: a message for each tick',
    operations: count,
    run: () => {
      for (let index = 0; index < count; index++) intake.push(messages[index]!, 'tick')
      catchUp()
    },
  }
}

function asBatches({ messages }: Ticks, count: number): MicroTask {
  const { intake, catchUp } = gatewayIntake()
  const batches: Buffer[] = []
  for (let start = 0; start < count; start += 64) batches.push(tickBatch(messages.slice(start, start + 64)))
  return {
    name: 'gateway: a message for 64 ticks',
    operations: count,
    run: () => {
      for (const batch of batches) intake.push(batch, 'batch')
      catchUp()
    },
  }
}

/** An ingest with one lane, which is awake. `catchUp` sets the lane's cursor. */
function gatewayIntake(): { intake: Ingest; catchUp: () => void } {
  const handle = new LaneHandle(0, laneLayout(1 << 20, 4096, 4096), 4096, () => {})
  const control = new Int32Array(handle.memory, 0, CONTROL_BYTES / 4)
  const log = new SharedArrayBuffer(tickLogBytes(LOG_BYTES))
  const reader = new TickLogReader(log, 0)
  const counters = new CounterWriter(
    new BigInt64Array(new SharedArrayBuffer(counterBlockBytes(MAIN_SLOT_COUNT))),
  )
  const intake = new Ingest({
    tickLog: log,
    lanes: [handle],
    queueSize: 1 << 20,
    codec: marketCodec,
    positions: { tellLosses: true, areRepeated: false },
    epochName: 'bench',
    positionWatch: { broken() {} },
    streamMoved() {},
    clock: systemClock,
    counters,
  })
  return {
    intake,
    catchUp() {
      while (reader.next());
      control[COMMITTED_CURSOR] = reader.position
      control[COMMITTED_SERIAL] = intake.numbering.serial | 0
    },
  }
}

function sinkWorker(): { tasks(ticks: Ticks, count: number): MicroTask[]; stop(): Promise<unknown> } {
  const shared = new SharedArrayBuffer(8)
  const counts = new Int32Array(shared)
  const worker = new Worker(new URL('./threads/sink-thread.js', import.meta.url), { workerData: shared })
  let posted = 0
  const post = ({ messages }: Ticks, count: number): void => {
    for (let index = 0; index < count; index++) worker.postMessage(Buffer.from(messages[index]!))
    posted = (posted + count) | 0
  }
  const drained = async (): Promise<void> => {
    // Pairs with the store in sink-thread.ts.
    while (Atomics.load(counts, 0) !== posted) await new Promise(resolve => setImmediate(resolve))
  }
  return {
    tasks: (ticks, count) => [
      {
        name: '`postMessage`: the sender',
        operations: count,
        run: () => onlyFirst(() => post(ticks, count), drained),
      },
      {
        name: '`postMessage`: until received',
        operations: count,
        run: async () => {
          post(ticks, count)
          await drained()
        },
      },
    ],
    stop: () => worker.terminate(),
  }
}

function piscinaTasks(pool: Piscina, { messages }: Ticks, count: number): MicroTask[] {
  let running: Promise<unknown>[] = []
  const submit = (): void => {
    running = []
    for (let index = 0; index < count; index++) running.push(pool.run(messages[index]!))
  }
  const done = (): Promise<unknown> => Promise.all(running)
  return [
    { name: 'Piscina task: the sender', operations: count, run: () => onlyFirst(submit, done) },
    {
      name: 'Piscina task: until done',
      operations: count,
      run: async () => {
        submit()
        await done()
      },
    },
  ]
}

/** Runs both, and counts the time of the first only. */
async function onlyFirst(
  work: () => void,
  after: () => Promise<unknown>,
): Promise<{ overriddenDuration: number }> {
  const start = performance.now()
  work()
  const overriddenDuration = performance.now() - start
  await after()
  return { overriddenDuration }
}
