import { afterEach, describe, expect, it } from 'vitest'
import { FakeClock } from '../support/fake-clock.js'
import { HandlerServer, TestClient } from '../support/handler-server.js'

let server: HandlerServer

async function start(...args: Parameters<typeof HandlerServer.start>): Promise<void> {
  server = await HandlerServer.start(...args)
}

afterEach(() => server.stop())

describe('an upgrade request', () => {
  it('is refused with 503 and Retry-After while all places are taken', async () => {
    await start({ maxClients: 2, retryAfterS: 7 })
    const first = await server.connect()
    await server.connect()
    expect(await server.refusal('/ws/ticks')).toMatchObject({
      status: 503,
      headers: {
        'retry-after': expect.stringMatching(/^([7-9]|1[0-4])$/),
        connection: 'close',
        'content-type': 'application/json',
      },
      body: { type: 'error', code: 'limit', message: 'all 2 places are taken: try again later' },
    })
    expect(server.counts('refused')).toEqual({ refusedLimit: 1 })
    expect(server.handler.getClientCount()).toBe(2)
    first.socket.close()
    await server.until(() => server.handler.getClientCount() === 1)
    await server.connect()
    expect(server.handler.getClientCount()).toBe(2)
    expect(server.count('connections')).toBe(3)
  })

  it('for another path is refused with 404', async () => {
    await start()
    const { status, headers, body } = await server.refusal('/ws/tock')
    expect(status).toBe(404)
    expect(headers['retry-after']).toBeUndefined()
    expect(body).toMatchObject({ type: 'error', code: 'unknown_path' })
    expect(server.counts('refused')).toEqual({ refusedPath: 1 })
  })

  it.each([
    ['an unknown parameter', '/ws/ticks?symbol=A', {}, 'GET', 'unknown_parameter'],
    ['an unknown subprotocol', '/ws/ticks', { 'Sec-WebSocket-Protocol': 'x' }, 'GET', 'unknown_subprotocol'],
    ['another protocol', '/ws/ticks', { Upgrade: 'h2c' }, 'GET', 'bad_handshake'],
    ['another version', '/ws/ticks', { 'Sec-WebSocket-Version': '12' }, 'GET', 'bad_handshake'],
    ['no proper key', '/ws/ticks', { 'Sec-WebSocket-Key': 'x' }, 'GET', 'bad_handshake'],
    ['another method', '/ws/ticks', {}, 'PUT', 'bad_handshake'],
    [
      'broken subprotocols',
      '/ws/ticks',
      { 'Sec-WebSocket-Protocol': 'ringcast.v1.json,,' },
      'GET',
      'bad_handshake',
    ],
  ])('with %s is refused with 400 and counted', async (_, target, headers, method, code) => {
    await start()
    const { status, headers: responseHeaders, body } = await server.refusal(target, headers, method)
    expect(status).toBe(400)
    expect(body).toEqual({ type: 'error', code, message: expect.any(String) })
    expect(responseHeaders['sec-websocket-version']).toBe(code === 'bad_handshake' ? '13, 8' : undefined)
    expect(server.counts('refused')).toEqual({ refusedRequest: 1 })
    expect(server.counts('connections')).toEqual({})
  })

  it('does no harm when its sender leaves before the response', async () => {
    await start()
    const raw = await server.connectRaw('/nowhere')
    raw.resetAndDestroy()
    await server.connect()
    expect(server.handler.getClientCount()).toBe(1)
  })
})

describe('a page', () => {
  it('of an origin that is not allowed is refused; programs that are no browsers are not', async () => {
    await start({ allowedOrigins: ['https://app.example'] })
    for (const origin of ['https://evil.example', 'https://app.example.evil', 'null'])
      expect(await server.refusal('/ws/ticks', { Origin: origin })).toMatchObject({
        status: 403,
        body: { code: 'origin_not_allowed' },
      })
    await server.connect('', { origin: 'https://APP.example' })
    await server.connect()
    expect(server.counts('refused')).toEqual({ refusedOrigin: 3 })
  })
})

describe('an address', () => {
  it('may have a number of clients, also behind a trusted proxy', async () => {
    await start({ maxClientsPerAddress: 2, trustedProxies: ['127.0.0.1'] })
    const of = (address: string) => ({ headers: { 'x-forwarded-for': address } })
    const first = await server.connect('', of('198.51.100.1'))
    await server.connect('', of('198.51.100.1'))
    await server.connect('', of('198.51.100.2'))
    await server.connect()
    expect(await server.refusal('/ws/ticks', of('198.51.100.1').headers)).toMatchObject({
      status: 429,
      headers: { 'retry-after': expect.any(String) },
      body: { code: 'address_full' },
    })
    first.socket.close()
    await server.until(() => server.handler.getClientCount() === 3)
    await server.connect('', of('198.51.100.1'))
    expect(server.counts('refused')).toEqual({ refusedAddress: 1 })
  })

  it('may connect so often in a second, whether or not it is let in', async () => {
    const clock = new FakeClock()
    await start({ addressConnectionsPerSecond: 2 }, { clock })
    await server.connect()
    expect(await server.refusal('/nowhere')).toMatchObject({ status: 404 })
    expect(await server.refusal('/ws/ticks')).toMatchObject({
      status: 429,
      body: { code: 'too_many_requests' },
    })
    clock.advance(500)
    await server.connect()
    expect(server.counts('refused')).toEqual({ refusedPath: 1, refusedRate: 1 })
  })
})

describe('a user', () => {
  it('may have a number of clients, by the settings and by its own identity', async () => {
    await start(
      { maxClientsPerUser: 2 },
      {
        authenticate: ({ token = 'nobody', headers }) =>
          headers['x-silent'] === undefined || token !== 'nobody'
            ? { user: token, symbols: ['*'], connectionsMax: token === 'alice' ? 1 : 3 }
            : undefined,
      },
    )
    const alice = await server.connect('?token=alice')
    expect(await server.refusal('/ws/ticks?token=alice')).toMatchObject({
      status: 429,
      body: { code: 'user_full', message: 'you have all the 1 connections that you may have' },
    })
    await server.connect('?token=bob')
    await server.connect('?token=bob')
    expect(await server.refusal('/ws/ticks?token=bob')).toMatchObject({ status: 429 })
    // The same by a first message.
    const late = new TestClient(server.url(), [], { headers: { 'x-silent': '1' } })
    await new Promise(resolve => late.socket.once('open', resolve))
    late.socket.send(JSON.stringify({ type: 'auth', token: 'bob' }))
    expect(await late.untilClosed()).toEqual({ code: 1013, reason: 'try again later' })
    expect(late.messages).toMatchObject([{ type: 'error', code: 'user_full' }])
    expect(server.counts('refused')).toEqual({ refusedUser: 3 })
    alice.socket.close()
    await server.until(() => server.handler.getClientCount() === 2)
    await server.connect('?token=alice')
  })
})
