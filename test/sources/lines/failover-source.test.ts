import { beforeEach, describe, expect, it } from 'vitest'
import {
  FailoverSource,
  LOOK_BACK_AFTER_MS,
  NEXT_AFTER_MS,
} from '../../../src/sources/lines/failover-source.js'
import { FakeClock } from '../../support/fake-clock.js'
import { FakeEndpoint, FakeSink } from './fake-endpoints.js'

let clock: FakeClock
let endpoints: FakeEndpoint[]
let sink: FakeSink
let source: FailoverSource

beforeEach(() => {
  clock = new FakeClock()
  endpoints = [new FakeEndpoint(), new FakeEndpoint(), new FakeEndpoint()]
  sink = new FakeSink()
  source = new FailoverSource(
    endpoints.map(({ make }) => make),
    clock,
  )
})

/** Numbers of the endpoints that are tried or read. */
const started = (): number[] => endpoints.flatMap(({ isStarted }, index) => (isStarted ? [index] : []))

describe('a source with endpoints for failover', () => {
  it('reads the first endpoint alone while it answers', () => {
    source.start(sink)
    expect(started()).toEqual([0])
    expect(source.status()).toEqual({ state: 'connecting', reconnects: 0, lastError: 'refused' })
    endpoints[0]!.answer()
    endpoints[0]!.send('a')
    clock.advance(10 * LOOK_BACK_AFTER_MS)
    expect(started()).toEqual([0])
    expect(sink.heard).toEqual(['session 1', 'live', 'a'])
    expect(source.status()).toEqual({ state: 'live', reconnects: 0, lastError: undefined })
    expect(clock.timerCount).toBe(0)
  })

  it('tries the next endpoint at once when one fails, and after a second when one is silent', () => {
    source.start(sink)
    endpoints[0]!.fail()
    expect(started()).toEqual([0, 1])
    clock.advance(NEXT_AFTER_MS - 1)
    expect(started()).toEqual([0, 1])
    clock.advance(1)
    expect(started()).toEqual([0, 1, 2])
    clock.advance(NEXT_AFTER_MS)
    // The first one that answers is read, and the others are left.
    endpoints[2]!.answer()
    expect(started()).toEqual([2])
    endpoints[2]!.send('c')
    expect(sink.heard).toEqual(['down: refused', 'session 1', 'live', 'c'])
  })

  it('waits for a quiet endpoint that is connected, and tries the next one when it fails', () => {
    source.start(sink)
    endpoints[0]!.connect()
    clock.advance(10 * LOOK_BACK_AFTER_MS)
    expect([started(), clock.timerCount]).toEqual([[0], 0])
    expect(source.status().state).toBe('live')
    endpoints[0]!.fail()
    expect(started()).toEqual([0, 1])
    endpoints[1]!.connect()
    // The feed is there, whatever the other endpoint says.
    endpoints[0]!.fail()
    clock.advance(10 * NEXT_AFTER_MS)
    expect(started()).toEqual([0, 1])
    endpoints[1]!.answer()
    endpoints[1]!.send('b')
    expect(sink.heard).toEqual(['live', 'down: refused', 'live', 'session 1', 'live', 'b'])
    clock.advance(LOOK_BACK_AFTER_MS)
    expect(started()).toEqual([0, 1])
  })

  it('tells that the feed is back when another endpoint is connected after the end of a live one', () => {
    source.start(sink)
    endpoints[0]!.answer()
    endpoints[0]!.fail('ended')
    endpoints[0]!.fail()
    endpoints[1]!.fail()
    endpoints[1]!.connect()
    expect(sink.heard).toEqual(['session 1', 'live', 'down: ended', 'down: refused', 'live'])
  })

  it('lets an endpoint that ends its stream answer again before it tries another one', () => {
    source.start(sink)
    endpoints[0]!.answer()
    endpoints[0]!.fail('ended')
    expect(started()).toEqual([0])
    endpoints[0]!.answer({ continuous: true })
    clock.advance(NEXT_AFTER_MS)
    expect(started()).toEqual([0])
    expect(sink.heard).toEqual(['session 1', 'live', 'down: ended', 'session 2, continuous', 'live'])
    expect(source.status().reconnects).toBe(1)

    endpoints[0]!.fail('ended')
    endpoints[0]!.fail()
    expect(started()).toEqual([0, 1])
    endpoints[1]!.answer()
    expect(started()).toEqual([1])
  })

  it('goes back to an earlier endpoint that answers after a healthy minute', () => {
    source.start(sink)
    endpoints[0]!.fail()
    endpoints[1]!.answer()
    clock.advance(LOOK_BACK_AFTER_MS - 1)
    expect(started()).toEqual([1])
    clock.advance(1)
    expect(started()).toEqual([0, 1])
    sink.heard.length = 0
    // What the earlier one does is not heard until it answers.
    endpoints[0]!.fail()
    endpoints[1]!.send('b')
    endpoints[0]!.answer({ continuous: true })
    expect(started()).toEqual([0])
    endpoints[0]!.send('a')
    endpoints[1]!.send('too late')
    expect(sink.heard).toEqual(['b', 'session 2, continuous', 'live', 'a'])
    expect(endpoints.map(({ made }) => made)).toEqual([2, 1, 0])
  })

  it('goes on with all endpoints when the later one fails while the earlier ones are tried', () => {
    source.start(sink)
    endpoints[0]!.fail()
    endpoints[1]!.answer()
    clock.advance(LOOK_BACK_AFTER_MS)
    endpoints[1]!.fail()
    clock.advance(NEXT_AFTER_MS)
    expect(started()).toEqual([0, 1, 2])
    endpoints[1]!.answer()
    expect(started()).toEqual([1])
  })

  it('pauses every endpoint that it tries', () => {
    source.pause()
    source.start(sink)
    endpoints[0]!.fail()
    expect(endpoints.map(({ isPaused }) => isPaused)).toEqual([true, true, false])
    source.resume()
    expect(endpoints.map(({ isPaused }) => isPaused)).toEqual([false, false, false])
  })

  it('leaves nothing behind when it is stopped', async () => {
    source.start(sink)
    endpoints[0]!.fail()
    await source.stop()
    endpoints[1]!.answer()
    clock.advance(LOOK_BACK_AFTER_MS)
    expect([started(), clock.timerCount]).toEqual([[], 0])
    expect(sink.heard).toEqual(['down: refused'])
    expect(source.status().state).toBe('stopped')
  })
})
