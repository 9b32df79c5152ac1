import { beforeEach, describe, expect, it } from 'vitest'
import { FeedMemory } from '../../../src/sources/feed-memory.js'
import { BothSource } from '../../../src/sources/lines/both-source.js'
import { FakeEndpoint, FakeSink } from './fake-endpoints.js'

let endpoints: [FakeEndpoint, FakeEndpoint]
let memory: FeedMemory
let sink: FakeSink
let source: BothSource

beforeEach(() => {
  endpoints = [new FakeEndpoint(), new FakeEndpoint()]
  memory = new FeedMemory()
  sink = new FakeSink()
  source = new BothSource(
    endpoints.map(({ make }) => make),
    memory,
  )
})

describe('a source that reads all endpoints', () => {
  it('hears each of them, and numbers their sessions together', () => {
    source.start(sink)
    const [a, b] = endpoints
    a.answer()
    a.send('a1')
    b.answer({ continuous: true })
    b.send('b1')
    a.send('a2')
    expect(sink.heard).toEqual(['session 1', 'live', 'a1', 'session 2, continuous', 'live', 'b1', 'a2'])
    expect(source.status()).toEqual({ state: 'live', reconnects: 0, lastError: undefined })
  })

  it('is down when no endpoint is live', () => {
    source.start(sink)
    const [a, b] = endpoints
    a.answer()
    b.answer({ continuous: true })
    sink.heard.length = 0
    a.fail('gone')
    expect([sink.heard, source.status().state, source.status().lastError]).toEqual([[], 'live', 'refused'])
    b.fail('gone, too')
    expect([sink.heard, source.status().state]).toEqual([['down: gone, too'], 'connecting'])
    a.answer({ continuous: true })
    expect(source.status()).toMatchObject({ state: 'live', reconnects: 1 })
  })

  it('is not down while a quiet endpoint is connected', () => {
    source.start(sink)
    const [a, b] = endpoints
    b.connect()
    a.fail()
    expect(sink.heard).toEqual(['live'])
    b.fail('gone, too')
    expect(sink.heard).toEqual(['live', 'down: gone, too'])
  })

  it('reads no second count beside the first one', () => {
    source.start(sink)
    expect(memory.isRefused('x')).toBe(false)
    endpoints[0].answer()
    memory.epoch = 'x'
    expect(['x', 'y', undefined].map(epoch => memory.isRefused(epoch))).toEqual([false, true, true])
    endpoints[0].fail()
    expect(memory.isRefused('y')).toBe(false)
  })

  it('pauses, resumes and stops all', async () => {
    source.pause()
    source.start(sink)
    expect(endpoints.map(({ isPaused }) => isPaused)).toEqual([true, true])
    source.resume()
    expect(endpoints.map(({ isPaused }) => isPaused)).toEqual([false, false])
    await source.stop()
    endpoints[0].answer()
    expect([sink.heard, source.status().state]).toEqual([[], 'stopped'])
  })
})
