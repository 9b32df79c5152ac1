/**
 * Two endpoints of a feed that count their ticks each for itself, over real gRPC.
 */
import { afterEach, beforeEach, expect, it } from 'vitest'
import { FeedMemory } from '../../../src/sources/feed-memory.js'
import { GrpcSource } from '../../../src/sources/grpc/grpc-source.js'
import { FailoverSource, LOOK_BACK_AFTER_MS } from '../../../src/sources/lines/failover-source.js'
import type { MakeSource } from '../../../src/sources/lines/feed-line.js'
import { FakeClock } from '../../support/fake-clock.js'
import { RecordingSink } from '../../support/recording-sink.js'
import { ScriptedFeed, ticksAt } from '../../support/scripted-feed.js'

const feeds = [new ScriptedFeed(), new ScriptedFeed()] as const

beforeEach(async () => {
  for (const feed of feeds) await feed.start()
})

afterEach(async () => {
  for (const feed of feeds) await feed.stop()
})

it('is no continuation to go back to an endpoint that counts anew while the other one sends', async () => {
  const [first, second] = feeds
  const memory = new FeedMemory()
  const endpoints = feeds.map(
    ({ target }): MakeSource =>
      failed =>
        new GrpcSource({ target, proxy: false, backoffMinMs: 1, backoffMaxMs: 5 }, { memory, failed }),
  )
  await first.stop()
  const clock = new FakeClock()
  const sink = new RecordingSink()
  const source = new FailoverSource(endpoints, clock)
  source.start(sink)
  const live = await second.call(1)
  live.open('second')
  live.send(ticksAt(1001))
  await sink.until(() => sink.ticks.length === 1)

  await first.start()
  clock.advance(LOOK_BACK_AFTER_MS)
  const inOldCount = await first.call(1)
  expect(inOldCount.request.fromPosition).toBe(1002)
  inOldCount.open('first')
  const inItsOwn = await first.call(2)
  expect(inItsOwn.request.fromPosition).toBe(0)
  // Between the two calls, a tick of the other count.
  live.send(ticksAt(1002))
  await sink.until(() => sink.ticks.length === 2)
  inItsOwn.open('first')
  inItsOwn.send(ticksAt(5))
  await sink.until(() => sink.ticks.length === 3)
  expect(sink.sessions).toEqual([
    { number: 1, continuous: false, epoch: 'second' },
    { number: 2, continuous: false, epoch: 'first' },
  ])
  await source.stop()
})
