/**
 * The bounds on the work of commands and connections, over real sockets.
 */
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { createRequire } from 'node:module'
import { PassThrough } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { WebSocket } from 'ws'
import { REFUSED_AFTER_MS } from '../../src/clients/late-refusals.js'
import type { HandlerOptions } from '../../src/config/config.js'
import { FakeClock } from '../support/fake-clock.js'
import { FULL_SIZE, HandlerServer, quote, type TestClient } from '../support/handler-server.js'

const KIB = 1024

let clock: FakeClock
let server: HandlerServer

beforeEach(() => {
  clock = new FakeClock()
  clock.advance(1)
})

afterEach(() => server.stop())

async function start(
  options: Partial<HandlerOptions> = {},
  startServer = HandlerServer.start,
): Promise<void> {
  // A test's time may pass much faster than its messages. Without a large total, commands wait for the pace.
  const many = {
    maxCommandsPerSecond: 1000,
    pongTimeoutMs: 3_600_000,
    readTimeoutMs: 7_200_000,
    totalWorkPerSecond: 1024 * 1024 * KIB,
  }
  server = await startServer({ ...FULL_SIZE, ...many, ...options }, { clock })
}

/** Names of eight characters. */
function names(count: number, client = 0): string[] {
  return Array.from({ length: count }, (_, index) => `S${client % 100}-${String(index).padStart(5, '0')}`)
}

/** Asks for the work of 11 bytes of text, 64 for itself and 16 for the entry, for each of 1,000 symbols: 89 KiB. */
const subscribe = (id: number, client = 0): string =>
  JSON.stringify({ type: 'subscribe', id, symbols: names(1000, client) })

const repliesOf = (client: TestClient) =>
  client.messages.flatMap(message =>
    'id' in message && message.id !== undefined ? [[message.id, message.type]] : [],
  )

/** The response to an upgrade request that is refused after a while. */
async function lateRefusal(target: string): ReturnType<HandlerServer['refusal']> {
  const timers = clock.delaysMs.length
  const refused = server.refusal(target)
  await server.until(() => clock.delaysMs.length > timers)
  expect(clock.delaysMs.at(-1)).toBe(REFUSED_AFTER_MS)
  clock.advance(REFUSED_AFTER_MS)
  return await refused
}

/** Sends a message and resolves with the type of its reply. */
async function ask(client: TestClient, text: string): Promise<unknown> {
  const before = client.messages.length
  client.socket.send(text)
  await client.until(() => client.messages.length > before)
  return client.messages[before]?.type
}

