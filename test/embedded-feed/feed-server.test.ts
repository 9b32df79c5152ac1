import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../src/common/clock.js'
import { silentLog } from '../../src/common/log.js'
import { FeedServer } from '../../src/embedded-feed/feed-server.js'
import { FeedStream } from '../../src/embedded-feed/feed-stream.js'
import { TickHistory } from '../../src/embedded-feed/tick-history.js'
import type { MessageForm } from '../../src/ingest/tick-sink.js'
import { GrpcCall } from '../../src/sources/grpc/grpc-call.js'
import { tickFeedCall } from '../../src/sources/grpc/tick-feed-service.js'
import { FakeClock } from '../support/fake-clock.js'
import { decodeTick, decodeTickBatch, encodeTick } from '../support/proto-messages.js'
import { dial, untilClosed } from '../support/raw-sockets.js'
import { until } from '../support/until.js'
import { Watched } from '../support/watched.js'

function append(history: TickHistory, count: number, symbol = 'A'): void {
  for (let i = 0; i < count; i++) {
    const bytes = encodeTick({ symbol, kind: 1, sequence: history.newest + 1 })
    history.append(bytes, bytes.length, symbol)
  }
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i)
}

/** Reads a feed through a bare call. */
class Reader extends Watched {
  readonly positions: number[] = []
  readonly batchSizes: number[] = []
  epoch: string | undefined
  hasMetadata = false
  end: string | undefined
  readonly call: GrpcCall

  constructor(
    port: number,
    options: { form?: MessageForm; symbols?: string[]; from?: number; windowBytes?: number } = {},
    host = '127.0.0.1',
  ) {
    super()
    const form = options.form ?? 'batch'
    this.call = new GrpcCall(
      {
        target: `${host}:${port}`,
        tls: false,
        windowBytes: options.windowBytes ?? 1 << 20,
        keepaliveMs: 0,
        metadata: {},
        proxy: false,
      },
      tickFeedCall(form, { symbols: options.symbols ?? [], fromPosition: options.from ?? 0 }),
      {
        connected: () => {},
        accepted: () => {},
        metadata: epoch => {
          this.epoch = epoch
          this.hasMetadata = true
          this.changed()
        },
        message: message => {
          const ticks = form === 'batch' ? decodeTickBatch(message).ticks : [decodeTick(message)]
          this.batchSizes.push(ticks.length)
          for (const tick of ticks) this.positions.push(Number(tick.position))
          this.changed()
        },
        ended: (_outcome, reason) => {
          this.end = reason
          this.changed()
        },
        failed: error => {
          throw error
        },
      },
    )
  }
}

