import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { RingcastError } from '../../../src/common/errors.js'
import { HEALTHY_CALL_MS } from '../../../src/sources/grpc/call-progress.js'
import { GrpcSource, type GrpcSourceOptions } from '../../../src/sources/grpc/grpc-source.js'
import { FakeClock } from '../../support/fake-clock.js'
import { RecordingSink } from '../../support/recording-sink.js'
import { OK, ScriptedFeed, ticksAt, UNAVAILABLE } from '../../support/scripted-feed.js'

const feed = new ScriptedFeed()
let clock: FakeClock
let sink: RecordingSink
let logged: string[]
let sources: GrpcSource[]

beforeEach(async () => {
  feed.calls.length = 0
  feed.unimplementedCount = 0
  feed.methods = new Set(['Stream', 'StreamBatches'])
  clock = new FakeClock()
  sink = new RecordingSink()
  logged = []
  sources = []
  await feed.start()
})

afterEach(async () => {
  for (const source of sources) await source.stop()
  await feed.stop()
})

function makeSource(options: Partial<GrpcSourceOptions> = {}): GrpcSource {
  const source = new GrpcSource({
    target: feed.target,
    clock,
    random: () => 0.5,
    log: { info: text => logged.push(`info ${text}`), warn: text => logged.push(`warn ${text}`) },
    ...options,
  })
  sources.push(source)
  return source
}

function startSource(options: Partial<GrpcSourceOptions> = {}): GrpcSource {
  const source = makeSource(options)
  source.start(sink)
  return source
}

/** See PatientClock. */
const BEAT_MS = 1_000

/** Waits for the source to have set its timer for the next try, and lets it fire. */
async function letRetry(): Promise<void> {
  await clock.until(() => clock.timerCount > 0)
  clock.advance(60_000)
}

/** A ping's answer comes after all that was sent before it has been read from the socket. */
async function pinged(count: number): Promise<void> {
  const [session] = feed.sessions
  for (let i = 0; i < count; i++) await new Promise<void>(resolve => session!.ping(() => resolve()))
}

describe('its options', () => {
  it.each<[unknown, string]>([
    [undefined, 'the options of a GrpcSource must be an object, such as {}, got none'],
    [{}, 'target: must be host:port, such as feed.example:50051'],
    [{ target: 'nonsense' }, 'target="nonsense": must be host:port, such as feed.example:50051'],
    [{ target: 'a:1', foo: 1 }, 'foo: unknown'],
    [{ target: 'a:1', stallTimeout: 1 }, 'stallTimeout: unknown; did you mean stallTimeoutMs?'],
    [{ target: 'a:1', tls: true }, 'tls=true: must be false, or {} to trust'],
    [{ target: 'a:1', tls: { ca: '/ca.pem' } }, 'as a Buffer'],
    [{ target: 'a:1', tls: { cert: Buffer.alloc(1) } }, 'must be false, or {}'],
    [{ target: 'a:1', method: 'batch' }, `method="batch": must be 'batches' or 'single'`],
    [{ target: 'a:1', symbols: 'A' }, 'symbols="A": must be an array of symbols'],
    [
      { target: 'a:1', symbols: [''] },
      'must be an array of symbols, each a well-formed string of 1 to 64 bytes',
    ],
    [{ target: 'a:1', symbols: ['\ud800'] }, 'symbols=a list: must be an array of symbols'],
    [{ target: 'a:1', windowBytes: 1000 }, 'windowBytes=1000: must be a whole number from 65535 to'],
    [{ target: 'a:1', keepaliveMs: -1 }, 'keepaliveMs=-1: must be a whole number from 0'],
    [{ target: 'a:1', stallTimeoutMs: 0.5 }, 'stallTimeoutMs=0.5: must be a whole number from 0'],
    [{ target: 'a:1', backoffMinMs: 0 }, 'backoffMinMs=0: must be a whole number from 1'],
    [{ target: 'a:1', backoffMinMs: 20_000 }, 'backoffMinMs=20000: must be at most backoffMaxMs (10000)'],
    [{ target: 'a:1', random: 1 }, 'random=1: must be a function'],
    [{ target: 'a:1', clock: {} }, 'clock=an object: must be an object with the methods nowMs'],
    [{ target: 'a:1', log: { info: () => {} } }, 'must be an object with the methods info, warn'],
  ])('are refused when they are %j', (options, message) => {
    const make = () => new GrpcSource(options as GrpcSourceOptions)
    expect(make).toThrow(RingcastError)
    expect(make).toThrow(message)
    expect(make).toThrow(expect.objectContaining({ code: 'option_invalid' }))
  })

  it('may have every value that the types allow', () => {
    const tls = [false, {}, { ca: Buffer.from('PEM') }] as const
    for (const each of tls) makeSource({ tls: each, symbols: ['A'], method: 'single', keepaliveMs: 0 })
    makeSource({ target: '[::1]:443', windowBytes: 65_535, stallTimeoutMs: 0, backoffMinMs: 10_000 })
  })
})

