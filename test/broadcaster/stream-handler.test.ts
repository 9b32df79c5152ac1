import { afterEach, describe, expect, it } from 'vitest'
import type { PushedGap } from '../../src/broadcaster/pushed-gap.js'
import { StreamHandler } from '../../src/broadcaster/stream-handler.js'
import { RingcastError } from '../../src/common/errors.js'
import { silentLog } from '../../src/common/log.js'
import { GrpcSource } from '../../src/sources/grpc/grpc-source.js'
import type { TickSource } from '../../src/sources/tick-source.js'
import type { PushedTick } from '../../src/ticks/pushed-tick.js'
import { HandlerServer, quote } from '../support/handler-server.js'

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
    'takes %i ticks while the lane reads nothing, then refuses and counts',
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

  it('takes ticks again when the lane has caught up', async () => {
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

  it('is taken while the queue is full, and not after a shutdown', async () => {
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

  it('takes one source, and says what to do with a second source', async () => {
    await start({}, { laneFile: STALLED_LANE })
    server.handler.attachSource(source())
    expect(codeOf(() => server.handler.attachSource(source()))).toBe('source_attached')
    expect(() => server.handler.attachSource(source())).toThrow('make a StreamHandler for each')
  })

  it('takes no source after the shutdown', async () => {
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

  it('takes undefined for a missing part of its second argument', async () => {
    await start({}, { laneFile: STALLED_LANE, log: silentLog, clock: undefined } as object)
    expect(server.handler.isHealthy()).toBe(true)
  })

  it('names every wrong option before it starts anything', () => {
    const options = { maxClients: 0, pingIntervalMs: -1 }
    expect(codeOf(() => new StreamHandler(options))).toBe('option_invalid')
    expect(() => new StreamHandler(options)).toThrow(/maxClients.*\n.*pingIntervalMs/)
  })

  it('counts in its metrics what it has done', async () => {
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
    // One write for each record, besides the two replies.
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