describe('FeedServer', () => {
  let history: TickHistory
  let server: FeedServer
  let port: number
  const readers: Reader[] = []
  const held: Socket[] = []

  beforeEach(async () => {
    history = new TickHistory(1024)
    server = new FeedServer({ history, clock: systemClock, epoch: 'e1', batchTicksMax: 100 })
    port = await server.listen('127.0.0.1:0')
  })

  afterEach(async () => {
    for (const reader of readers.splice(0)) reader.call.cancel()
    for (const socket of held.splice(0)) socket.destroy()
    await server.close()
  })

  function read(options: ConstructorParameters<typeof Reader>[1] = {}): Reader {
    const reader = new Reader(port, options)
    readers.push(reader)
    return reader
  }

  it('sends its epoch at once, and without a position only new ticks', async () => {
    append(history, 5)
    const reader = read()
    await reader.until(() => reader.hasMetadata)
    expect(reader.epoch).toBe('e1')
    append(history, 2)
    server.flush()
    await reader.until(() => reader.positions.length === 2)
    expect(reader.positions).toEqual([6, 7])
    expect(reader.batchSizes).toEqual([2])
  })

  it('begins at the requested position, in batches up to the limit', async () => {
    append(history, 250)
    const reader = read({ from: 10 })
    await reader.until(() => reader.positions.length === 241)
    expect(reader.positions).toEqual(range(10, 250))
    expect(reader.batchSizes).toEqual([100, 100, 41])
  })

  it('begins with the oldest tick when the requested position is gone', async () => {
    append(history, 1500)
    const reader = read({ from: 10 })
    await reader.until(() => reader.positions.length === 1024)
    expect(reader.positions).toEqual(range(477, 1500))
  })

  it('begins with the oldest tick for named symbols, too, when the requested position is gone', async () => {
    append(history, 1500)
    const reader = read({ from: 10, symbols: ['A'] })
    await reader.until(() => reader.positions.length === 1024 || reader.end !== undefined)
    expect(reader.positions).toEqual(range(477, 1500))
  })

  it('waits for a position that is in the future', async () => {
    append(history, 5)
    const reader = read({ from: 8 })
    await reader.until(() => reader.hasMetadata)
    append(history, 5)
    server.flush()
    await reader.until(() => reader.positions.length === 3)
    expect(reader.positions).toEqual([8, 9, 10])
  })

  it.each(['', 'x'.repeat(65)])('refuses a request for %j, which is no symbol', async symbol => {
    const reader = read({ symbols: ['A', symbol] })
    await reader.until(() => reader.end !== undefined)
    expect(reader.end).toContain('INVALID_ARGUMENT: a symbol must have at')
    expect(server.subscriberCount).toBe(0)
  })

  it('sends only the named symbols, in both methods', async () => {
    for (let i = 0; i < 10; i++) append(history, 1, i % 2 ? 'B' : 'A')
    const batches = read({ from: 1, symbols: ['B', 'C'] })
    const single = read({ from: 1, symbols: ['B', 'C'], form: 'tick' })
    await batches.until(() => batches.positions.length === 5)
    await single.until(() => single.positions.length === 5)
    expect(batches.positions).toEqual([2, 4, 6, 8, 10])
    expect(single.positions).toEqual([2, 4, 6, 8, 10])
    expect(batches.batchSizes).toEqual([5])
  })

  it('sends single ticks in order', async () => {
    append(history, 300)
    const reader = read({ from: 1, form: 'tick' })
    await reader.until(() => reader.positions.length === 300)
    expect(reader.positions).toEqual(range(1, 300))
  })

  it('lets only the slow subscriber fall behind, which sees a hole in the positions', async () => {
    const slow = read({ from: 1, windowBytes: 65_535 })
    const fast = read({ from: 1 })
    await slow.until(() => slow.hasMetadata)
    await fast.until(() => fast.hasMetadata)
    slow.call.pause()
    let made = 0
    while (made < 40_000) {
      append(history, 500)
      made += 500
      server.flush()
      await fast.until(() => fast.positions.length === made)
    }
    expect(fast.positions).toEqual(range(1, 40_000))
    slow.call.resume()
    await slow.until(() => slow.positions.at(-1) === 40_000)
    expect(slow.positions[0]).toBe(1)
    expect(slow.positions.length).toBeLessThan(40_000)
    const holes = slow.positions.filter((position, i) => i > 0 && position !== slow.positions[i - 1]! + 1)
    expect(holes.length).toBeGreaterThan(0)
    // All that the history still held came whole.
    expect(slow.positions.slice(-1024)).toEqual(range(38_977, 40_000))
  })

  it('ends a stream of named symbols with DATA_LOSS when unsent ticks have left the history', async () => {
    const slow = read({ from: 1, windowBytes: 65_535, symbols: ['A'] })
    const fast = read({ from: 1 })
    await slow.until(() => slow.hasMetadata)
    await fast.until(() => fast.hasMetadata)
    slow.call.pause()
    for (let made = 500; made <= 40_000; made += 500) {
      append(history, 500)
      server.flush()
      await fast.until(() => fast.positions.length === made)
    }
    slow.call.resume()
    await slow.until(() => slow.end !== undefined)
    expect(slow.end).toContain('DATA_LOSS')
    expect(slow.positions).toEqual(range(1, slow.positions.length))
    expect(server.subscriberCount).toBe(1)
  })

  it('forgets a subscriber that has left', async () => {
    const reader = read()
    await reader.until(() => reader.hasMetadata)
    expect(server.subscriberCount).toBe(1)
    reader.call.cancel()
    const other = read()
    await other.until(() => other.hasMetadata)
    append(history, 1)
    server.flush()
    await other.until(() => other.positions.length === 1)
    expect(server.subscriberCount).toBe(1)
  })

  /** Connections of which each sends `bytes` and nothing else. */
  async function hold(at: number, count: number, bytes: Buffer): Promise<Socket[]> {
    const sockets = await Promise.all(Array.from({ length: count }, () => dial(at)))
    held.push(...sockets)
    for (const socket of sockets) socket.resume().write(bytes)
    return sockets
  }

  const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
  const SETTINGS = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0])
  // Fifty bytes of headers are announced, and one comes.
  const HALF_HEADERS = Buffer.from([0, 0, 50, 1, 4, 0, 0, 0, 1, 0x82])

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['half a preface', PREFACE.subarray(0, 10)],
    ['a preface', Buffer.concat([PREFACE, SETTINGS])],
    ['half a call', Buffer.concat([PREFACE, SETTINGS, HALF_HEADERS])],
  ])('bounds connections that send %s, in number and in time, and its readers go on', async (_, bytes) => {
    const clock = new FakeClock()
    const warned: object[] = []
    const log = { ...silentLog, warn: (details: object) => void warned.push(details) }
    const second = new FeedServer({ history, clock, log })
    const secondPort = await second.listen('127.0.0.1:0')
    const reader = new Reader(secondPort)
    readers.push(reader)
    await reader.until(() => reader.hasMetadata)
    const sockets = await hold(secondPort, 300, bytes)
    let ended = 0
    for (const socket of sockets) socket.on('close', () => ended++)
    await until(() => ended >= 200)
    const late = new Reader(secondPort)
    readers.push(late)
    await late.until(() => late.hasMetadata)
    expect(ended).toBe(201)
    clock.advance(5000)
    expect(warned).toMatchObject([{ evicted: 201, timedOut: 0, pending: 99 }])
    clock.advance(6000)
    await until(() => ended >= 300)
    append(history, 1)
    second.flush()
    for (const each of [reader, late]) await each.until(() => each.positions.length === 1)
    expect([reader.end, late.end]).toEqual([undefined, undefined])
    await second.close()
  })

  it('ends a connection that speaks no HTTP/2 at once', async () => {
    const [socket] = await hold(port, 1, Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n'))
    await untilClosed(socket!)
    const reader = read()
    await reader.until(() => reader.hasMetadata)
  })

  it('ends connections without a call when it closes', async () => {
    const second = new FeedServer({ history, clock: systemClock })
    const sockets = await hold(await second.listen('127.0.0.1:0'), 2, Buffer.concat([PREFACE, SETTINGS]))
    const ends = sockets.map(untilClosed)
    // So that the server has seen them.
    await Promise.all(sockets.map(socket => once(socket, 'data')))
    await second.close()
    await Promise.all(ends)
  })

  it.each(['localhost', '[::1]', '0.0.0.0'])('listens at %s', async host => {
    const second = new FeedServer({ history, clock: systemClock })
    const reader = new Reader(await second.listen(`${host}:0`), {}, host)
    readers.push(reader)
    await reader.until(() => reader.hasMetadata || reader.end !== undefined)
    expect(reader.end).toBeUndefined()
    await second.close()
  })

  it('says what to do when its port is taken', async () => {
    const other = createServer()
    const taken = await new Promise<number>(resolve => {
      other.listen(0, '127.0.0.1', () => resolve((other.address() as { port: number }).port))
    })
    const second = new FeedServer({ history, clock: systemClock })
    await expect(second.listen(`127.0.0.1:${taken}`)).rejects.toMatchObject({
      code: 'listen_failed',
      message: expect.stringContaining('stop what listens there, or choose another port'),
    })
    await expect(second.listen('a:b:c:')).rejects.toMatchObject({ code: 'listen_failed' })
    await new Promise(resolve => other.close(resolve))
  })

  it('ends the streams with UNAVAILABLE when it closes', async () => {
    const reader = read()
    await reader.until(() => reader.hasMetadata)
    await server.close()
    await reader.until(() => reader.end !== undefined)
    expect(reader.end).toBe('UNAVAILABLE: the feed is shutting down')
  })

  it('closes in time when a subscriber reads nothing', async () => {
    const clock = new FakeClock()
    const second = new FeedServer({ history, clock })
    const reader = new Reader(await second.listen('127.0.0.1:0'), { from: 1, windowBytes: 65_535 })
    reader.call.pause()
    await reader.until(() => reader.hasMetadata)
    // More than the buffers of both sides take together.
    for (let i = 0; i < 200; i++) {
      append(history, 50, 'L'.repeat(900))
      second.flush()
      await new Promise(resolve => setImmediate(resolve))
    }
    const closing = second.close(500)
    await clock.pass(500, 125)
    await closing
    expect(clock.timerCount).toBe(0)
    reader.call.cancel()
  })
})