describe('a session', () => {
  it('begins before its first message, and pushes messages in order', async () => {
    const source = startSource()
    expect(source.status()).toEqual({ state: 'connecting', reconnects: 0, lastError: undefined })
    const call = await feed.call(1)
    call.open('a')
    call.send(ticksAt(1, 2))
    call.send(ticksAt(3))
    await sink.until(() => sink.ticks.length === 3)
    expect(sink.events).toEqual(['session 1', 'push 2', 'push 1'])
    expect(sink.sessions).toEqual([{ number: 1, continuous: false, epoch: 'a' }])
    expect(call.request).toEqual({ symbols: [], fromPosition: 0 })
    expect(source.status().state).toBe('live')
  })

  it('reads single ticks when method is single', async () => {
    startSource({ method: 'single' })
    const call = await feed.call(1)
    expect(call.method).toBe('Stream')
    call.open('a')
    call.send(ticksAt(1, 2))
    await sink.until(() => sink.ticks.length === 2)
    expect(sink.forms).toEqual(['tick', 'tick'])
  })

  it('delivers the messages before a regular end, even when paused', async () => {
    const source = startSource()
    const call = await feed.call(1)
    call.open('a')
    sink.onPush = () => source.pause()
    for (let position = 1; position <= 10; position++) call.send(ticksAt(position))
    call.end(OK)
    await sink.until(() => sink.ticks.length === 1)
    await pinged(10)
    expect(source.status().state).toBe('live')
    sink.onPush = () => {}
    source.resume()
    await sink.until(() => sink.ticks.length === 10)
    await clock.until(() => clock.timerCount === 1)
    expect(source.status().lastError).toContain('ended the stream')
  })
})

