import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import type { PushedGap } from '../../src/broadcaster/pushed-gap.js'
import { StreamHandler } from '../../src/broadcaster/stream-handler.js'
import { RingcastError } from '../../src/common/errors.js'
import { silentLog } from '../../src/common/log.js'
import { GrpcSource } from '../../src/sources/grpc/grpc-source.js'
import type { TickSource } from '../../src/sources/tick-source.js'
import type { PushedTick } from '../../src/ticks/pushed-tick.js'
import { FULL_SIZE, HandlerServer, quote } from '../support/handler-server.js'
import { TickClient } from '../support/tick-client.js'

const STALLED_LANE = new URL('../support/stalled-lane.js', import.meta.url).href

let server: HandlerServer

async function start(...args: Parameters<typeof HandlerServer.start>): Promise<void> {
  server = await HandlerServer.start(...args)
}

afterEach(() => server?.stop())

function codeOf(call: () => unknown): string | undefined {
  try {
    call()
  } catch (error) {
    return error instanceof RingcastError ? error.code : String(error)
  }
  return undefined
}

describe('broadcastTick', () => {
  it.each([1, 2, 7])(
    'takes %i ticks while the lane stands still, and refuses and counts more',
    async queueSize => {
      await start({ queueSize }, { laneFile: STALLED_LANE })
      const taken = Array.from({ length: queueSize + 3 }, (_, tick) =>
        server.handler.broadcastTick(quote('A', tick)),
      )
      expect(taken).toEqual([...Array(queueSize).fill(true), false, false, false])
      expect([server.count('ticksReceived'), server.count('ticksRefused')]).toEqual([queueSize, 3])
      const { lanes, offset } = server.handler.getMetrics()
      expect(offset).toBe(queueSize)
      expect(lanes[0]).toMatchObject({ queueDepth: queueSize, queueCapacity: queueSize })
    },
  )

  it('refuses when the tick log is full, whatever the queue size', async () => {
    await start({ tickLogBytes: 64 * 1024, maxMessageBytes: 256 }, { laneFile: STALLED_LANE })
    let taken = 0
    while (server.handler.broadcastTick(quote('A', taken))) taken++
    expect(taken).toBeGreaterThan(100)
    expect(taken).toBeLessThan(server.handler.settings.queueSize)
    expect([server.count('ticksReceived'), server.count('ticksRefused')]).toEqual([taken, 1])
  })

  it('takes more once the lane has caught up', async () => {
    await start({ queueSize: 1 })
    const client = await server.connect()
    for (let sequence = 1; sequence <= 20; sequence++) {
      await server.until(() => server.handler.broadcastTick(quote('A', sequence)))
    }
    await client.until(() => client.ticks.length === 20)
    expect(client.ticks).toEqual(Array.from({ length: 20 }, (_, index) => `A${index + 1}`))
    expect(server.count('ticksReceived')).toBe(20)
  })

  it.each([
    ["symbol: ''", 'tick.symbol', { symbol: '' }],
    ["symbol: 'x'.repeat(65)", 'tick.symbol', { symbol: 'x'.repeat(65) }],
    ["symbol: 'A\\ud800'", 'tick.symbol must be a well-formed string', { symbol: 'A\ud800' }],
    ['symbol: 5', 'tick.symbol', { symbol: 5 }],
    ["kind: 'order'", 'tick.kind', { kind: 'order' }],
    ['sequence: -1', 'tick.sequence', { sequence: -1 }],
    ['sequence: 1.5', 'tick.sequence', { sequence: 1.5 }],
    ['sequence: 2n ** 64n', 'tick.sequence', { sequence: 2n ** 64n }],
    ['sourceTimeNs: 5', 'tick.sourceTimeNs', { sourceTimeNs: 5 }],
    ["bid: '1'", 'tick.bid', { bid: '1' }],
    ['askSize: undefined', 'tick.askSize', { askSize: undefined }],
    ["kind: 'trade'", 'tick.last', { kind: 'trade' }],
  ])('says what is wrong with a tick that has %s', async (_, field, wrong) => {
    await start({}, { laneFile: STALLED_LANE })
    const tick = { ...quote('A', 1), ...wrong } as unknown as PushedTick
    expect(codeOf(() => server.handler.broadcastTick(tick))).toBe('tick_invalid')
    expect(() => server.handler.broadcastTick(tick)).toThrow(field)
    expect(server.count('ticksReceived')).toBe(0)
  })
})

