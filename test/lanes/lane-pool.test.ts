import { availableParallelism } from 'node:os'
import { expect, it } from 'vitest'
import { StreamHandler } from '../../src/broadcaster/stream-handler.js'
import { FakeClock } from '../support/fake-clock.js'
import { quote } from '../support/ticks.js'

const STALLED_LANE = new URL('../support/stalled-lane.js', import.meta.url).href
const HANGING_LANE = new URL('../support/lanes/hangs.js', import.meta.url).href
const FAILING_LANE = new URL('../support/lanes/throws-at-once.js', import.meta.url).href
const KiB = 1024
const SMALL = { tickLogBytes: 64 * KiB, frameRingBytes: 64 * KiB, latestBytes: 64 * KiB, turnBytesMax: KiB }

/** One more than start at once. */
const poolSize = Math.max(8, availableParallelism()) + 1
const TOO_MANY = 'the machine has more cores than a pool may have lanes'

it('starts no more lanes than that the main thread gets its turn meanwhile', async ({ skip }) => {
  skip(poolSize > 100, TOO_MANY)
  const clock = new FakeClock()
  const handler = new StreamHandler({ ...SMALL, poolSize }, { laneFile: STALLED_LANE, clock })
  expect(handler.isHealthy()).toBe(false)
  while (!handler.isHealthy()) {
    clock.advance(20)
    await new Promise(setImmediate)
  }
  await handler.shutdown()
})

it('starts the others although the first ones fail', async ({ skip }) => {
  skip(poolSize > 100, TOO_MANY)
  const clock = new FakeClock()
  const failed = new Set<number>()
  const log = {
    debug: () => {},
    info: () => {},
    warn: () => {},
    error: (details: object) => void failed.add((details as { lane: number }).lane),
  }
  const handler = new StreamHandler({ ...SMALL, poolSize }, { laneFile: FAILING_LANE, clock, log })
  while (!failed.has(poolSize - 1)) {
    clock.advance(20)
    await new Promise(setImmediate)
  }
  await handler.shutdown()
})

it('ends a lane that hangs, and not because the main thread was held up', async () => {
  const clock = new FakeClock()
  const hung: unknown[] = []
  const log = {
    debug: () => {},
    info: () => {},
    warn: () => {},
    error: (_: object, text: string) => void hung.push(text),
  }
  const options = { ...SMALL, tickLogBytes: 1 << 20, poolSize: 1, laneHangTimeoutMs: 4000 }
  const handler = new StreamHandler(options, { laneFile: HANGING_LANE, clock, log })
  const lane = () => handler.getMetrics().lanes[0]!
  for (let sequence = 1; sequence <= 200; sequence++) handler.broadcastTick(quote('A', sequence))
  // It has begun and will never come back.
  for (let depth = 0, looks = 0; looks < 1000; looks++) {
    if (lane().queueDepth !== depth || depth === 0 || depth === 200) looks = 0
    depth = lane().queueDepth
    await new Promise(setImmediate)
  }
  await clock.pass(500, 500)
  clock.jump(70_000)
  clock.advance(0)
  // A beat passes before it is seen to hang, and the pause is one.
  await clock.pass(2500, 500)
  expect(hung).toEqual([])
  await clock.pass(1500, 500)
  expect(hung[0]).toBe('a lane hangs and is ended')
  while (lane().queueDepth > 0) await new Promise(setImmediate)
  await handler.shutdown()
})