describe('a reconnection', () => {
  it('continues from the position after the last one', async () => {
    const source = startSource()
    const first = await feed.call(1)
    first.open('a')
    first.send(ticksAt(1, 2, 3))
    await sink.until(() => sink.ticks.length === 3)
    feed.drop()
    await letRetry()
    const second = await feed.call(2)
    expect(second.request.fromPosition).toBe(4)
    expect(source.status()).toMatchObject({ state: 'connecting', lastError: expect.any(String) })
    second.open('a')
    second.send(ticksAt(4))
    await sink.until(() => sink.ticks.length === 4)
    expect(sink.sessions[1]).toEqual({ number: 2, continuous: true, epoch: 'a' })
    expect(source.status()).toEqual({ state: 'live', reconnects: 1, lastError: undefined })
  })

  it('is told to the sink, with a reason that names no host', async () => {
    startSource()
    expect(sink.states).toEqual([['down', 'the gateway is not connected to the feed yet']])
    const call = await feed.call(1)
    call.open('a')
    call.send(ticksAt(1))
    await sink.until(() => sink.ticks.length === 1)
    expect(new Set(sink.states.slice(1).map(([state]) => state))).toEqual(new Set(['live']))
    feed.drop()
    await sink.until(() => sink.states.at(-1)![0] === 'down')
    expect(sink.states.at(-1)).toEqual(['down', 'the gateway has lost the feed and calls it again'])
  })

  it.each([0, 2 ** 53 - 1])('requests new ticks only when there is no position after %d', async last => {
    startSource()
    const first = await feed.call(1)
    first.open('a')
    first.send(ticksAt(1))
    await sink.until(() => sink.ticks.length === 1)
    sink.answerLastPosition = () => last
    feed.drop()
    await letRetry()
    expect((await feed.call(2)).request.fromPosition).toBe(0)
  })

  it('follows when the sink throws at a message, and continues after that message', async () => {
    const source = startSource()
    const first = await feed.call(1)
    first.open('a')
    first.send(ticksAt(1, 2))
    await sink.until(() => sink.ticks.length === 2)
    sink.onPush = () => {
      throw new Error('no room')
    }
    first.send(ticksAt(3))
    await clock.until(() => clock.timerCount > 0)
    sink.onPush = () => {}
    await letRetry()
    const second = await feed.call(2)
    expect(first.stream.destroyed).toBe(true)
    expect(source.status()).toMatchObject({
      state: 'connecting',
      lastError: expect.stringContaining('no room'),
    })
    const warnings = logged.filter(line => line.startsWith('warn'))
    expect(warnings).toEqual([
      expect.stringMatching(/a bug; the feed is called again: Error: no room\n +at /),
    ])
    expect(second.request.fromPosition).toBe(4)
    second.open('a')
    second.send(ticksAt(4))
    await sink.until(() => sink.ticks.length === 4)
    expect(sink.sessions[1]).toEqual({ number: 2, continuous: true, epoch: 'a' })
    expect(source.status().state).toBe('live')
  })

  it('follows when the sink throws at the start of a session, and is not continuous', async () => {
    startSource()
    const { sessionStarted } = sink
    sink.sessionStarted = () => {
      throw new Error('no room')
    }
    const first = await feed.call(1)
    first.open('a')
    await letRetry()
    sink.sessionStarted = sessionStarted
    const second = await feed.call(2)
    second.open('a')
    await sink.until(() => sink.sessions.length === 1)
    expect(sink.sessions).toEqual([{ number: 2, continuous: false, epoch: 'a' }])
    expect(clock.timerCount).toBe(0)
  })

  it('does not follow when the sink stops the source and throws', async () => {
    const source = startSource()
    const first = await feed.call(1)
    first.open('a')
    sink.onPush = () => {
      void source.stop()
      throw new Error('no room')
    }
    first.send(ticksAt(1))
    await feed.until(() => first.stream.destroyed)
    expect(source.status().state).toBe('stopped')
    expect(clock.timerCount).toBe(0)
  })

  it('is not continuous for named symbols, but continues at the last position', async () => {
    startSource({ symbols: ['BTCUSDT'] })
    const first = await feed.call(1)
    expect(first.request.symbols).toEqual(['BTCUSDT'])
    first.open('a')
    first.send(ticksAt(5))
    await sink.until(() => sink.ticks.length === 1)
    first.end(UNAVAILABLE)
    await letRetry()
    const second = await feed.call(2)
    expect(second.request.fromPosition).toBe(6)
    second.open('a')
    await sink.until(() => sink.sessions.length === 2)
    expect(sink.sessions[1]).toEqual({ number: 2, continuous: false, epoch: undefined })
  })

  it('requests new ticks only from a feed without an epoch', async () => {
    startSource()
    const first = await feed.call(1)
    first.open()
    first.send(ticksAt(7))
    await sink.until(() => sink.ticks.length === 1)
    first.end(UNAVAILABLE)
    await letRetry()
    const second = await feed.call(2)
    expect(second.request.fromPosition).toBe(0)
    second.open()
    await sink.until(() => sink.sessions.length === 2)
    expect(sink.sessions[1]!.continuous).toBe(false)
  })

  it('drops a stream of another epoch, and requests new ticks', async () => {
    startSource()
    const first = await feed.call(1)
    first.open('a')
    first.send(ticksAt(5000))
    await sink.until(() => sink.ticks.length === 1)
    first.end(UNAVAILABLE)
    await letRetry()
    const mistaken = await feed.call(2)
    expect(mistaken.request.fromPosition).toBe(5001)
    mistaken.open('b')
    mistaken.send(ticksAt(5001))
    const kept = await feed.call(3)
    expect(kept.request.fromPosition).toBe(0)
    kept.open('b')
    kept.send(ticksAt(1))
    await sink.until(() => sink.ticks.length >= 2)
    expect(sink.events).toEqual(['session 1', 'push 1', 'session 2', 'push 1'])
    expect(sink.positions).toEqual([5000, 1])
    expect(sink.sessions[1]).toEqual({ number: 2, continuous: false, epoch: 'b' })
  })

  it('does not request a position of an old epoch', async () => {
    startSource()
    const first = await feed.call(1)
    first.open('a')
    first.send(ticksAt(5000))
    await sink.until(() => sink.ticks.length === 1)
    first.end(UNAVAILABLE)
    await letRetry()
    ;(await feed.call(2)).open('b')
    const silent = await feed.call(3)
    silent.open('b')
    await sink.until(() => sink.sessions.length === 2)
    silent.end(UNAVAILABLE)
    await letRetry()
    const fourth = await feed.call(4)
    expect(fourth.request.fromPosition).toBe(0)
    fourth.open('b')
    await sink.until(() => sink.sessions.length === 3)
    expect(sink.sessions[2]!.continuous).toBe(false)
  })

  it('waits longer with each failure, and not at all after a call that stood for a while', async () => {
    startSource({ backoffMinMs: 100, backoffMaxMs: 350 })
    for (let number = 1; number <= 4; number++) {
      const call = await feed.call(number)
      call.open('a')
      await sink.until(() => sink.sessions.length === number)
      call.end(UNAVAILABLE)
      await clock.until(() => clock.delaysMs.length === number)
      clock.advance(clock.delaysMs.at(-1)!)
    }
    expect(clock.delaysMs).toEqual([50, 100, 175, 175])
    const healthy = await feed.call(5)
    healthy.open('a')
    await sink.until(() => sink.sessions.length === 5)
    clock.advance(HEALTHY_CALL_MS)
    healthy.end(UNAVAILABLE)
    await clock.until(() => clock.delaysMs.length === 5)
    clock.advance(clock.delaysMs[4]!)
    ;(await feed.call(6)).end(UNAVAILABLE)
    await clock.until(() => clock.delaysMs.length === 6)
    expect(clock.delaysMs.slice(4)).toEqual([0, 50])
  })

  it('keeps trying when there is no feed, and logs one warning', async () => {
    await feed.stop()
    const source = startSource()
    for (let tries = 1; tries <= 4; tries++) {
      await clock.until(() => clock.delaysMs.length === tries)
      expect(source.status().state).toBe('connecting')
      if (tries < 4) clock.advance(60_000)
    }
    expect(logged).toHaveLength(1)
    expect(logged[0]).toContain(`warn no feed at ${feed.target}`)
    await feed.start()
    clock.advance(60_000)
    ;(await feed.call(1)).open('a')
    await sink.until(() => sink.sessions.length === 1)
    expect(logged.slice(1).filter(line => !line.includes('connected'))).toEqual([
      `info the feed at ${feed.target} is live again after 4 min, session 1`,
    ])
  })
})