it.each([null, undefined, 5, 'A'])('broadcastTick refuses %j as a tick', async tick => {
  await start({}, { laneFile: STALLED_LANE })
  expect(codeOf(() => server.handler.broadcastTick(tick as unknown as PushedTick))).toBe('tick_invalid')
})

describe('gap', () => {
  it.each<[unknown, string]>([
    [undefined, 'a gap, see PushedGap, must be an object, such as {}, got none'],
    [{}, 'missed: must be a whole number from 1 to 1099511627776, or null where nobody knows it'],
    [{ missed: 0 }, 'missed=0: must be a whole number from 1'],
    [{ missed: 1.5 }, 'missed=1.5: must be a whole number from 1'],
    [{ missed: Number.NaN }, 'missed=NaN: must be a whole number from 1'],
    [{ missed: 2 ** 40 + 1 }, 'missed=1099511627777: must be a whole number from 1'],
    [{ missed: '5' }, 'missed="5": must be a whole number from 1'],
    [{ missed: 1, reason: 'slow' }, `reason="slow": must be 'upstream', 'malformed' or 'overload'`],
    [{ missed: 1, reason: null }, "reason=null: must be 'upstream', 'malformed' or 'overload'"],
    [{ missed: 1, reasons: 'upstream' }, 'reasons: unknown; did you mean reason?'],
  ])('refuses %j, and says what is wrong', async (gap, message) => {
    await start({}, { laneFile: STALLED_LANE })
    const tell = () => server.handler.gap(gap as PushedGap)
    expect(codeOf(tell)).toBe('option_invalid')
    expect(tell).toThrow(message)
    expect(server.handler.getMetrics().offset).toBe(0)
  })

  it('is taken while the queue is full, and after a shutdown no more', async () => {
    await start({ queueSize: 1 }, { laneFile: STALLED_LANE })
    expect([1, 2].map(sequence => server.handler.broadcastTick(quote('A', sequence)))).toEqual([true, false])
    expect(server.handler.gap({ missed: 2 ** 40, reason: 'overload' })).toBe(true)
    expect(server.handler.getMetrics().offset).toBe(2)
    const stopped = server.handler.shutdown({ timeoutMs: 100 })
    expect(server.handler.gap({ missed: null })).toBe(false)
    await stopped
  })
})

describe('attachSource', () => {
  const source = (): TickSource => ({
    start: () => {},
    pause: () => {},
    resume: () => {},
    status: () => ({ state: 'live', reconnects: 0, lastError: undefined }),
    stop: async () => {},
  })

  it('takes one source, and says what to do with a second one', async () => {
    await start({}, { laneFile: STALLED_LANE })
    server.handler.attachSource(source())
    expect(codeOf(() => server.handler.attachSource(source()))).toBe('source_attached')
    expect(() => server.handler.attachSource(source())).toThrow('make a StreamHandler for each')
  })

  it('takes none after the shutdown', async () => {
    await start({}, { laneFile: STALLED_LANE })
    const stopped = server.handler.shutdown()
    expect(codeOf(() => server.handler.attachSource(source()))).toBe('handler_stopped')
    await stopped
  })

  it.each([null, {}, 'feed:1', { ...source(), stop: undefined }])('refuses %j as a source', async wrong => {
    await start({}, { laneFile: STALLED_LANE })
    expect(codeOf(() => server.handler.attachSource(wrong as unknown as TickSource))).toBe('option_invalid')
    server.handler.attachSource(source())
  })

  it('does not stop a source that feeds another handler', async () => {
    await start({}, { laneFile: STALLED_LANE })
    const other = await HandlerServer.start({}, { laneFile: STALLED_LANE })
    const grpc = new GrpcSource({ target: '127.0.0.1:1' })
    server.handler.attachSource(grpc)
    expect(codeOf(() => other.handler.attachSource(grpc))).toBe('source_attached')
    await other.stop()
    expect(grpc.status().state).toBe('connecting')
  })
})