describe('a client that asks for more work than it may', () => {
  it('waits for its budget, and its commands are carried out in order', async () => {
    // After a quiet time it may ask for eight seconds’ worth: the ninth second of work is on credit.
    await start({ clientWorkPerSecond: 178 * KIB })
    const client = await server.connect('?symbols=A')
    let id = 0
    while (server.count('commandsDelayed') === 0) {
      client.socket.send(subscribe(++id))
      await server.until(() => repliesOf(client).length === id || server.count('commandsDelayed') > 0)
    }
    expect(id).toBeGreaterThan(16)
    expect(id).toBeLessThan(19)
    // The messages behind the one that waits are not read.
    client.socket.send(JSON.stringify({ type: 'list', id: ++id }))
    client.socket.send(JSON.stringify({ type: 'ping', id: ++id }))
    await clock.pass(1000, 100)
    await client.until(() => repliesOf(client).length === id)
    const changes = repliesOf(client).filter(([, type]) => type === 'subscribed')
    expect(changes.map(([each]) => each)).toEqual(Array.from({ length: id - 2 }, (_, index) => index + 1))
    const others = repliesOf(client).filter(([, type]) => type !== 'subscribed')
    expect(others.map(([, type]) => type)).toEqual(['subscriptions', 'pong'])
    expect(server.count('commandsRefused')).toBe(0)
  })

  it('is refused a command that would have to wait longer than a second, and is served again later', async () => {
    await start({ clientWorkPerSecond: 5 * KIB })
    const client = await server.connect('?symbols=A')
    expect(await ask(client, subscribe(1))).toBe('subscribed')
    expect(await ask(client, subscribe(2))).toBe('error')
    expect(client.messages.at(-1)).toMatchObject({ id: 2, code: 'too_many_commands' })
    expect(server.count('commandsRefused')).toBe(1)
    await clock.pass(60_000, 1000)
    expect(await ask(client, subscribe(3))).toBe('subscribed')
    expect(client.closed).toBeUndefined()
  })

  it('is read the more seldom, the more it is refused', async () => {
    await start({ clientWorkPerSecond: KIB })
    const client = await server.connect('?symbols=A')
    client.socket.send(subscribe(1))
    for (let id = 2; id <= 50; id++) client.socket.send(`{"type":"ping","id":${id}}`.padEnd(8000))
    await server.until(() => server.count('commandsRefused') > 0)
    // Each message reaches the gateway in real time, while the time of the test stands still.
    for (let pause = 1; pause <= 4; pause++) {
      const before = server.count('commandsRefused')
      await clock.pass(4800, 600)
      expect(server.count('commandsRefused')).toBe(before)
      await clock.pass(200, 100)
      await server.until(() => server.count('commandsRefused') > before)
    }
    expect(client.closed).toBeUndefined()
  })

  it('has its pings answered while it is in debt', async () => {
    await start({ clientWorkPerSecond: KIB })
    const client = await server.connect('?symbols=A')
    expect(await ask(client, subscribe(1))).toBe('subscribed')
    const pongs: string[] = []
    client.socket.on('pong', data => pongs.push(String(data)))
    client.socket.ping('first')
    await server.until(() => pongs.length === 1)
    expect(await ask(client, subscribe(2))).toBe('error')
    expect([pongs, server.count('commandsRefused')]).toEqual([['first'], 1])
  })

  it('costs other clients nothing', async () => {
    await start({ clientWorkPerSecond: KIB })
    const [greedy, other] = [await server.connect('?symbols=A'), await server.connect('?symbols=A')]
    for (let id = 1; id <= 5; id++) greedy.socket.send(subscribe(id))
    await greedy.until(() => repliesOf(greedy).length > 0)
    expect(await ask(other, subscribe(1))).toBe('subscribed')
    server.handler.broadcastTick(quote('A', 1))
    for (const client of [greedy, other]) await client.until(() => client.ticks.length === 1)
  })

  it('pays for a snapshot, and need not wait longer than a second after a large one', async () => {
    await start({ clientWorkPerSecond: KIB })
    for (let index = 0; index < 2000; index++)
      server.handler.broadcastTick(quote(`S${String(index).padStart(60, '0')}`, 1))
    const client = await server.connect('?symbols=NONE')
    const all = '{"type":"subscribe","id":1,"symbols":["*"],"snapshot":true}'
    client.socket.send(all)
    await client.until(() => client.messages.some(message => message.type === 'snapshot' && !message.more))
    client.socket.send('{"type":"ping","id":2}')
    await server.until(() => server.count('commandsDelayed') === 1)
    await clock.pass(1000, 100)
    await client.until(() => client.messages.at(-1)?.type === 'pong')
  })

  it('is not ended for a pong that stands behind commands that wait', async () => {
    await start({
      clientWorkPerSecond: 16 * KIB,
      pingIntervalMs: 3000,
      pongTimeoutMs: 2000,
      readTimeoutMs: 60_000,
    })
    const client = await server.connect('?symbols=A')
    // Each is a second’s work.
    for (let id = 1; id <= 60; id++) client.socket.send(`{"type":"ping","id":${id}}`.padEnd(16 * KIB - 100))
    for (let delayed = 1; delayed <= 40; delayed++) {
      await server.until(() => server.count('commandsDelayed') >= delayed || client.closed !== undefined)
      await clock.pass(1000, 500)
    }
    expect(client.pings).toBeGreaterThan(0)
    expect(client.closed).toBeUndefined()
    expect(server.counts('disconnect')).toEqual({})
  })

  it('ends cleanly while its commands wait', async () => {
    await start({ clientWorkPerSecond: 90 * KIB })
    const client = await server.connect('?symbols=A')
    for (let id = 1; server.count('commandsDelayed') === 0; id++) {
      client.socket.send(subscribe(id))
      await server.until(() => repliesOf(client).length === id || server.count('commandsDelayed') > 0)
    }
    const timers = clock.timerCount
    client.socket.terminate()
    await server.until(() => server.handler.getClientCount() === 0)
    expect(clock.timerCount).toBe(timers - 1)
    expect(server.count('subscriptions')).toBe(0)
  })
})