describe('a feed with one method', () => {
  it('is called with the other method at once, and with that one first from then on', async () => {
    feed.methods = new Set(['Stream'])
    startSource()
    const first = await feed.call(1)
    expect(first.method).toBe('Stream')
    expect(clock.delaysMs).toEqual([])
    first.open('a')
    first.send(ticksAt(1))
    await sink.until(() => sink.ticks.length === 1)
    expect(sink.forms).toEqual(['tick'])
    first.end(UNAVAILABLE)
    await letRetry()
    expect((await feed.call(2)).method).toBe('Stream')
    expect(feed.unimplementedCount).toBe(1)
  })

  it('is called again with a delay when it lacks both methods', async () => {
    feed.methods = new Set()
    const source = startSource()
    await clock.until(() => clock.delaysMs.length === 1)
    expect(feed.unimplementedCount).toBe(2)
    expect(source.status().lastError).toContain('UNIMPLEMENTED')
    feed.methods = new Set(['StreamBatches'])
    clock.advance(60_000)
    expect((await feed.call(1)).method).toBe('StreamBatches')
    expect(feed.unimplementedCount).toBe(2)
  })
})

describe('a silent feed', () => {
  it('is called again after the stall timeout', async () => {
    const source = startSource({ stallTimeoutMs: 5_000 })
    const call = await feed.call(1)
    call.open('a')
    await sink.until(() => sink.sessions.length === 1)
    await clock.pass(3_000, BEAT_MS)
    call.send(ticksAt(1))
    await sink.until(() => sink.ticks.length === 1)
    await clock.pass(4_999, BEAT_MS)
    expect(source.status().state).toBe('live')
    await clock.pass(1, BEAT_MS)
    expect(source.status()).toMatchObject({
      state: 'connecting',
      lastError: 'the feed sent nothing for 5000 ms',
    })
    await feed.until(() => call.stream.closed)
    clock.advance(60_000)
    expect((await feed.call(2)).request.fromPosition).toBe(2)
  })

  it('is not called again when its messages are unread because the thread was held up', async () => {
    const source = startSource({ stallTimeoutMs: 5_000 })
    const call = await feed.call(1)
    call.open('a')
    await sink.until(() => sink.sessions.length === 1)
    await clock.pass(3_000, BEAT_MS)
    call.send(ticksAt(1))
    clock.jump(70_000)
    clock.advance(0)
    await sink.until(() => sink.ticks.length === 1)
    await clock.pass(4_000, BEAT_MS)
    expect(source.status()).toMatchObject({ state: 'live', lastError: undefined })
  })

  it('has the rest of the timeout after the thread was held up', async () => {
    const source = startSource({ stallTimeoutMs: 5_000 })
    ;(await feed.call(1)).open('a')
    await sink.until(() => sink.sessions.length === 1)
    await clock.pass(1_000, BEAT_MS)
    clock.jump(70_000)
    await clock.pass(1, BEAT_MS)
    // Of all that time one beat counts.
    await clock.pass(2_998, BEAT_MS)
    expect(source.status().state).toBe('live')
    await clock.pass(1, BEAT_MS)
    expect(source.status().state).toBe('connecting')
  })

  it('is called again when it accepts the call and never replies', async () => {
    startSource({ stallTimeoutMs: 5_000 })
    const call = await feed.call(1)
    await clock.pass(5_000, BEAT_MS)
    await feed.until(() => call.stream.closed)
    expect(sink.sessions).toEqual([])
  })

  it('is not called again while the source is paused, and has the whole timeout after the resume', async () => {
    const source = startSource({ stallTimeoutMs: 5_000 })
    ;(await feed.call(1)).open('a')
    await sink.until(() => sink.sessions.length === 1)
    source.pause()
    await clock.pass(100_000, BEAT_MS)
    expect(source.status().state).toBe('live')
    source.resume()
    await clock.pass(4_999, BEAT_MS)
    expect(source.status().state).toBe('live')
    await clock.pass(1, BEAT_MS)
    expect(source.status().state).toBe('connecting')
  })
})

