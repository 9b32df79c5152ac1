/**
 * Question: how soon does a client that resumes from an hour ago get its first message, and what does that cost the live
 *   clients of the same gateway?
 * Workload: a server of NATS that holds 36 million ticks of 1,000 symbols; a gateway that reads 10,000 ticks a second; 100
 *   live clients of 20 symbols each. One more client resumes its 20 symbols from the first tick of the stream.
 * Leaves out: a relay and a feed; the network. The load and the live ticks come from one process, so their latency is the
 *   same before and during the resume.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { WebSocket } from 'ws'
import { systemClock } from '../src/common/clock.js'
import type { ServerMessage } from '../src/protocol/messages.js'
import { NatsServer, noNatsServer } from '../test/support/nats-server.js'
import { type Benchmark, type BenchmarkOptions, type Cell, rounded, type Table } from './benchmark.js'
import { EPOCH, SYMBOLS, symbolOf, WrittenStream } from './history/written-stream.js'
import { Child } from './processes/child.js'
import { Samples } from './processes/samples.js'
import { AMPLE_BUDGETS } from './processes/session.js'

export const history: Benchmark = { name: 'history', run }

const TICKS = 36_000_000
const TICKS_PER_SECOND = 10_000
const LIVE_CLIENTS = 100
const WITNESSES = 10
const SYMBOLS_PER_CLIENT = 20
const SECONDS = 15

interface Phase {
  readonly name: string
  readonly p50Ms: number
  readonly p99Ms: number
  /** Cores of the gateway, and of its main thread. */
  readonly cores: number
  readonly mainCores: number
}

/** What the client that resumes got. */
interface Resumed {
  firstMs: number
  ticks: number
  liveMs: number
}

async function run({ small, tell }: BenchmarkOptions): Promise<Table[]> {
  const title = 'history: a client resumes from an hour ago, beside live clients'
  if (noNatsServer !== undefined) return [{ title, columns: [], rows: [], notes: [noNatsServer] }]
  const ticks = small ? 64_000 : TICKS
  const seconds = small ? 0.5 : SECONDS
  const nats = new NatsServer()
  let gateway: Child | undefined
  const sockets: WebSocket[] = []
  try {
    await nats.start()
    const stream = await WrittenStream.create(nats.url)
    tell(`history: writing ${ticks} ticks`)
    await stream.fill(ticks)
    gateway = new Child('../src/main.js', ARGS(nats.url), { options: ['--max-semi-space-size=4'] })
    // With the schema of the stream, the gateway lets clients in.
    await gateway.told('feed')
    const url = await gateway.told('webSocketUrl')
    const latencies = new Samples()
    for (let client = 0; client < LIVE_CLIENTS; client++)
      sockets.push(await liveClient(url, client, client < WITNESSES ? latencies : undefined))
    stream.goLive(TICKS_PER_SECOND)
    const phases: Phase[] = []
    const measure = async (name: string, until: Promise<unknown>): Promise<void> => {
      tell(`history: ${name}`)
      phases.push(await phase(name, gateway!, latencies, until))
    }
    await sleep(small ? 200 : 3_000)
    await measure('before', sleep(seconds * 1000))
    const { done, resumed, socket } = resume(url)
    sockets.push(socket)
    await measure('during', done)
    await measure('after', sleep(seconds * 1000))
    await stream.stop()
    const rows = phases.map(({ cores, mainCores, name, p50Ms, p99Ms }): Cell[] => [
      name,
      rounded(p50Ms),
      rounded(p99Ms),
      rounded(cores),
      rounded(mainCores),
    ])
    return [
      {
        title,
        columns: ['phase', 'p50 ms', 'p99 ms', 'cores', 'of these, main thread'],
        rows,
        notes: [
          `The first message came after ${rounded(resumed.firstMs)} ms, the last old tick of ${resumed.ticks.toLocaleString('en')} after ${rounded(resumed.liveMs / 1000)} s; ${ticks.toLocaleString('en')} ticks were read for that.`,
        ],
      },
    ]
  } finally {
    for (const socket of sockets) socket.terminate()
    await gateway?.stop()
    await nats.stop()
  }
}

const ARGS = (url: string): string[] => [
  '--host=127.0.0.1',
  '--port=0',
  '--admin-port=0',
  `--nats=${url}`,
  '--nats-stream=bench',
  '--pool-size=1',
  ...AMPLE_BUDGETS,
]

const symbolsOf = (client: number): string =>
  Array.from({ length: SYMBOLS_PER_CLIENT }, (_, index) =>
    symbolOf(client * 7 + (index * SYMBOLS) / SYMBOLS_PER_CLIENT),
  ).join(',')

/** @param latencies of a witness, from the making of a tick to its receipt, ms */
async function liveClient(url: string, client: number, latencies: Samples | undefined): Promise<WebSocket> {
  const socket = new WebSocket(`${url}?symbols=${symbolsOf(client)}&snapshot=false`)
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
  if (latencies === undefined) return socket
  socket.on('message', data => {
    const nowUs = systemClock.epochUs()
    const message = JSON.parse(String(data)) as ServerMessage
    if (message.type === 'gap' && message.missed !== 0)
      throw new Error(`a live client has a gap: ${String(data)}`)
    if (message.type !== 'ticks') return
    for (const { time } of message.ticks) latencies.push((nowUs - Number(time)) / 1000)
  })
  return socket
}

function resume(url: string): { done: Promise<void>; resumed: Resumed; socket: WebSocket } {
  const startMs = performance.now()
  const resumed: Resumed = { firstMs: 0, ticks: 0, liveMs: 0 }
  const socket = new WebSocket(`${url}?symbols=${symbolsOf(0)}&resume=${EPOCH}:0`)
  const done = new Promise<void>((resolve, reject) => {
    socket.on('error', reject)
    socket.on('message', (data: Buffer) => {
      const head = data.subarray(0, 24).toString()
      if (head.startsWith('{"type":"ticks"')) {
        if (resumed.firstMs === 0) resumed.firstMs = performance.now() - startMs
        return
      }
      const message = JSON.parse(data.toString()) as ServerMessage
      if (message.type === 'gap') reject(new Error(`the resume has a gap: ${data.toString()}`))
      if (message.type !== 'live') return
      resumed.liveMs = performance.now() - startMs
      resumed.ticks = message.replayed.ticks
      resolve()
    })
  })
  return { done, resumed, socket }
}

async function phase(
  name: string,
  gateway: Child,
  latencies: Samples,
  until: Promise<unknown>,
): Promise<Phase> {
  latencies.clear()
  const before = gateway.usage()
  const startMs = performance.now()
  await until
  const after = gateway.usage()
  const us = (performance.now() - startMs) * 1000
  const [p50Ms, p99Ms] = Samples.quantiles([latencies], [0.5, 0.99])
  return {
    name,
    p50Ms: p50Ms!,
    p99Ms: p99Ms!,
    cores: (after.cpuUs - before.cpuUs) / us,
    mainCores: (after.mainThreadUs - before.mainThreadUs) / us,
  }
}
