import type { Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { StreamHandler } from '../../src/broadcaster/stream-handler.js'
import { ClientServer, type ClientServerOptions } from '../../src/clients/client-server.js'
import { systemClock } from '../../src/common/clock.js'
import { silentLog } from '../../src/common/log.js'
import { quote, SMALL, TestClient } from '../support/handler-server.js'
import { dial, untilClosed, untilEnd } from '../support/raw-sockets.js'
import { until } from '../support/until.js'
import { upgradeRequest } from '../support/upgrade-request.js'

const HELD = 400

let handler: StreamHandler
let server: ClientServer
let port: number
const sockets: Socket[] = []
const clients: TestClient[] = []

beforeEach(() => {
  handler = new StreamHandler(SMALL)
})

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  for (const client of clients.splice(0)) client.socket.terminate()
  server.close()
  await handler.shutdown({ timeoutMs: 200 })
})

async function start(options: Partial<ClientServerOptions> = {}): Promise<void> {
  server = new ClientServer({
    host: '127.0.0.1',
    port: 0,
    handleUpgrade: (request, socket, head) => handler.handleUpgrade(request, socket, head),
    pendingMax: 1000,
    clock: systemClock,
    log: silentLog,
    ...options,
  })
  port = (await server.listen()).port
}

async function subscribe(): Promise<TestClient> {
  const client = new TestClient(`ws://127.0.0.1:${port}/ws/ticks`, [], {})
  clients.push(client)
  await client.until(() => client.messages.length > 0 || client.closed !== undefined)
  expect(client.messages[0]).toMatchObject({ type: 'subscribed' })
  return client
}

async function dialled(sent = ''): Promise<Socket> {
  const socket = await dial(port)
  sockets.push(socket)
  if (sent !== '') socket.write(sent, 'latin1')
  return socket
}

/** Opens connections. Half of them send nothing, and half send the beginning of a request. */
async function hold(count: number): Promise<Socket[]> {
  const held = await Promise.all(
    Array.from({ length: count }, (_, index) =>
      dialled(index % 2 === 0 ? '' : 'GET /ws/ticks HTTP/1.1\r\nX: '),
    ),
  )
  for (const socket of held) socket.resume()
  return held
}

/** Every client gets this tick, and nobody was closed. */
async function expectLive(live: readonly TestClient[], sequence: number): Promise<void> {
  expect(handler.broadcastTick(quote('A', sequence))).toBe(true)
  for (const client of live) {
    await client.until(() => client.ticks.at(-1) === `A${sequence}` || client.closed !== undefined)
    expect(client.closed).toBeUndefined()
  }
}

describe('connections that send no request', () => {
  it('keep no client out and cost connected clients nothing', async () => {
    await start({ pendingMax: 100 })
    const live = await Promise.all(Array.from({ length: 5 }, subscribe))
    await hold(HELD)
    await until(() => server.counters().droppedPending === HELD - 100)
    expect(server.counters().connectionsPending).toBe(100)
    await expectLive(live, 1)
    for (let count = 1; count <= 5; count++) {
      live.push(await subscribe())
      await hold(1)
      await until(() => server.counters().connectionsPending === 100)
      expect(server.counters().droppedPending).toBe(HELD - 100 + count)
    }
    await expectLive(live, 2)
    expect(handler.getMetrics().counters.connectionsActive).toBe(10)
  })

  it('are ended with 408 after the request timeout, also when they send byte by byte, and counted', async () => {
    await start({ requestTimeoutMs: 300 })
    const live = await subscribe()
    const held = await hold(HELD)
    const answers = held.map(untilEnd)
    const drip = setInterval(() => {
      for (let index = 1; index < HELD; index += 2) if (held[index]!.writable) held[index]!.write('x')
    }, 20)
    const timedOut = 'HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n'
    for (const [index, answer] of answers.entries()) {
      // A byte that comes behind the answer resets the connection, and the answer may be lost with that.
      if (index % 2 === 0) expect(await answer).toBe(timedOut)
      else expect([timedOut, '']).toContain(await answer)
    }
    clearInterval(drip)
    await until(() => server.counters().connectionsPending === 0)
    expect(server.counters()).toMatchObject({ droppedTimeout: HELD, droppedPending: 0 })
    await expectLive([live], 1)
  })

  it('are ended when the server closes', async () => {
    await start()
    const held = await hold(3)
    await until(() => server.counters().connectionsPending === 3)
    server.close()
    await Promise.all(held.map(untilClosed))
  })
})