describe('FeedStream', () => {
  const limits = { ticksMax: 1000, bytesMax: 64 * 1024 }

  it('stops writing when the call is full, and continues where it stopped', () => {
    const history = new TickHistory(64)
    append(history, 10)
    const written: Buffer[] = []
    const call = { write: (message: Buffer) => written.push(message) % 2 !== 0 }
    const request = { symbols: [], fromPosition: 1 }
    const stream = new FeedStream(history, call, 'tick', request, limits)
    expect(stream.send()).toBe('blocked')
    expect(stream.send()).toBe('blocked')
    expect(written).toHaveLength(2)
    stream.drained()
    expect(stream.send()).toBe('blocked')
    expect(written.map(message => decodeTick(message).position)).toEqual([1, 2, 3, 4])
  })

  it('never makes a message of more than 64 KiB, with and without symbols', () => {
    const history = new TickHistory(1024)
    append(history, 90, 'L'.repeat(900))
    for (const symbols of [[], ['L'.repeat(900)]]) {
      const written: Buffer[] = []
      const call = { write: (message: Buffer) => written.push(message) > 0 }
      const stream = new FeedStream(history, call, 'batch', { symbols, fromPosition: 1 }, limits)
      expect(stream.send()).toBe('waiting')
      const positions = written.flatMap(message => decodeTickBatch(message).ticks.map(tick => tick.position))
      expect(positions).toEqual(range(1, 90))
      expect(written.length).toBe(2)
      for (const message of written) expect(message.length).toBeLessThanOrEqual(64 * 1024)
    }
  })
})
