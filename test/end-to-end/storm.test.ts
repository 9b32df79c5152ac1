/**
 * The interplay: clients that change what they want all the time, stop reading, go away and resume, under load, while lanes die.
 * Whatever happens, every tick that a client is due reaches it once and in order, or it is told that it does not.
 */
import { afterEach, expect, it } from 'vitest'
import { Random } from '../../src/common/random.js'
import type { HandlerOptions } from '../../src/config/config.js'
import { extent } from '../support/extent.js'
import { FeedRecord } from '../support/feed-record.js'
import { AMPLE_WORK, FULL_SIZE, HandlerServer } from '../support/handler-server.js'
import { SdkStormClient } from '../support/sdk-storm-client.js'
import { stateOf } from '../support/status-model.js'
import { StormClient } from '../support/storm-client.js'
import { StormServer } from '../support/storm-server.js'
import { StreamModel } from '../support/stream-model.js'
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
/** Clients that use the library, where nothing ends one for good. */
const SDK_CLIENTS = extent(2, 6)
const TICKS_PER_STEP = 4
/** The feed goes down, or comes back. */
const TICKS_PER_STATE = 60
/** Ticks that those who read may be behind. */
const LEAD_MAX = 100
/** A storm in which something has not happened yet goes on for up to so many times its steps. */
const EXTENSION_MAX = 20

const MODEL_TOTALS = [
  'merged',
  'resumed',
  'resumedByCommand',
  'snapshots',
  'mergedSnapshots',
  'ticks',
] as const
const COUNTERS = ['laneRestarts', 'lapped', 'writesBlocked'] as const
type Happening = (typeof MODEL_TOTALS)[number] | (typeof COUNTERS)[number]

