/**
 * Threads that are killed, hang or take too much memory, under load: clients get every tick once, or are told.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { type Log, silentLog } from '../../src/common/log.js'
import { parseConfig } from '../../src/config/config.js'
import { extent } from '../support/extent.js'
import { figure } from '../support/figure.js'
import { FULL_SIZE, HandlerServer } from '../support/handler-server.js'
import { LaneKiller } from '../support/lane-killer.js'
import type { PausableRequest } from '../support/pausable-process.js'
import { rage } from '../support/rage.js'
import { TickClient } from '../support/tick-client.js'
import { quote, sequences } from '../support/ticks.js'

const lane = (name: string) => new URL(`../support/lanes/${name}.js`, import.meta.url).href
const PROCESS_FILE = fileURLToPath(new URL('../support/pausable-process.js', import.meta.url))
/** The least, in `npm test`, too. */
const KILLS = 200

let server: HandlerServer | undefined
let child: ChildProcess | undefined
let killer: LaneKiller | undefined

afterEach(async () => {
  killer?.stop()
  killer = undefined
  await server?.stop()
  server = undefined
  if (child?.kill('SIGKILL')) await once(child, 'exit')
  child = undefined
})

it('lanes that are killed 200 times, at random moments of a storm, lose nothing silently', async () => {
  killer = new LaneKiller()
  const { happened, offset } = await rage({
    steps: extent(500, 2000),
    happens: { laneRestarts: KILLS, resumed: 5, merged: 100 },
    options: { poolSize: 2 },
    resumeChance: 0.2,
    begin: (_, random) => {
      let isDone = false
      killer!.begin(KILLS, random, () => {
        isDone = true
      })
      return () => !isDone
    },
  })
  figure(`${happened.laneRestarts} killed, ${offset} ticks, ${happened.resumed} resumes`)
}, 120_000)

/** Pushes ticks of one symbol, as many as the queue takes, and waits until the client has all. */
async function pushAll(running: HandlerServer, client: TickClient, ticks: number): Promise<void> {
  for (let sequence = 1; sequence <= ticks; sequence++) {
    while (!running.handler.broadcastTick(quote('A', sequence))) await new Promise(setImmediate)
    if (sequence % 20 === 0) await client.until(() => client.ticks.length >= sequence - 60)
  }
  await client.until(() => client.ticks.length >= ticks)
}

function expectWhole(client: TickClient, ticks: number): void {
  expect(client.ticks.map(({ sequence }) => sequence)).toEqual(sequences(1, ticks))
  expect([client.silentErrors, client.gaps, client.closed]).toEqual([[], [], undefined])
}

it('a lane that hangs has a successor within two seconds, and a bit for the start of its thread', async () => {
  let hangsSinceMs: number | undefined
  let tookMs = Number.POSITIVE_INFINITY
  const log: Log = {
    ...silentLog,
    info: (_, message) => {
      if (message.startsWith('the lane has a successor')) tookMs = performance.now() - hangsSinceMs!
    },
  }
  const parsed = parseConfig({ env: {}, argv: [], availableParallelism: 2 })
  if (!('config' in parsed)) throw new Error('the defaults are no config')
  const { laneHangTimeoutMs } = parsed.config
  server = await HandlerServer.start({ ...FULL_SIZE, laneHangTimeoutMs }, { laneFile: lane('hangs'), log })
  const client = await TickClient.connect(server.url())
  client.onMessage = () => {
    // What came last before the lane hung.
    if (tookMs === Number.POSITIVE_INFINITY) hangsSinceMs = performance.now()
  }
  await pushAll(server, client, 500)
  expectWhole(client, 500)
  expect(laneHangTimeoutMs).toBeLessThanOrEqual(1500)
  // Beside the timeout it is the start of a thread, which takes long on a busy machine.
  expect(tookMs).toBeLessThan(10_000)
  figure(`replaced after ${Math.round(tookMs)} ms`)
})

it('a lane that dies five times at once is replaced later and later, and loses nothing', async () => {
  const endsMs: number[] = []
  const startsMs: number[] = []
  const log: Log = {
    ...silentLog,
    error: () => void endsMs.push(performance.now()),
    info: (_, message) => {
      if (message.startsWith('the lane has a successor')) startsMs.push(performance.now())
    },
  }
  server = await HandlerServer.start(FULL_SIZE, { laneFile: lane('exits-often'), log })
  const client = await TickClient.connect(server.url())
  await pushAll(server, client, 2_000)
  expectWhole(client, 2_000)
  const delaysMs = startsMs.map((startMs, death) => Math.round(startMs - endsMs[death]!))
  expect(delaysMs).toHaveLength(5)
  expect(delaysMs[3]).toBeGreaterThanOrEqual(49)
  expect(delaysMs[4]).toBeGreaterThanOrEqual(99)
  figure(`successors after ${delaysMs.join(', ')} ms`)
})

describe('a lane that', () => {
  async function ask(request: PausableRequest): Promise<unknown> {
    child!.send(request)
    const [{ answer, error }] = (await once(child!, 'message')) as [{ answer?: unknown; error?: string }]
    if (error !== undefined) throw new Error(error)
    return answer
  }

  it.each([
    ['takes all of its heap', 'fills-heap', ['--max-old-space-size=48']],
    ['keeps more and more memory outside of its heap', 'takes-memory', []],
  ])('%s dies alone, and loses nothing', async (_, laneFile, execArgv) => {
    child = fork(PROCESS_FILE, { execArgv, stdio: ['ignore', 'ignore', 'ignore', 'ipc'] })
    const port = Number(await ask({ type: 'start', options: FULL_SIZE, laneFile: lane(laneFile) }))
    const client = await TickClient.connect(`ws://127.0.0.1:${port}/ws/ticks`)
    await ask({ type: 'feed' })
    const restarts = async () => ((await ask({ type: 'counters' })) as { laneRestarts: number }).laneRestarts
    while ((await restarts()) === 0);
    const { length } = client.ticks
    await client.until(() => client.ticks.length >= length + 200)
    const got = client.ticks.map(({ sequence }) => sequence)
    expect(got).toEqual(sequences(Number(got[0]), Number(got[0]) + got.length - 1))
    expect([client.silentErrors, client.gaps, client.closed]).toEqual([[], [], undefined])
    const rssMiB = Math.round(Number(await ask({ type: 'rss' })) / 2 ** 20)
    expect(await restarts()).toBe(1)
    figure(`1 restart, then ${rssMiB} MiB`)
    client.socket.terminate()
  })
})
