import { once } from 'node:events'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { HandlerOptions } from '../../src/config/config.js'
import { FakeClock } from '../support/fake-clock.js'
import { FULL_SIZE, HandlerServer, quote, type TestClient } from '../support/handler-server.js'

const MUTE = { autoPong: false }

let clock: FakeClock
let server: HandlerServer

beforeEach(() => {
  clock = new FakeClock()
  // At 0 a client blocked now would look like one that is not.
  clock.advance(1)
})

afterEach(() => server.stop())

/** A quarter of the shortest timeout. */
const BEAT_MS = 500

async function start(
  options: Partial<HandlerOptions> = {},
  startServer = HandlerServer.startOnUnixSocket,
): Promise<void> {
  server = await startServer(
    {
      pingIntervalMs: 3000,
      pongTimeoutMs: 2000,
      readTimeoutMs: 60_000,
      writeTimeoutMs: 10_000,
      closeTimeoutMs: 2000,
      ...options,
    },
    { clock },
  )
}

/** Lets time pass, beat by beat. At each beat the given clients send a message and read its reply. */
async function pass(ms: number, answering: readonly TestClient[] = []): Promise<void> {
  for (let leftMs = ms; leftMs > 0; leftMs -= BEAT_MS) {
    await clock.pass(Math.min(BEAT_MS, leftMs), BEAT_MS)
    await Promise.all(answering.map(client => client.roundTrip()))
  }
}

describe('pings', () => {
  it('are spread over the interval, one for each client', async () => {
    await start()
    const clients = await Promise.all(Array.from({ length: 12 }, () => server.connect()))
    const total = () => clients.reduce((sum, { pings }) => sum + pings, 0)
    const totals: number[] = []
    for (let beat = 0; beat < 12; beat++) {
      await pass(500, clients)
      totals.push(total())
    }
    expect(totals).toEqual([2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24])
    expect(clients.map(({ pings }) => pings)).toEqual(clients.map(() => 2))
  })

  it('keep a client that sends nothing but pongs', async () => {
    await start({ readTimeoutMs: 5000 })
    const client = await server.connect()
    for (let pings = 1; pings <= 10; pings++) {
      // At most one interval, so that each pong arrives before time passes.
      for (let beat = 0; beat < 6 && client.pings < pings; beat++) {
        await pass(BEAT_MS)
      }
      await client.until(() => client.pings === pings)
      await flushed()
    }
    expect(server.handler.getClientCount()).toBe(1)
    expect(server.counts('disconnect')).toEqual({})
  })

  it('end a client that sends no pong in time, and no other', async () => {
    await start()
    const deaf = await server.connect('', MUTE)
    const other = await server.connect()
    await pass(3000, [other])
    expect(deaf.pings).toBe(1)
    await pass(4000, [other])
    expect((await deaf.untilClosed()).code).toBe(1006)
    await server.until(() => server.handler.getClientCount() === 1)
    expect(server.counts('disconnect')).toEqual({ disconnectPong: 1 })
    expect(other.closed).toBeUndefined()
  })

  it('have the whole pong timeout', async () => {
    await start()
    const deaf = await server.connect('', MUTE)
    while (deaf.pings === 0) {
      await pass(BEAT_MS)
      await flushed()
    }
    await pass(1999)
    expect(server.handler.getClientCount()).toBe(1)
    await pass(501)
    await server.until(() => server.handler.getClientCount() === 0)
  })

  it('also go to a slow reader, and do not end it while bytes wait for it', async () => {
    // It must not fall out of the ring.
    await start({ ...FULL_SIZE, readTimeoutMs: 30_000, writeTimeoutMs: 20_000 })
    const slow = await server.connect()
    slow.socket.pause()
    const last = await server.pushUntilBlocked()
    await pass(9000)
    expect(server.handler.getClientCount()).toBe(1)
    slow.socket.resume()
    await slow.until(() => slow.ticks.length === last)
    await slow.roundTrip()
    // The gateway has heard of it, so the read timeout begins again.
    expect(slow.pings).toBe(1)
    await pass(15_000, [slow])
    expect(slow.closed).toBeUndefined()
  })

  it('have the whole pong timeout from when a slow reader has read up to them', async () => {
    // It must not fall out of the ring.
    await start(FULL_SIZE)
    const slow = await server.connect('', MUTE)
    slow.socket.pause()
    const last = await server.pushUntilBlocked()
    // Pinged at 1 s, found blocked at 3 s, and due again at 5 s.
    await pass(4500)
    slow.socket.resume()
    await slow.until(() => slow.ticks.length === last && slow.pings === 1)
    await pass(1500)
    await flushed()
    expect(slow.closed).toBeUndefined()
    await pass(1500)
    expect((await slow.untilClosed()).code).toBe(1006)
    expect(server.counts('disconnect')).toEqual({ disconnectPong: 1 })
  })
})