describe('pause', () => {
  it('stops the messages, slows the feed down, and loses nothing at the resume', async () => {
    const windowBytes = 256 * 1024
    const messageCount = 2_000
    const source = startSource({ windowBytes })
    const call = await feed.call(1)
    call.open('a')
    sink.onPush = () => sink.messageCount === 10 && source.pause()
    const symbol = 'S'.repeat(1_000)
    call.sendInTurn(Array.from({ length: messageCount }, (_, i) => ({ symbol, position: i + 1 })))
    await sink.until(() => sink.messageCount === 10)
    for (let sentCount = -1; sentCount < call.sentCount; ) {
      sentCount = call.sentCount
      await pinged(10)
    }
    expect(sink.messageCount).toBe(10)
    const sentBytes = call.sentCount * 1_010
    expect(sentBytes).toBeGreaterThan(windowBytes / 2)
    expect(sentBytes).toBeLessThan(windowBytes * 3)
    source.pause()
    source.resume()
    source.resume()
    await sink.until(() => sink.messageCount === messageCount)
    expect(sink.positions).toEqual(Array.from({ length: messageCount }, (_, i) => i + 1))
  })

  it('slows the feed down when it came before the reply of the feed', async () => {
    const source = startSource({ windowBytes: 256 * 1024 })
    const call = await feed.call(1)
    source.pause()
    call.open('a')
    const symbol = 'S'.repeat(1_000)
    call.sendInTurn(Array.from({ length: 2_000 }, (_, i) => ({ symbol, position: i + 1 })))
    await sink.until(() => sink.sessions.length === 1)
    for (let sentCount = -1; sentCount < call.sentCount; ) {
      sentCount = call.sentCount
      await pinged(10)
    }
    expect(call.sentCount).toBeLessThan(1_000)
    source.resume()
    await sink.until(() => sink.messageCount === 2_000)
    expect(sink.positions).toEqual(Array.from({ length: 2_000 }, (_, i) => i + 1))
  })

  it('lasts across a reconnection', async () => {
    const source = startSource()
    const first = await feed.call(1)
    first.open('a')
    await sink.until(() => sink.sessions.length === 1)
    source.pause()
    feed.drop()
    await letRetry()
    const second = await feed.call(2)
    second.open('a')
    second.send(ticksAt(1))
    await sink.until(() => sink.sessions.length === 2)
    await pinged(5)
    expect(sink.ticks).toEqual([])
    source.resume()
    await sink.until(() => sink.ticks.length === 1)
  })

  it('has no effect when the resume comes before the reply of the feed', async () => {
    const source = startSource()
    const call = await feed.call(1)
    source.pause()
    source.resume()
    call.open('a')
    call.send(ticksAt(1))
    await sink.until(() => sink.ticks.length === 1)
  })
})

