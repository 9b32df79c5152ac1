/**
 * The interplay: clients that change what they want all the time, stop reading, go away and resume, under load, while lanes die.
 * Whatever happens, every tick that a client is due reaches it once and in order, or it is told that it does not.
 */
import { afterEach, expect, it } from 'vitest'
import { Random } from '../../src/common/random.js'
import type { HandlerOptions } from '../../src/config/config.js'
import { extent } from '../support/extent.js'
import { FULL_SIZE, HandlerServer } from '../support/handler-server.js'
import { StormClient } from '../support/storm-client.js'
import { FeedRecord } from '../support/stream-model.js'
import { TickClient } from '../support/tick-client.js'
import { quote, trade } from '../support/ticks.js'

/** Long names: a socket is full after fewer ticks. */
const SYMBOLS = ['AAA', 'AAB', 'ABA', 'ABB', 'BAA', 'BAB', 'BBA', 'BBB'].map(name => name.padEnd(64, '-'))
const ENTRIES = [...SYMBOLS, 'A*', 'AA*', 'AB*', 'B*', 'BB*', '*']
const INTERVALS_MS = [0, 1, 5]
const RECORD = new FeedRecord(SYMBOLS)
/** So many that the latest of all take several messages where a turn has room for several commands of a client. */
const MANY = Array.from({ length: 32 }, (_, index) =>
  index.toString(2).padStart(5, '0').replaceAll('0', 'A').replaceAll('1', 'B').padEnd(64, '-'),
)
const SEED = Number(process.env.RINGCAST_TEST_SEED ?? 20_261_124)
const CLIENTS = 12
const TICKS_PER_STEP = 4
/** Ticks that those who read may be behind. */
const LEAD_MAX = 100

interface Storm {
  readonly steps: number
  readonly options: Partial<HandlerOptions>
  readonly laneFile?: string | undefined
  /** Likelihood of a step to end a pause. */
  readonly resumeChance: number
  readonly record?: FeedRecord
  /** What the clients may ask for, and how. */
  readonly entries?: readonly string[]
  readonly everyChance?: number
  readonly intervalsMs?: readonly number[]
}

let server: HandlerServer | undefined

afterEach(async () => {
  await server?.stop()
  server = undefined
})

const laneFile = (name: string) => new URL(`../support/lanes/${name}.js`, import.meta.url).href

/** Pushes ticks and lets a client do something after every few. @returns what all clients saw together */
async function rage(storm: Storm) {
  const { laneFile: file, options, steps } = storm
  const wishes = { record: RECORD, entries: ENTRIES, everyChance: 0.6, intervalsMs: INTERVALS_MS, ...storm }
  const { record } = wishes
  const running = await HandlerServer.startOnUnixSocket(
    { ...FULL_SIZE, maxCommandsPerSecond: 100_000, ...options },
    file === undefined ? {} : { laneFile: laneFile(file) },
  )
  server = running
  const random = new Random(SEED)
  const urlOf = (query: string) => running.url(query)
  const clients = Array.from(
    { length: CLIENTS },
    () => new StormClient({ ...wishes, urlOf, lanesFail: file !== undefined, random }),
  )
  const pacer = await TickClient.connect(running.url())
  const ticks = steps * TICKS_PER_STEP
  for (let offset = 1; offset <= ticks; offset++) {
    const make = record.kindAt(offset) === 'quote' ? quote : trade
    while (!running.handler.broadcastTick(make(record.symbolAt(offset), offset)))
      await new Promise(setImmediate)
    if (offset % TICKS_PER_STEP === 0) clients[random.below(CLIENTS)]!.step()
    if (offset % LEAD_MAX === 0)
      await pacer.until(() => pacer.ticks.length + pacer.missed >= offset - LEAD_MAX)
  }
  await pacer.until(() => pacer.ticks.length + pacer.missed === ticks)
  for (const client of clients) await client.settle()
  for (const { model } of clients) model.end(ticks)
  const models = clients.map(({ model }) => model)
  const total = (field: 'gaps' | 'merged' | 'resumed' | 'snapshots' | 'snapshotsOfSeveral' | 'ticks') =>
    models.reduce((sum, model) => sum + model[field], 0)
  for (const client of clients) client.close()
  return {
    silentErrors: [pacer, ...models].flatMap(({ silentErrors }) => silentErrors),
    ticks: total('ticks'),
    gaps: total('gaps'),
    merged: total('merged'),
    resumed: total('resumed'),
    snapshots: total('snapshots'),
    snapshotsOfSeveral: total('snapshotsOfSeveral'),
    connections: clients.reduce((sum, { connections }) => sum + connections, 0),
    counters: running.handler.getMetrics().counters,
  }
}