describe('a handler', () => {
  it.each([null, [], 5, 'maxClients=5'])('refuses %j as its options', options => {
    expect(codeOf(() => new StreamHandler(options as object))).toBe('option_invalid')
  })

  it.each([
    [null, 'the second argument of a StreamHandler must be an object'],
    [{ log: 5 }, 'log=5: must be an object with the methods debug, info, warn, error'],
    [{ foo: 1 }, 'foo: unknown'],
    [{ positionTellsLosses: false }, 'did you mean positionsTellLosses?'],
    [{ positionsTellLosses: 'no' }, 'positionsTellLosses="no": must be true or false'],
    [{ clock: Date }, 'must be an object with the methods nowMs'],
    [{ laneFile: 5 }, 'laneFile=5: must be the URL of a file'],
  ])('says what is wrong with %j as its second argument', (parts, message) => {
    expect(codeOf(() => new StreamHandler({}, parts as object))).toBe('option_invalid')
    expect(() => new StreamHandler({}, parts as object)).toThrow(message)
  })

  it('takes undefined for what is left out of its second argument', async () => {
    await start({}, { laneFile: STALLED_LANE, log: silentLog, clock: undefined } as object)
    expect(server.handler.isHealthy()).toBe(true)
  })

  it('names all that is wrong with its options before it starts anything', () => {
    const options = { maxClients: 0, pingIntervalMs: -1 }
    expect(codeOf(() => new StreamHandler(options))).toBe('option_invalid')
    expect(() => new StreamHandler(options)).toThrow(/maxClients.*\n.*pingIntervalMs/)
  })

  it('tells in its metrics what it has done', async () => {
    await start()
    const [all, some] = [await server.connect(), await server.connect('?symbols=A')]
    for (const symbol of ['A', 'B', 'A']) server.handler.broadcastTick(quote(symbol, 1))
    await all.until(() => all.ticks.length === 3)
    await some.until(() => some.ticks.length === 2)
    await server.until(() => server.handler.getMetrics().lanes[0]!.counters.ticksDecoded === 3)
    const { counters, lanes, latency, offset, epoch, isUpstreamPaused } = server.handler.getMetrics()
    expect(counters).toMatchObject({ connectionsActive: 2, ticksReceived: 3, ticksBroadcast: 5 })
    const messages = [all, some].flatMap(client => client.messages).filter(({ type }) => type === 'ticks')
    expect(counters.messages).toBe(messages.length)
    expect(lanes).toMatchObject([{ lane: 0, queueDepth: 0, audiences: 2, counters: { ticksDecoded: 3 } }])
    // One write for each record, beside the two answers.
    expect(latency.count).toBe(counters.writes - 2)
    expect({ offset, epoch, isUpstreamPaused }).toEqual({
      offset: 3,
      epoch: server.handler.epoch,
      isUpstreamPaused: false,
    })
    expect(server.handler.getClientCount()).toBe(2)
  })

  it('is healthy until it shuts down', async () => {
    await start()
    expect(server.handler.isHealthy()).toBe(true)
    const stopped = server.handler.shutdown()
    expect(server.handler.isHealthy()).toBe(false)
    await stopped
    expect(server.handler.isHealthy()).toBe(false)
  })
})

