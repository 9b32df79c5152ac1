import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { StreamHandler } from '../../src/broadcaster/stream-handler.js'
import type { HandlerOptions } from '../../src/config/config.js'
import { FULL_SIZE, HandlerServer, quote } from '../support/handler-server.js'
import { TickClient } from '../support/tick-client.js'

const STALLED_LANE = new URL('../support/stalled-lane.js', import.meta.url).href

let server: HandlerServer

async function start(...args: Parameters<typeof HandlerServer.start>): Promise<void> {
  server = await HandlerServer.start(...args)
}

/** Its clients are blocked after few ticks. */
async function startOnUnixSocket(options: Partial<HandlerOptions>): Promise<void> {
  server = await HandlerServer.startOnUnixSocket(options)
}

afterEach(() => server?.stop())

describe('a shutdown', () => {
  it('sends every client what is queued, then closes it with 1001', async () => {
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

  it('refuses ticks and clients, and happens once however often it is called', async () => {
    await start({ retryAfterS: 3 })
    await server.connect()
    const first = server.handler.shutdown()
    expect(server.handler.shutdown({ timeoutMs: 1 })).toBe(first)
    expect(server.handler.broadcastTick(quote('A', 1))).toBe(false)
    expect(server.count('ticksRefused')).toBe(1)
    const refused = await server.refusal('/ws/ticks')
    expect(refused).toMatchObject({
      status: 503,
      headers: { 'retry-after': expect.stringMatching(/^[3-6]$/) },
      body: { code: 'draining' },
    })
    await first
    expect(server.counts('refused')).toEqual({ refusedDraining: 1 })
    await server.handler.shutdown()
  })

  it('closes each client as soon as it has its last tick, and waits for a client that does not read', async () => {
    await startOnUnixSocket(FULL_SIZE)
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
    await stopped
    expect(server.counts('disconnect')).toEqual({ disconnectShutdown: 3 })
  })

  it('cuts a client that never reads, at the deadline', async () => {
    await startOnUnixSocket({ closeTimeoutMs: 60_000 })
    const slow = await server.connect()
    slow.socket.pause()
    await server.pushUntilBlocked()
    const startedMs = performance.now()
    await server.handler.shutdown({ timeoutMs: 800 })
    const tookMs = performance.now() - startedMs
    expect(server.handler.getClientCount()).toBe(0)
    expect(tookMs).toBeGreaterThanOrEqual(799)
    // The lanes end after the deadline.
    expect(tookMs).toBeLessThan(2500)
    expect(server.counts('disconnect')).toEqual({ disconnectShutdown: 1 })
  })

  it('tells a client that has fallen out of the ring its gap, then closes it', async () => {
    await startOnUnixSocket({})
    const slow = await TickClient.connect(server.url())
    const other = await server.connect()
    slow.socket.pause()
    let last = await server.pushUntilBlocked()
    // Twice as much as the ring holds.
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

  it('sends nothing behind a close frame, to blocked clients and to others', async () => {
    await start(FULL_SIZE)
    const readers = [await server.connectReader(), await server.connectReader()]
    const other = await server.connect()
    let last = 0
    while (server.count('writesBlocked') === 0) {
      last += 100
      for (let sequence = last - 99; sequence <= last; sequence++)
        while (!server.handler.broadcastTick(quote('A', sequence))) await new Promise(setImmediate)
      // The first reader reads, and the second does not.
      readers[0]!.read(1 << 20)
      await new Promise(setImmediate)
    }
    const stopped = server.handler.shutdown({ timeoutMs: 600_000 })
    for (const reader of readers) {
      // A frame behind a close frame makes the reader throw.
      await reader.readUntil(() => false)
      expect(reader.closed).toBe(1001)
      expect(reader.sequences).toEqual(Array.from({ length: last }, (_, index) => index + 1))
      reader.destroy()
    }
    expect((await other.untilClosed()).code).toBe(1001)
    await stopped
  })

  it('closes reading clients with 1001 although their lane has not sent what is queued', async () => {
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

  it('sends a slow client that reads everything that is queued', async () => {
    // The client must not fall out of the ring.
    await startOnUnixSocket(FULL_SIZE)
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

  it('ends a handler whose lanes have not begun', async () => {
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
    'refuses %d ms as its timeout',
    async timeoutMs => {
      await start({}, { laneFile: STALLED_LANE })
      const refused = expect.objectContaining({ code: 'option_invalid' })
      expect(() => server.handler.shutdown({ timeoutMs })).toThrow(refused)
      expect(server.handler.isHealthy()).toBe(true)
    },
  )

  it('leaves nothing behind that keeps the process alive', async () => {
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