describe('stop', () => {
  async function expectNothingLeft(source: GrpcSource): Promise<void> {
    const events = [...sink.events]
    await source.stop()
    await source.stop()
    await feed.until(() => feed.sessions.size === 0)
    expect(clock.timerCount).toBe(0)
    expect(sink.events).toEqual(events)
    expect(source.status().state).toBe('stopped')
  }

  it('before the start prevents the start', async () => {
    const source = makeSource()
    await source.stop()
    source.start(sink)
    await expectNothingLeft(source)
  })

  it('while connecting', async () => {
    const source = startSource({ stallTimeoutMs: 1_000 })
    await expectNothingLeft(source)
    expect(feed.calls).toEqual([])
  })

  it('before the reply of the feed', async () => {
    const source = startSource({ stallTimeoutMs: 1_000 })
    await feed.call(1)
    await expectNothingLeft(source)
  })

  it('while live, with messages on the way', async () => {
    const source = startSource({ stallTimeoutMs: 1_000 })
    const call = await feed.call(1)
    call.open('a')
    for (let position = 1; position <= 1000; position++) call.send(ticksAt(position))
    await sink.until(() => sink.ticks.length >= 10)
    await expectNothingLeft(source)
  })

  it('from within a push', async () => {
    const source = startSource()
    const call = await feed.call(1)
    call.open('a')
    sink.onPush = () => void source.stop()
    for (let position = 1; position <= 1000; position++) call.send(ticksAt(position))
    await sink.until(() => sink.ticks.length === 1)
    await expectNothingLeft(source)
    expect(sink.ticks).toHaveLength(1)
  })

  it('from within a push during a resume, with more messages buffered', async () => {
    const source = startSource()
    const call = await feed.call(1)
    call.open('a')
    sink.onPush = () => source.pause()
    for (let position = 1; position <= 1000; position++) call.send(ticksAt(position))
    await sink.until(() => sink.ticks.length === 1)
    await pinged(5)
    sink.onPush = () => void source.stop()
    source.resume()
    await sink.until(() => sink.ticks.length === 2)
    await expectNothingLeft(source)
    expect(sink.ticks).toHaveLength(2)
  })

  it('while paused', async () => {
    const source = startSource({ stallTimeoutMs: 1_000 })
    const call = await feed.call(1)
    call.open('a')
    sink.onPush = () => source.pause()
    for (let position = 1; position <= 1000; position++) call.send(ticksAt(position))
    await sink.until(() => sink.ticks.length === 1)
    await expectNothingLeft(source)
  })

  it('during the wait for the next try', async () => {
    const source = startSource()
    ;(await feed.call(1)).end(UNAVAILABLE)
    await clock.until(() => clock.timerCount === 1)
    await expectNothingLeft(source)
  })
})
