/** The pool and its supervisor with real threads, behind a handler. */
import { availableParallelism } from 'node:os'
import { expect, it } from 'vitest'
import { StreamHandler } from '../../src/broadcaster/stream-handler.js'
import { type Log, silentLog } from '../../src/common/log.js'
import { FakeClock } from '../support/fake-clock.js'
import { quote } from '../support/ticks.js'
import { until } from '../support/until.js'

const STALLED_LANE = new URL('../support/stalled-lane.js', import.meta.url).href
const HANGING_LANE = new URL('../support/lanes/hangs.js', import.meta.url).href
const FAILING_LANE = new URL('../support/lanes/throws-at-once.js', import.meta.url).href
const KiB = 1024
const SMALL = { tickLogBytes: 64 * KiB, frameRingBytes: 64 * KiB, latestBytes: 64 * KiB, turnBytesMax: KiB }

/** One more than start at once. */
const poolSize = Math.max(8, availableParallelism()) + 1
const TOO_MANY = 'the machine has more cores than a pool may have lanes'

/** Moves time on until a condition holds. */
async function advanceUntil(clock: FakeClock, isDone: () => boolean): Promise<void> {
  while (!isDone()) {
    clock.advance(20)
    await new Promise(setImmediate)
  }
}

it('starts lanes in groups, so that the main thread gets its turn meanwhile', async ({ skip }) => {
  skip(poolSize > 100, TOO_MANY)
  const clock = new FakeClock()
  const handler = new StreamHandler({ ...SMALL, poolSize }, { laneFile: STALLED_LANE, clock })
  expect(handler.isHealthy()).toBe(false)
  await advanceUntil(clock, () => handler.isHealthy())
  expect(handler.getMetrics().counters.laneRestarts).toBe(0)
  await handler.shutdown()
})

it('starts every group although the lanes of the first group fail', async ({ skip }) => {
  skip(poolSize > 100, TOO_MANY)
  const clock = new FakeClock()
  const failed = new Set<number>()
  const log: Log = {
    ...silentLog,
    error: details => void failed.add((details as { lane: number }).lane),
  }
  const handler = new StreamHandler({ ...SMALL, poolSize }, { laneFile: FAILING_LANE, clock, log })
  await advanceUntil(clock, () => failed.has(poolSize - 1))
  await handler.shutdown()
})

it('ends a lane that hangs, and does not hold a pause of the main thread against it', async () => {
  const clock = new FakeClock()
  const errors: unknown[] = []
  const log: Log = { ...silentLog, error: (_, message) => void errors.push(message) }
  const options = { ...SMALL, tickLogBytes: 1 << 20, poolSize: 1, laneHangTimeoutMs: 4000 }
  const handler = new StreamHandler(options, { laneFile: HANGING_LANE, clock, log })
  const queueDepth = () => handler.getMetrics().lanes[0]!.queueDepth
  for (let sequence = 1; sequence <= 200; sequence++) handler.broadcastTick(quote('A', sequence))
  // The lane has begun, and hangs when it has not moved for a thousand looks.
  for (let depth = 0, looks = 0; looks < 1000; looks++) {
    if (queueDepth() !== depth || depth === 0 || depth === 200) looks = 0
    depth = queueDepth()
    await new Promise(setImmediate)
  }
  await clock.pass(500, 500)
  clock.jump(70_000)
  clock.advance(0)
  // The hang shows one beat after the timeout, and the pause counts as one beat.
  await clock.pass(2500, 500)
  expect(errors).toEqual([])
  await clock.pass(1500, 500)
  expect(errors[0]).toBe('a lane hangs and is ended')
  await until(() => queueDepth() === 0)
  await handler.shutdown()
})