interface Storm {
  readonly steps: number
  /** How often what must have happened by the end: how often it does in so many steps depends on the machine. */
  readonly happens: Readonly<Partial<Record<Happening, number>>>
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

const DEATHS = ['throws-before-publish', 'exits', 'throws-in-decode', 'throws-after-publish']

let server: HandlerServer | undefined

afterEach(async () => {
  await server?.stop()
  server = undefined
})

const laneUrl = (name: string) => new URL(`../support/lanes/${name}.js`, import.meta.url).href

/** Pushes ticks and lets a client do something after every few, until enough has happened, and expects no silent error. */
async function rage(storm: Storm): Promise<void> {
  const { happens, laneFile, options, steps } = storm
  const wishes = { record: RECORD, entries: ENTRIES, everyChance: 0.6, intervalsMs: INTERVALS_MS, ...storm }
  const { record } = wishes
  const running = await HandlerServer.startOnUnixSocket(
    { ...FULL_SIZE, ...AMPLE_WORK, ...options },
    laneFile === undefined ? {} : { laneFile: laneUrl(laneFile) },
  )
  server = running
  const random = new Random(SEED)
  const servers = new StormServer(query => running.url(query), laneFile !== undefined)
  const clients = Array.from(
    { length: CLIENTS },
    () => new StormClient({ ...wishes, servers, model: new StreamModel(record), random }),
  )
  const models = clients.map(({ model }) => model)
  const sdkRandom = new Random(SEED + 1)
  const sdkClients = Array.from(
    { length: laneFile === undefined ? SDK_CLIENTS : 0 },
    () =>
      new SdkStormClient({
        ...wishes,
        random: sdkRandom,
        urlOf: query => running.url(query),
        placeOf: position => (position === undefined ? undefined : Number(position.split(':')[1])),
        startOf: () => 0,
      }),
  )
  const pacer = await TickClient.connect(running.url())
  const happened = (): Record<Happening, number> => {
    const { counters } = running.handler.getMetrics()
    const totals = MODEL_TOTALS.map(key => [key, models.reduce((sum, model) => sum + model[key], 0)] as const)
    return Object.fromEntries([...totals, ...COUNTERS.map(key => [key, counters[key]] as const)]) as never
  }
  const isOver = (offset: number) => {
    if (offset < steps * TICKS_PER_STEP) return false
    const counts = happened()
    return Object.entries(happens).every(([key, atLeast]) => counts[key as Happening] >= atLeast)
  }
  let offset = 0
  let states = 0
  while (offset < EXTENSION_MAX * steps * TICKS_PER_STEP) {
    offset++
    const make = record.kindAt(offset) === 'quote' ? quote : trade
    while (!running.handler.broadcastTick(make(record.symbolAt(offset), offset)))
      await new Promise(setImmediate)
    if (offset % TICKS_PER_STATE === 0) running.handler.setSourceState(stateOf(++states), String(states))
    if (offset % TICKS_PER_STEP === 0) {
      clients[random.below(CLIENTS)]!.step()
      sdkClients[sdkRandom.below(CLIENTS)]?.step()
    }
    if (offset % LEAD_MAX !== 0) continue
    await pacer.until(() => pacer.ticks.length + pacer.missed >= offset - LEAD_MAX)
    if (isOver(offset)) break
  }
  await pacer.until(() => pacer.ticks.length + pacer.missed === offset)
  for (const client of clients) await client.settle()
  for (const model of models) model.end(offset, states)
  for (const client of sdkClients) await client.settle(offset)
  for (const client of [...clients, ...sdkClients]) client.close()
  expect(
    [pacer, ...models, ...sdkClients].flatMap(({ silentErrors }) => silentErrors),
    `seed ${SEED}`,
  ).toEqual([])
  const sdkTicks = sdkClients.flatMap(client => client.models).reduce((sum, { ticks }) => sum + ticks, 0)
  if (sdkClients.length > 0) expect(sdkTicks).toBeGreaterThan(0)
  const counts = happened()
  for (const [key, atLeast] of Object.entries(happens))
    expect(counts[key as Happening], key).toBeGreaterThanOrEqual(atLeast)
}

it('has no silent error while clients change, pause, leave and resume', async () => {
  const steps = extent(600, 3000)
  const happens = {
    ticks: 3 * steps,
    merged: steps / 3,
    resumed: steps / 150,
    resumedByCommand: steps / 30,
    snapshots: steps / 30,
    mergedSnapshots: steps / 150,
  }
  await rage({ steps, happens, options: { poolSize: 2 }, resumeChance: 0.2 })
})

it.each(extent(['exits'], DEATHS))(
  'has no silent error while lanes die in the midst of that: %s',
  async laneFile => {
    const steps = extent(300, 750)
    const happens = { laneRestarts: 1, resumed: 1, resumedByCommand: steps / 60 }
    await rage({ steps, happens, options: { poolSize: 2 }, laneFile, resumeChance: 0.2 })
  },
)

it('has no silent error while lanes die in the midst of snapshots', async () => {
  const steps = extent(300, 750)
  await rage({
    steps,
    happens: { laneRestarts: 2, mergedSnapshots: steps / 150 },
    options: { poolSize: 2, turnBytesMax: 4096 },
    laneFile: 'exits-in-snapshot',
    resumeChance: 0.2,
    record: new FeedRecord(MANY),
    entries: [...MANY.slice(0, 4), '*', 'A*', 'B*', 'AA*', 'AB*', 'BA*'],
    everyChance: 0.3,
  })
})

it.each(extent(['exits'], [undefined, 'exits']))(
  'has no silent error where those who do not read fall out of tiny rings, with lanes: %s',
  async laneFile => {
    const options = { poolSize: 3, frameRingBytes: 256 * 1024, turnBytesMax: 4096, tickLogBytes: 1 << 18 }
    const steps = extent(800, 4000)
    const happens = { lapped: 1, writesBlocked: steps / 200, mergedSnapshots: steps / 400 }
    await rage({ steps, happens, options, laneFile, resumeChance: 0.01 })
  },
)

it.each(extent(['exits'], [undefined, 'exits']))(
  'has no silent error where those who come and go share what the others wait for, with lanes: %s',
  async laneFile => {
    const few = { entries: ['*', 'A*'], everyChance: 0.05, intervalsMs: [20] }
    const steps = extent(600, 3000)
    const happens = { merged: steps / 30 }
    await rage({ steps, happens, options: { poolSize: 1 }, laneFile, resumeChance: 0.2, ...few })
  },
)