describe('the clients of one address', () => {
  it('share a budget, and are all served when several wait', async () => {
    await start({ addressWorkPerSecond: 356 * KIB, clientWorkPerSecond: 1024 * 1024 * KIB })
    const clients = await Promise.all(Array.from({ length: 3 }, () => server.connect('?symbols=A')))
    const [first] = clients
    let last = 0
    while (server.count('commandsDelayed') === 0) {
      first!.socket.send(subscribe(++last))
      await server.until(() => repliesOf(first!).length === last || server.count('commandsDelayed') > 0)
    }
    for (const client of clients) {
      const before = server.count('commandsDelayed')
      client.socket.send(subscribe(1000))
      // The first client is not read: a command of it waits already.
      if (client !== first) await server.until(() => server.count('commandsDelayed') > before)
    }
    expect(clients.map(client => repliesOf(client).some(([id]) => id === 1000))).toEqual([
      false,
      false,
      false,
    ])
    await clock.pass(50, 50)
    // Too many bytes of replies would wait if the lane had not replied before the next command of this client.
    await first!.until(() => repliesOf(first!).length === last)
    await clock.pass(2000, 50)
    for (const client of clients) await client.until(() => repliesOf(client).some(([id]) => id === 1000))
    expect(server.count('commandsRefused')).toBe(0)
  })

  it('get no fresh budget by reconnecting', async () => {
    await start({ addressWorkPerSecond: 5 * KIB })
    const [greedy, other] = [await server.connect('?symbols=A'), await server.connect('?symbols=A')]
    expect(await ask(greedy, subscribe(1))).toBe('subscribed')
    greedy.socket.terminate()
    expect(await lateRefusal('/ws/ticks?symbols=A')).toMatchObject({ status: 429 })
    expect(await ask(other, subscribe(1))).toBe('error')
    const elsewhere = await server.connect('?symbols=A', { localAddress: '127.0.0.2' })
    expect(await ask(elsewhere, subscribe(1))).toBe('subscribed')
  })

  it('pay for snapshots when they connect again and again, and owe nothing', async () => {
    await start({ addressWorkPerSecond: KIB })
    for (let index = 0; index < 2000; index++)
      server.handler.broadcastTick(quote(`S${String(index).padStart(60, '0')}`, 1))
    const client = await server.connect('?delivery=latest')
    await client.until(() => client.messages.some(message => message.type === 'snapshot' && !message.more))
    client.socket.close()
    await client.until(() => client.closed !== undefined)
    await server.until(() => server.count('connectionsActive') === 0)
    // The next one is on credit.
    await server.connect('?symbols=A')
    expect(await lateRefusal('/ws/ticks?symbols=A')).toMatchObject({ status: 429 })
    await clock.pass(2000, 100)
    await server.connect('?symbols=A')
  })

  it('are not charged for a request whose connection was reset', async () => {
    await start()
    const socket = new PassThrough()
    const request = { url: '/ws/ticks', method: 'GET', headers: {}, socket: { localAddress: '127.0.0.1' } }
    const isUpgraded = server.handler.handleUpgrade(request as IncomingMessage, socket, Buffer.alloc(0))
    expect([isUpgraded, socket.destroyed, socket.readableLength]).toEqual([false, true, 0])
    expect(server.counts('refused')).toEqual({})
  })

  it('are refused with 429 and Retry-After when they connect again and again', async () => {
    await start({ addressWorkPerSecond: 5 * KIB, retryAfterS: 7 })
    const symbols = names(900)
    const client = await server.connect(`?symbols=${symbols}`)
    await server.until(() => server.count('subscriptions') === 900)
    client.socket.close()
    const refused = {
      status: 429,
      headers: { 'retry-after': expect.stringMatching(/^([7-9]|1[0-4])$/) },
      body: { type: 'error', code: 'too_many_requests' },
    }
    expect(await lateRefusal(`/ws/ticks?symbols=${symbols}`)).toMatchObject(refused)
    expect(await lateRefusal('/nowhere')).toMatchObject(refused)
    expect(server.counts('refused')).toEqual({ refusedRate: 2 })
    await clock.pass(10_000, 1000)
    await server.connect('?symbols=A')
  })

  it('are many without an address where the server listens at a Unix socket', async () => {
    await start({ addressWorkPerSecond: KIB }, HandlerServer.startOnUnixSocket)
    for (let index = 0; index < 5; index++) {
      const client = await server.connect('?symbols=A')
      expect(await ask(client, subscribe(1))).toBe('subscribed')
    }
  })
})

