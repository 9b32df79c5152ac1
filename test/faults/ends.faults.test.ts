/**
 * How a process ends, and how long it lives: signals at any time, and storms one after the other.
 */
import { setTimeout } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, expect, it } from 'vitest'
import { Audience } from '../../src/fanout/audience.js'
import { AudienceCursor } from '../../src/fanout/audience-cursor.js'
import { Recipient } from '../../src/fanout/recipient.js'
import { extent } from '../support/extent.js'
import { figure } from '../support/figure.js'
import { AMPLE_WORK, HandlerServer } from '../support/handler-server.js'
import { LaneKiller } from '../support/lane-killer.js'
import { living } from '../support/living.js'
import { type RageResult, rageOn } from '../support/rage.js'
import { Ringcast } from '../support/ringcast-process.js'
import { sequences } from '../support/ticks.js'

const started: Ringcast[] = []
let server: HandlerServer | undefined
let killer: LaneKiller | undefined

afterEach(async () => {
  killer?.stop()
  for (const process of started.splice(0)) await process.kill('SIGKILL')
  await server?.stop()
  server = undefined
})

it('a process that gets SIGTERM at any moment of its start ends, with 0 or by the signal', async () => {
  const ends: string[] = []
  const endAfter = async (wait: (ringcast: Ringcast) => Promise<unknown>): Promise<void> => {
    const ringcast = new Ringcast([])
    started.push(ringcast)
    await wait(ringcast)
    await ringcast.kill('SIGTERM')
    await ringcast.ended()
    const { code, signal } = ringcast.exit!
    ends.push(signal ?? String(code))
    expect(ringcast.lines.filter(({ level }) => level === 'error' || level === 'fatal')).toEqual([])
  }
  // Before Node has begun to run the command, the signal ends the process itself.
  for (const step of sequences(0, 5)) await endAfter(() => setTimeout(150 * step))
  expect(ends.every(end => end === '0' || end === 'SIGTERM')).toBe(true)
  // From the first line on, the process is asked to stop in the midst of its start.
  for (const waitMs of [0, 20, 50, 100, 200]) {
    await endAfter(async ringcast => {
      await ringcast.until(() => ringcast.lines.length > 0)
      await setTimeout(waitMs)
    })
  }
  await endAfter(acceptsClients)
  expect(ends.slice(6)).toEqual(Array.from({ length: 6 }, () => '0'))
  figure(ends.join(', '))
})

async function acceptsClients(ringcast: Ringcast): Promise<void> {
  await ringcast.streaming()
}

const SOAK_S = Number(process.env.RINGCAST_SOAK_SECONDS ?? extent(10, 600))
/** After them the process has its size. */
const WARM_ROUNDS = 2
const KILLS_PER_STORM = 4
const LANES = 2
/** Small, so that they are full soon: until then they take memory. */
const RINGS = { tickLogBytes: 4 << 20, frameRingBytes: 8 << 20, turnBytesMax: 64 * 1024 }
const HEAP_GROWTH_MIB_MAX = 3
/** What the rings take, and what the allocators of threads keep. */
const RSS_GROWTH_MIB_MAX = (RINGS.tickLogBytes + LANES * RINGS.frameRingBytes) / 2 ** 20 + 64

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

it(
  'a server that lives through storm after storm, with lanes that are killed, does not grow',
  async () => {
    killer = new LaneKiller()
    server = await HandlerServer.startOnUnixSocket({ ...AMPLE_WORK, ...RINGS, poolSize: LANES })
    const running = server
    const untilMs = performance.now() + SOAK_S * 1000
    const sizes: { objects: object; handles: number; listeners: number; heapMiB: number; rssMiB: number }[] =
      []
    let after: RageResult | undefined
    while (performance.now() < untilMs || sizes.length < WARM_ROUNDS + 2) {
      after = await rageOn(running, {
        steps: 100,
        happens: {},
        options: {},
        resumeChance: 0.2,
        begin: (_, random) => {
          let isDone = false
          killer!.begin(KILLS_PER_STORM, random, () => {
            isDone = true
          })
          return () => !isDone
        },
        ...(after === undefined ? {} : { after }),
      })
      await running.endClients()
      await running.until(() => running.count('subscriptions') === 0)
      running.sockets.length = 0
      await new Promise(setImmediate)
      collectGarbage()
      sizes.push({
        objects: living(Recipient, Audience, AudienceCursor),
        handles: process.getActiveResourcesInfo().filter(name => name !== 'Immediate').length,
        listeners: process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0),
        heapMiB: process.memoryUsage().heapUsed / 2 ** 20,
        rssMiB: process.memoryUsage.rss() / 2 ** 20,
      })
    }
    killer.stop()
    const [warm] = sizes.slice(WARM_ROUNDS - 1)
    const last = sizes.at(-1)!
    expect(last.objects).toEqual(warm!.objects)
    expect(last.listeners).toBe(warm!.listeners)
    expect(last.handles).toBeLessThanOrEqual(warm!.handles + 5)
    expect(last.heapMiB).toBeLessThan(warm!.heapMiB + HEAP_GROWTH_MIB_MAX)
    expect(last.rssMiB).toBeLessThan(warm!.rssMiB + RSS_GROWTH_MIB_MAX)
    const growth = (key: 'heapMiB' | 'rssMiB') => `${warm![key].toFixed(1)} to ${last[key].toFixed(1)} MiB`
    figure(
      `${sizes.length} storms, ${after!.offset} ticks, ${after!.happened.laneRestarts} lanes killed; heap ${growth('heapMiB')}, RSS ${growth('rssMiB')}`,
    )
  },
  extent(120_000, SOAK_S * 1000 + 120_000),
)