describe('a client that sends nothing', () => {
  it('is ended after the read timeout', async () => {
    await start({ pongTimeoutMs: 3900, readTimeoutMs: 4000 })
    const deaf = await server.connect('', MUTE)
    const other = await server.connect('', MUTE)
    await pass(3900)
    await other.roundTrip()
    await pass(900)
    expect((await deaf.untilClosed()).code).toBe(1006)
    await server.until(() => server.handler.getClientCount() === 1)
    expect(server.counts('disconnect')).toEqual({ disconnectRead: 1 })
  })
})

describe('a client that takes nothing', () => {
  /** A client that does not take what was written to it, and a client that does. */
  async function blocked(): Promise<{ slow: TestClient; other: TestClient; last: number }> {
    const slow = await server.connect()
    const other = await server.connect()
    slow.socket.pause()
    const last = await server.pushUntilBlocked()
    await other.until(() => other.ticks.length === last)
    return { slow, other, last }
  }

  it('is closed with 4008 when it reads again after the write timeout, and misses no earlier tick', async () => {
    await start({ ...FULL_SIZE, closeTimeoutMs: 10_000 })
    const { slow, other } = await blocked()
    await pass(9500, [other])
    expect(server.handler.getMetrics().counters.disconnectSlow).toBe(0)
    await pass(1000, [other])
    server.handler.broadcastTick(quote('LATE', 1))
    await other.until(() => other.ticks.at(-1) === 'LATE1')
    slow.socket.resume()
    expect(await slow.untilClosed()).toEqual({ code: 4008, reason: 'slow consumer' })
    expect(slow.ticks).toEqual(other.ticks.slice(0, slow.ticks.length))
    expect(slow.ticks).not.toContain('LATE1')
    await server.until(() => server.handler.getClientCount() === 1)
    expect(server.counts('disconnect')).toEqual({ disconnectSlow: 1 })
  })

  it('gets no byte behind the close frame', async () => {
    await start(FULL_SIZE)
    const raw = await server.connectRaw()
    raw.pause()
    const other = await server.connect()
    const last = await server.pushUntilBlocked()
    await other.until(() => other.ticks.length === last)
    await pass(10_500, [other])
    server.handler.broadcastTick(quote('LATE', 1))
    await other.until(() => other.ticks.at(-1) === 'LATE1')
    const reason = Buffer.from('slow consumer')
    const closeFrame = Buffer.concat([Buffer.from([0x88, 2 + reason.length, 4008 >> 8, 4008 & 255]), reason])
    const chunks: Buffer[] = []
    raw.on('data', chunk => chunks.push(chunk))
    raw.resume()
    await server.until(() => chunks.at(-1)?.subarray(-closeFrame.length).equals(closeFrame) === true)
    const closed = once(raw, 'close')
    // The client does not reply to the close frame.
    await pass(2500, [other])
    await closed
    expect(Buffer.concat(chunks).subarray(-closeFrame.length)).toEqual(closeFrame)
  })

  it('is cut after the close timeout when it does not read again', async () => {
    await start()
    const { other } = await blocked()
    await pass(11_500, [other])
    expect(server.handler.getClientCount()).toBe(2)
    await pass(1000, [other])
    await server.until(() => server.handler.getClientCount() === 1)
    expect(server.counts('disconnect')).toEqual({ disconnectSlow: 1 })
    expect(other.closed).toBeUndefined()
  })

  it('stays when it takes bytes within the write timeout', async () => {
    await start(FULL_SIZE)
    const { slow, other, last } = await blocked()
    await pass(9000, [other])
    slow.socket.resume()
    await slow.until(() => slow.ticks.length === last)
    await pass(9000, [slow, other])
    expect(server.handler.getClientCount()).toBe(2)
  })
})