describe('a connection', () => {
  const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
  const POST = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n'
  const HEADERS = Array.from({ length: 3000 }, (_, index) => `X${index}: y`)

  it.each([
    ['a plain request', GET, 426, 'websocket_only'],
    ['a plain request that would go on', `${GET}${GET}${GET}`, 426, 'websocket_only'],
    ['a request with a body', `${POST}\r\nx`, 426, 'websocket_only'],
    ['a request that waits to send its body', `${POST}Expect: 100-continue\r\n\r\n`, 426, 'websocket_only'],
    ['another expectation', `${POST}Expect: miracles\r\n\r\n`, 426, 'websocket_only'],
    ['CONNECT', 'CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n', 426, 'websocket_only'],
    [
      'CONNECT behind a plain request',
      `${GET}CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n`,
      426,
      'websocket_only',
    ],
    ['an upgrade behind a plain request', `${GET}${upgradeRequest('/ws/ticks')}`, 426, 'websocket_only'],
    ['an upgrade on another path', upgradeRequest('/'), 404, 'unknown_path'],
    ['a second upgrade', upgradeRequest('/') + upgradeRequest('/ws/ticks'), 404, 'unknown_path'],
    [
      'an upgrade with a body',
      `${upgradeRequest('/ws/ticks', ['Content-Length: 5'])}hello`,
      400,
      'bad_handshake',
    ],
    [
      'an upgrade with a chunked body',
      upgradeRequest('/ws/ticks', ['Transfer-Encoding: chunked']),
      400,
      'bad_handshake',
    ],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400, undefined],
    ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01', 400, undefined],
    ['no host', 'GET / HTTP/1.1\r\n\r\n', 400, undefined],
    ['3,000 headers', upgradeRequest('/ws/ticks', HEADERS), 431, undefined],
    ['a head without an end', `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(17_000)}`, 431, undefined],
  ])('that sends %s is answered once and ended at once', async (_, sent, status, code) => {
    await start()
    const answer = await untilEnd(await dialled(sent))
    expect(answer.match(/HTTP\/1\.1 /g)).toHaveLength(1)
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} [^]*\r\nConnection: close\r\n`))
    if (code !== undefined) {
      expect(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n')))).toMatchObject({ type: 'error', code })
    }
    await until(() => server.counters().connectionsPending === 0)
    expect(handler.getMetrics().counters.connections).toBe(0)
  })

  it('that has become a client is not pending, also when it sends more bytes behind the request', async () => {
    await start({ pendingMax: 1 })
    const upgraded = await dialled(upgradeRequest('/ws/ticks') + upgradeRequest('/ws/ticks'))
    // A frame of the WebSocket protocol that is none.
    expect(await untilEnd(upgraded)).toMatch(/^HTTP\/1.1 101 /)
    const client = await subscribe()
    await hold(3)
    await until(() => server.counters().droppedPending === 2)
    await expectLive([client], 1)
  })

  it('is ended and counted when no file descriptor is left for it, and others go on', async () => {
    await start({ reservedFrom: 0 })
    expect(await untilEnd(await dialled(upgradeRequest('/ws/ticks')))).toBe('')
    expect(server.counters()).toMatchObject({ droppedDescriptors: 1, connectionsPending: 0 })
  })
})