describe('all clients together', () => {
  it('share a budget', async () => {
    await start({ totalWorkPerSecond: 5 * KIB }, HandlerServer.startOnUnixSocket)
    const first = await server.connect('?symbols=A')
    clock.advance(1000)
    const second = await server.connect('?symbols=A')
    clock.advance(1000)
    expect(await ask(first, subscribe(1))).toBe('subscribed')
    expect(await ask(second, subscribe(1))).toBe('error')
  })

  it('have their work done in parts, so that ticks come between them', async () => {
    // 8 MiB a second, and 32 KiB at once.
    await start({ totalWorkPerSecond: 1024 * KIB, clientWorkPerSecond: 1024 * KIB })
    const clients = await Promise.all(Array.from({ length: 10 }, () => server.connect('?symbols=A')))
    clock.advance(10)
    const newcomer = server.url(`?symbols=${names(900)}`)
    for (const client of clients) client.socket.send(subscribe(1))
    const done = () => clients.filter(client => repliesOf(client).length > 0).length
    await server.until(() => done() === 1 && server.count('commandsDelayed') === 9)
    const late = new WebSocket(newcomer)
    await server.until(() => server.count('connectionsWaiting') === 1)
    // Each takes 11 ms of the pace.
    for (let count = 2; count <= 10; count++) {
      clock.advance(11)
      await server.until(() => done() >= count)
      expect(done()).toBe(count)
    }
    expect(server.count('connectionsWaiting')).toBe(1)
    clock.advance(20)
    await once(late, 'open')
    late.terminate()
  })
})

describe('a client of normal use', () => {
  it('connects with 1,000 symbols and changes some of them all the time', async () => {
    await start({ maxCommandsPerSecond: 50, pongTimeoutMs: 10_000, readTimeoutMs: 60_000 })
    const client = await server.connect(`?symbols=${names(1000)}`)
    for (let change = 1; change <= 300; change++) {
      const type = change % 2 === 1 ? 'unsubscribe' : 'subscribe'
      const text = JSON.stringify({ type, id: change, symbols: names(10), snapshot: undefined })
      expect(await ask(client, text)).toBe(`${type}d`)
      clock.advance(200)
    }
    expect([server.count('commandsDelayed'), server.count('commandsRefused')]).toEqual([0, 0])
  })

  it('replaces all of its 1,000 symbols, with snapshots', async () => {
    await start({ maxCommandsPerSecond: 50 })
    const client = await server.connect()
    for (let id = 1; id <= 4; id++) {
      const type = id % 2 === 1 ? 'subscribe' : 'unsubscribe'
      expect(await ask(client, JSON.stringify({ type, id, symbols: names(1000, id >> 1) }))).toBe(`${type}d`)
    }
    expect([server.count('commandsDelayed'), server.count('commandsRefused')]).toEqual([0, 0])
  })
})

describe('compressed messages', () => {
  /** Counts the messages of clients that are inflated. The library does not export its class with types. */
  function countInflations(): () => number {
    const { prototype } = createRequire(import.meta.url)('ws').PerMessageDeflate as {
      prototype: { _decompress: (this: { _isServer: boolean }, ...args: unknown[]) => unknown }
    }
    let count = 0
    const inflate = prototype._decompress
    vi.spyOn(prototype, '_decompress').mockImplementation(function (
      this: { _isServer: boolean },
      ...args: unknown[]
    ) {
      if (this._isServer) count++
      return inflate.apply(this, args)
    })
    return () => count
  }

  afterEach(() => {
    vi.restoreAllMocks()
  })

  const DEFLATE = { perMessageDeflate: { threshold: 0 } }

  it('are charged by their inflated bytes, and not inflated while one before them waits', async () => {
    const inflations = countInflations()
    await start({ compression: true, clientWorkPerSecond: 16 * KIB, maxMessageBytes: 16 * KIB })
    const client = await server.connect('?symbols=A', DEFLATE)
    // Inflated, each is a second’s work: after eight seconds’ worth the next one waits.
    const text = (id: number) => `{"type":"ping","id":${id}}`.padEnd(16 * KIB - 200)
    for (let id = 1; id <= 40; id++) client.socket.send(text(id), { compress: true })
    await server.until(() => server.count('commandsDelayed') > 0)
    for (let round = 0; round < 20; round++) await new Promise(setImmediate)
    const before = inflations()
    expect(before).toBeLessThan(12)
    while (repliesOf(client).length < 40) {
      await clock.pass(100, 100)
      expect(inflations()).toBeLessThan(repliesOf(client).length + 4)
    }
    expect(repliesOf(client)).toEqual(Array.from({ length: 40 }, (_, index) => [index + 1, 'pong']))
  })

  it('of a client that leaves while they wait are not inflated', async () => {
    const inflations = countInflations()
    await start({ compression: true, clientWorkPerSecond: KIB })
    const client = await server.connect('?symbols=A', DEFLATE)
    for (let id = 1; id <= 40; id++)
      client.socket.send(`{"type":"ping","id":${id}}`.padEnd(8000), { compress: true })
    await server.until(() => server.count('commandsDelayed') + server.count('commandsRefused') > 0)
    const before = inflations()
    client.socket.terminate()
    // A socket that is not read does not notice its end: the wait has a bound.
    while (server.handler.getClientCount() > 0) await clock.pass(100, 100)
    expect(inflations()).toBeLessThan(before + 2)
  })
})