describe('a close handshake', () => {
  it('ends after the close timeout when the client has closed the connection and does not end its side', async () => {
    await start()
    const reader = await server.connectReader()
    reader.close()
    await reader.readUntil(() => false)
    expect(reader.closed).toBe(1000)
    await pass(1500)
    expect(server.handler.getClientCount()).toBe(1)
    await pass(1000)
    await server.until(() => server.handler.getClientCount() === 0)
    expect(server.counts('disconnect')).toEqual({ disconnectClient: 1 })
  })
})

describe('a thread that was held up', () => {
  const PAUSE_MS = 70_000

  /** As when a stopped process continues: much time passes, and timers fire before anything is read. */
  function holdUp(): void {
    clock.jump(PAUSE_MS)
    clock.advance(0)
  }

  it('ends no client whose pong is still unread', async () => {
    await start()
    const clients = await Promise.all(Array.from({ length: 24 }, () => server.connect()))
    // At each beat other clients have been sent pings, and the test's thread has not let them reply.
    for (let beat = 0; beat < 6; beat++) {
      clock.advance(BEAT_MS)
      await new Promise(setImmediate)
      holdUp()
      await pass(BEAT_MS, clients)
    }
    expect(clients.map(({ pings }) => pings)).toEqual(clients.map(() => expect.toSatisfy(pings => pings > 0)))
    expect(server.handler.getClientCount()).toBe(24)
    expect(server.counts('disconnect')).toEqual({})
  })

  it('does not close a client as slow that has read in that time', async () => {
    await start(FULL_SIZE)
    const slow = await server.connect()
    slow.socket.pause()
    const last = await server.pushUntilBlocked()
    await pass(4000)
    holdUp()
    slow.socket.resume()
    await slow.until(() => slow.ticks.length === last)
    await pass(4000, [slow])
    expect(slow.closed).toBeUndefined()
    expect(server.counts('disconnect')).toEqual({})
  })

  it('closes a client that takes nothing when the rest of the timeout has passed', async () => {
    await start()
    const slow = await server.connect()
    slow.socket.pause()
    await server.pushUntilBlocked()
    await pass(4000)
    holdUp()
    await pass(6000)
    slow.socket.resume()
    expect((await slow.untilClosed()).code).toBe(4008)
  })

  it('does not cut a client whose close frame is still unread', async () => {
    await start()
    const slow = await server.connect()
    slow.socket.pause()
    await server.pushUntilBlocked()
    await pass(10_500)
    holdUp()
    // The close handshake has lasted one beat, and the pause counts as another one.
    await pass(500)
    expect(server.handler.getClientCount()).toBe(1)
    await pass(1000)
    await server.until(() => server.handler.getClientCount() === 0)
  })

  it('carries out all commands that came in that time', async () => {
    // All replies have room in a TCP connection. With the default, commands would wait for the pace of work.
    await start({ totalWorkPerSecond: 1 << 30 }, HandlerServer.start)
    const client = await server.connect('?symbols=A')
    holdUp()
    for (let id = 1; id <= 2000; id++) client.socket.send(JSON.stringify({ type: 'list', id }))
    await client.until(() => client.messages.length === 2001)
    expect(new Set(client.messages.slice(1).map(({ type }) => type))).toEqual(new Set(['subscriptions']))
  })
})

describe('the sweep', () => {
  it('removes a client whose connection died without an event', async () => {
    await start({ sweepIntervalMs: 5000, pongTimeoutMs: 10_000 })
    await server.connect()
    const other = await server.connect()
    const [socket] = server.sockets
    socket!.removeAllListeners('close')
    socket!.destroy()
    await pass(4500, [other])
    expect(server.handler.getClientCount()).toBe(2)
    await pass(500, [other])
    expect(server.handler.getClientCount()).toBe(1)
    expect(server.count('connectionsActive')).toBe(1)
    expect(server.counts('disconnect')).toEqual({ disconnectClient: 1 })
  })
})

it('a shutdown leaves no timer behind', async () => {
  await start()
  await server.connect()
  expect(clock.timerCount).toBeGreaterThan(0)
  await server.handler.shutdown()
  expect(clock.timerCount).toBe(0)
})

/** Lets bytes on their way between the test's sockets arrive: loopback takes a few rounds of the event loop. */
async function flushed(): Promise<void> {
  for (let round = 0; round < 20; round++) await new Promise(setImmediate)
}
