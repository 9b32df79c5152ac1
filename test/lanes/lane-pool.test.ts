import { availableParallelism } from 'node:os'
import { expect, it } from 'vitest'
import { StreamHandler } from '../../src/broadcaster/stream-handler.js'
import { FakeClock } from '../support/fake-clock.js'

const STALLED_LANE = new URL('../support/stalled-lane.js', import.meta.url).href
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