it('has no silent error while clients change, pause, leave and resume', async () => {
  const steps = extent(600, 3000)
  const seen = await rage({ steps, options: { poolSize: 2 }, resumeChance: 0.2 })
  expect(seen.silentErrors, `seed ${SEED}`).toEqual([])
  expect(seen.ticks).toBeGreaterThan(3 * steps)
  expect(seen.merged).toBeGreaterThan(steps / 3)
  expect(seen.resumed).toBeGreaterThan(steps / 150)
  expect(seen.snapshots).toBeGreaterThan(steps / 30)
  expect(seen.snapshotsOfSeveral).toBeGreaterThan(steps / 150)
})

it.each(['throws-in-decode', 'throws-before-publish', 'throws-after-publish', 'exits'])(
  'has no silent error while lanes die in the midst of that: %s',
  async file => {
    const steps = extent(300, 750)
    const seen = await rage({ steps, options: { poolSize: 2 }, laneFile: file, resumeChance: 0.2 })
    expect(seen.silentErrors, `seed ${SEED}`).toEqual([])
    expect(seen.counters.laneRestarts).toBeGreaterThan(0)
    expect(seen.resumed).toBeGreaterThan(0)
  },
)

it('has no silent error while lanes die in the midst of snapshots', async () => {
  const steps = extent(300, 750)
  const seen = await rage({
    steps,
    options: { poolSize: 2, turnBytesMax: 4096 },
    laneFile: 'exits-in-snapshot',
    resumeChance: 0.2,
    record: new FeedRecord(MANY),
    entries: [...MANY.slice(0, 4), '*', 'A*', 'B*', 'AA*', 'AB*', 'BA*'],
    everyChance: 0.3,
  })
  expect(seen.silentErrors, `seed ${SEED}`).toEqual([])
  expect(seen.counters.laneRestarts).toBeGreaterThan(1)
  expect(seen.snapshotsOfSeveral).toBeGreaterThan(steps / 150)
})

it.each([undefined, 'exits'])(
  'has no silent error where those who do not read fall out of tiny rings, with lanes: %s',
  async file => {
    const tiny = { poolSize: 3, frameRingBytes: 256 * 1024, turnBytesMax: 4096, tickLogBytes: 1 << 18 }
    const steps = extent(1500, 4000)
    const seen = await rage({ steps, options: tiny, laneFile: file, resumeChance: 0.01 })
    expect(seen.silentErrors, `seed ${SEED}`).toEqual([])
    expect(seen.counters.lapped).toBeGreaterThan(0)
    expect(seen.counters.writesBlocked).toBeGreaterThan(steps / 200)
    expect(seen.snapshotsOfSeveral).toBeGreaterThan(steps / 400)
  },
)

it.each([undefined, 'exits'])(
  'has no silent error where those who come and go share what the others wait for, with lanes: %s',
  async file => {
    const few = { entries: ['*', 'A*'], everyChance: 0.05, intervalsMs: [20] }
    const options = { poolSize: 1 }
    const steps = extent(600, 3000)
    const seen = await rage({ steps, options, laneFile: file, resumeChance: 0.2, ...few })
    expect(seen.silentErrors, `seed ${SEED}`).toEqual([])
    expect(seen.merged).toBeGreaterThan(steps / 30)
  },
)
