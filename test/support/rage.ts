/**
 * A storm in one process: clients change what they want, stop reading, go away and resume under load. What else goes wrong is the test's.
 */
import { expect } from 'vitest'
import { Random } from '../../src/common/random.js'
import type { HandlerOptions } from '../../src/config/config.js'
import { extent } from './extent.js'
import { FeedRecord } from './feed-record.js'
import { AMPLE_WORK, FULL_SIZE, HandlerServer } from './handler-server.js'
import { SdkStormClient } from './sdk-storm-client.js'
import { stateOf } from './status-model.js'
import { StormClient } from './storm-client.js'
import { StormServer } from './storm-server.js'
import { StreamModel } from './stream-model.js'
import { TickClient } from './tick-client.js'
import { quote, trade } from './ticks.js'

/** Long names: a socket is full after fewer ticks. */
const SYMBOLS = ['AAA', 'AAB', 'ABA', 'ABB', 'BAA', 'BAB', 'BBA', 'BBB'].map(name => name.padEnd(64, '-'))
const ENTRIES = [...SYMBOLS, 'A*', 'AA*', 'AB*', 'B*', 'BB*', '*']
const INTERVALS_MS = [0, 1, 5]
const RECORD = new FeedRecord(SYMBOLS)
/** So many that the latest of all take several messages where a turn has room for several commands of a client. */
export const MANY = Array.from({ length: 32 }, (_, index) =>
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
export type Happening = (typeof MODEL_TOTALS)[number] | (typeof COUNTERS)[number]

export interface Storm {
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
  /** Whether clients of the library take part. They begin with the stream, and a lane that dies in a command ends them. */
  readonly hasSdkClients?: boolean
  /** Begins what goes wrong beside the clients. @returns whether the storm must go on for it */
  readonly begin?: (server: HandlerServer, random: Random) => () => boolean
  /** Where an earlier storm of the same server has ended. Default: there was none. */
  readonly after?: Pick<RageResult, 'offset' | 'states'>
}

export interface RageResult {
  readonly happened: Readonly<Record<Happening, number>>
  /** Of the last tick. */
  readonly offset: number
  /** States of the feed that were told. */
  readonly states: number
}

const laneUrl = (name: string) => new URL(`./lanes/${name}.js`, import.meta.url).href

/** Pushes ticks and lets a client do something after every few, until enough has happened, and expects no silent error. */
export async function rage(storm: Storm): Promise<RageResult> {
  const { laneFile, options } = storm
  const server = await HandlerServer.startOnUnixSocket(
    { ...FULL_SIZE, ...AMPLE_WORK, ...options },
    laneFile === undefined ? {} : { laneFile: laneUrl(laneFile) },
  )
  try {
    return await rageOn(server, storm)
  } finally {
    await server.stop()
  }
}

/** A storm of a server that is there. In the end its clients have left. */
export async function rageOn(running: HandlerServer, storm: Storm): Promise<RageResult> {
  const { after: start = { offset: 0, states: 0 }, happens, laneFile, steps } = storm
  const wishes = { record: RECORD, entries: ENTRIES, everyChance: 0.6, intervalsMs: INTERVALS_MS, ...storm }
  const { record } = wishes
  const random = new Random(SEED)
  const servers = new StormServer(
    query => running.url(query),
    laneFile !== undefined || storm.begin !== undefined,
  )
  const clients = Array.from(
    { length: CLIENTS },
    () => new StormClient({ ...wishes, servers, model: new StreamModel(record), random }),
  )
  const models = clients.map(({ model }) => model)
  const sdkRandom = new Random(SEED + 1)
  const { hasSdkClients = false } = storm
  const sdkClients = Array.from(
    { length: hasSdkClients ? SDK_CLIENTS : 0 },
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
  const reached = () => start.offset + pacer.ticks.length + pacer.missed
  const mustGoOn = storm.begin?.(running, random)
  const isOver = (offset: number) => {
    if (offset < start.offset + steps * TICKS_PER_STEP || mustGoOn?.() === true) return false
    const counts = happened()
    return Object.entries(happens).every(([key, atLeast]) => counts[key as Happening] >= atLeast)
  }
  let { offset, states } = start
  while (offset < start.offset + EXTENSION_MAX * steps * TICKS_PER_STEP) {
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
    await pacer.until(() => reached() >= offset - LEAD_MAX)
    if (isOver(offset)) break
  }
  await pacer.until(() => reached() === offset)
  for (const client of clients) await client.settle()
  for (const model of models) model.end(offset, states)
  for (const client of sdkClients) await client.settle(offset)
  for (const client of [...clients, ...sdkClients]) client.close()
  await pacer.close()
  expect(
    [pacer, ...models, ...sdkClients].flatMap(({ silentErrors }) => silentErrors),
    `seed ${SEED}`,
  ).toEqual([])
  const sdkTicks = sdkClients.flatMap(client => client.models).reduce((sum, { ticks }) => sum + ticks, 0)
  if (hasSdkClients) expect(sdkTicks).toBeGreaterThan(0)
  const counts = happened()
  for (const [key, atLeast] of Object.entries(happens))
    expect(counts[key as Happening], key).toBeGreaterThanOrEqual(atLeast)
  return { happened: counts, offset, states }
}