describe('a shutdown', () => {
  it('sends what is queued to every client, then closes it with 1001', async () => {
    await start()
    const clients = await Promise.all([server.connect(), server.connect('?symbols=A'), server.connect()])
    for (let sequence = 1; sequence <= 2000; sequence++) server.handler.broadcastTick(quote('A', sequence))
    await server.handler.shutdown()
    for (const client of clients) {
      expect(await client.untilClosed()).toEqual({ code: 1001, reason: 'shutting down' })
      expect(client.ticks).toHaveLength(2000)
    }
    expect(server.counts('disconnect')).toEqual({ disconnectShutdown: 3 })
    expect(server.handler.getClientCount()).toBe(0)
  })

  it('takes neither ticks nor clients any more, and waits once however often it is asked', async () => {
    await start({ retryAfterS: 3 })
    await server.connect()
    const first = server.handler.shutdown()
    expect(server.handler.shutdown({ timeoutMs: 1 })).toBe(first)
    expect(server.handler.broadcastTick(quote('A', 1))).toBe(false)
    expect(server.count('ticksRefused')).toBe(1)
    const refused = await server.refusal('/ws/ticks')
    expect(refused).toMatchObject({
      status: 503,
      headers: { 'retry-after': '3' },
      body: { code: 'draining' },
    })
    await first
    expect(server.counts('refused')).toEqual({ refusedDraining: 1 })
    await server.handler.shutdown()
  })

  it('closes each client as soon as it has its last tick, and lets one that does not read have all of the time', async () => {
    await start(FULL_SIZE)
    const [slow, ...others] = [await server.connect(), await server.connect(), await server.connect()]
    slow.socket.pause()
    const last = await server.pushUntilBlocked()
    let isOver = false
    const stopped = server.handler.shutdown({ timeoutMs: 600_000 }).then(() => {
      isOver = true
    })
    for (const other of others) {
      expect(await other.untilClosed()).toEqual({ code: 1001, reason: 'shutting down' })
      expect(other.ticks).toHaveLength(last)
    }
    await server.until(() => server.handler.getClientCount() === 1)
    expect([isOver, slow.closed]).toEqual([false, undefined])
    slow.socket.resume()
    expect(await slow.untilClosed()).toEqual({ code: 1001, reason: 'shutting down' })
    expect(slow.ticks).toHaveLength(last)
    // And with the last client gone it is over.
    await stopped
    expect(server.counts('disconnect')).toEqual({ disconnectShutdown: 3 })
  })

  it('cuts one that never reads at the deadline', async () => {
    await start({ closeTimeoutMs: 60_000 })
    const slow = await server.connect()
    slow.socket.pause()
    await server.pushUntilBlocked()
    const startedMs = performance.now()
    await server.handler.shutdown({ timeoutMs: 800 })
    const tookMs = performance.now() - startedMs
    expect(server.handler.getClientCount()).toBe(0)
    expect(tookMs).toBeGreaterThanOrEqual(799)
    // The lanes' end comes after the deadline.
    expect(tookMs).toBeLessThan(2500)
    expect(server.counts('disconnect')).toEqual({ disconnectShutdown: 1 })
  })

  it('tells one that has fallen out of the ring what it missed before it closes it', async () => {
    await start()
    const slow = await TickClient.connect(server.url())
    const other = await server.connect()
    slow.socket.pause()
    let last = await server.pushUntilBlocked()
    // As much again as the ring holds.
    for (
      const bytes = server.countOfLane('framesBytes');
      server.countOfLane('framesBytes') < bytes + (2 << 20);
    ) {
      while (server.handler.broadcastTick(quote('A', last + 1))) last++
      await new Promise(setImmediate)
    }
    const stopped = server.handler.shutdown({ timeoutMs: 600_000 })
    await other.untilClosed()
    slow.socket.resume()
    await slow.until(() => false)
    await stopped
    expect(slow.closed).toEqual({ code: 1001, reason: 'shutting down' })
    expect(slow.gaps).toMatchObject([{ reason: 'slow', to: last }])
    expect(slow.ticks.length + slow.missed).toBe(last)
    expect(slow.silentErrors).toEqual([])
  })

  it('sends nothing behind a close frame, be a client blocked or not', async () => {
    await start(FULL_SIZE)
    const readers = [await server.connectReader(), await server.connectReader()]
    const other = await server.connect()
    let last = 0
    while (server.count('writesBlocked') === 0) {
      last += 100
      for (let sequence = last - 99; sequence <= last; sequence++)
        while (!server.handler.broadcastTick(quote('A', sequence))) await new Promise(setImmediate)
      // The first one reads, and the second does not.
      readers[0]!.read(1 << 20)
      await new Promise(setImmediate)
    }
    const stopped = server.handler.shutdown({ timeoutMs: 600_000 })
    for (const reader of readers) {
      // It throws for a frame behind a close frame.
      await reader.readUntil(() => false)
      expect(reader.closed).toBe(1001)
      expect(reader.sequences).toEqual(Array.from({ length: last }, (_, index) => index + 1))
      reader.destroy()
    }
    expect((await other.untilClosed()).code).toBe(1001)
    await stopped
  })

  it('tells those that read why they go, although their lane has not sent all that is queued', async () => {
    await start({ closeTimeoutMs: 100 }, { laneFile: STALLED_LANE })
    const raw = await server.connectRaw()
    const chunks: Buffer[] = []
    raw.on('data', chunk => chunks.push(chunk))
    const closed = once(raw, 'close')
    server.handler.broadcastTick(quote('A', 1))
    await server.handler.shutdown({ timeoutMs: 200 })
    await closed
    expect(Buffer.concat(chunks).subarray(-17, -13)).toEqual(Buffer.from([0x88, 15, 0x03, 0xe9]))
  })

  it('lets one that is slow but reads have all of it', async () => {
    // It must not fall out of the window.
    server = await HandlerServer.startOnUnixSocket(FULL_SIZE)
    const slow = await server.connect()
    slow.socket.pause()
    const last = await server.pushUntilBlocked()
    const stopped = server.handler.shutdown({ timeoutMs: 20_000 })
    slow.socket.resume()
    expect(await slow.untilClosed()).toEqual({ code: 1001, reason: 'shutting down' })
    await stopped
    expect(slow.ticks).toHaveLength(last)
  })

  it('ends although a lane has not read what is queued', async () => {
    await start({ closeTimeoutMs: 100 }, { laneFile: STALLED_LANE })
    server.handler.broadcastTick(quote('A', 1))
    await server.handler.shutdown({ timeoutMs: 200 })
    expect(server.handler.getClientCount()).toBe(0)
  })

  it.each([
    ['does not stop', () => new Promise<void>(() => {}), undefined],
    ['fails to stop', () => Promise.reject(new Error('no')), 'no'],
  ])('ends although its source %s', async (_, stop, message) => {
    const own = await HandlerServer.start()
    const client = await own.connect()
    own.handler.attachSource({
      start: () => {},
      pause: () => {},
      resume: () => {},
      status: () => ({ state: 'live', reconnects: 0, lastError: undefined }),
      stop,
    })
    const stopped = own.handler.shutdown({ timeoutMs: 200 }).catch(() => {})
    expect(await client.untilClosed()).toEqual({ code: 1001, reason: 'shutting down' })
    await stopped
    expect(own.handler.getClientCount()).toBe(0)
    const failure = await own.stop().catch((error: Error) => error.message)
    expect(failure).toBe(message)
  })

  it('works on a handler that has only just begun', async () => {
    const handler = new StreamHandler({
      poolSize: 2,
      tickLogBytes: 1 << 20,
      frameRingBytes: 1 << 20,
      turnBytesMax: 16_384,
    })
    await handler.shutdown({ timeoutMs: 5000 })
    expect(handler.isHealthy()).toBe(false)
  })

  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31])(
    'refuses to be given %d ms',
    async timeoutMs => {
      await start({}, { laneFile: STALLED_LANE })
      expect(codeOf(() => server.handler.shutdown({ timeoutMs }))).toBe('option_invalid')
      expect(server.handler.isHealthy()).toBe(true)
    },
  )

  it('leaves nothing that keeps the process alive', async () => {
    const file = fileURLToPath(new URL('../support/handler-process.js', import.meta.url))
    const child = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'inherit'] })
    let stdout = ''
    child.stdout.on('data', chunk => {
      stdout += chunk
    })
    const [code] = await once(child, 'close')
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'stopped\n' })
  })
})
