/**
 * Who gets in, and what they may see: over real sockets.
 */
import { afterEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import type { StreamHandlerParts } from '../../src/broadcaster/handler-parts.js'
import type { Authenticate } from '../../src/clients/access/identity.js'
import { systemClock } from '../../src/common/clock.js'
import type { HandlerOptions } from '../../src/config/config.js'
import { tokenAuthenticator } from '../../src/tokens/token-authenticator.js'
import { secretKeys } from '../../src/tokens/token-keys.js'
import { FakeClock } from '../support/fake-clock.js'
import { HandlerServer, quote, TestClient } from '../support/handler-server.js'
import { inSeconds, SECRET, secretToken } from '../support/tokens.js'

let server: HandlerServer

afterEach(() => server.stop())

const byToken = (clock = systemClock): Authenticate =>
  tokenAuthenticator(secretKeys(SECRET), { issuer: undefined, audience: [], toleranceMs: 0 }, clock)

async function start(options: Partial<HandlerOptions> = {}, parts: StreamHandlerParts = {}): Promise<void> {
  server = await HandlerServer.start(options, { authenticate: byToken(), ...parts })
}

async function connect(claims: Record<string, unknown>, query = ''): Promise<TestClient> {
  const token = await secretToken(claims)
  return await server.connect(`?token=${token}${query && `&${query}`}`)
}

/** A client that has shown nothing so far. */
async function open(query = ''): Promise<TestClient> {
  const client = new TestClient(server.url(query), [], {})
  await new Promise(resolve => client.socket.once('open', resolve))
  return client
}

function send(client: TestClient, ...commands: object[]): void {
  for (const command of commands) client.socket.send(JSON.stringify(command))
}

const types = (client: TestClient): string[] => client.messages.map(({ type }) => type)

async function reply(client: TestClient, id: number): Promise<object> {
  const find = () => client.messages.find(message => 'id' in message && message.id === id)
  await client.until(() => find() !== undefined)
  return find()!
}

/** Sends a tick of each symbol, and resolves when the client has the last one. */
async function tick(
  sequence: number,
  symbols: readonly string[],
  client: TestClient,
  last: string,
): Promise<void> {
  for (const symbol of symbols) server.handler.broadcastTick(quote(symbol, sequence))
  await client.until(() => client.ticks.includes(`${last}${sequence}`))
}

describe('a token', () => {
  it.each([
    ['the header Authorization', (token: string) => ({ headers: { authorization: `Bearer ${token}` } })],
    ['the URL', (token: string) => ({ query: `?token=${token}` })],
    [
      'the subprotocols',
      (token: string) => ({ subprotocols: [`ringcast.token.${token}`, 'ringcast.v1.json'] }),
    ],
  ])('lets a client in by %s', async (_, form) => {
    await start()
    const { headers, query, subprotocols } = {
      headers: {},
      query: '',
      subprotocols: [],
      ...form(await secretToken({ symbols: ['*'] })),
    }
    const client = await server.connect(query, { headers }, subprotocols)
    expect(client.socket.protocol).toBe(subprotocols.length > 0 ? 'ringcast.v1.json' : '')
    await tick(1, ['A'], client, 'A')
  })

  it.each([
    ['none', async () => undefined, 'token_missing'],
    ['one that has expired', () => secretToken({ exp: inSeconds(-1) }), 'token_expired'],
    ['one of somebody else', () => secretToken({}, Buffer.alloc(32)), 'token_signature'],
    ['no token at all', async () => 'x', 'token_malformed'],
  ])('is needed: %s is refused with 401', async (_, make, code) => {
    await start({ authMessages: false })
    const token = await make()
    const { body, headers, status } = await server.refusal(
      `/ws/ticks${token === undefined ? '' : `?token=${token}`}`,
    )
    expect(status).toBe(401)
    expect(headers['www-authenticate']).toMatch(/^Bearer/)
    expect(body).toEqual({ type: 'error', code, message: expect.any(String) })
    expect(JSON.stringify(body)).not.toContain(token ?? 'eyJ')
    expect(server.counts('refused')).toEqual({ refusedToken: 1 })
    expect(server.handler.getClientCount()).toBe(0)
  })

  it('is one: two different ones are refused', async () => {
    await start()
    const [one, other] = await Promise.all([secretToken(), secretToken({ sub: 'bob' })])
    const headers = { authorization: `Bearer ${other}` }
    expect(await server.refusal(`/ws/ticks?token=${one}`, headers)).toMatchObject({
      status: 401,
      body: { code: 'token_repeated' },
    })
  })

  it('alone is no subprotocol, and no message shows it', async () => {
    await start()
    const token = await secretToken()
    const headers = { 'Sec-WebSocket-Protocol': `ringcast.token.${token}` }
    const { body } = await server.refusal('/ws/ticks', headers)
    expect(body).toMatchObject({ code: 'unknown_subprotocol' })
    expect(JSON.stringify(body)).not.toContain(token)
  })
})

describe('a first message', () => {
  it('lets a client in, together with what it sends at once behind', async () => {
    await start()
    const client = await open('?symbols=A')
    expect(client.messages).toEqual([])
    expect(server.handler.getClientCount()).toBe(0)
    send(
      client,
      { type: 'auth', token: await secretToken({ symbols: ['*'] }) },
      { type: 'subscribe', id: 1, symbols: ['B'] },
    )
    await reply(client, 1)
    expect(client.messages).toMatchObject([
      { type: 'authenticated', user: 'alice', expires: expect.any(Number) },
      { type: 'subscribed', symbols: ['A'] },
      { type: 'subscribed', symbols: ['B'], id: 1 },
    ])
    await tick(1, ['A', 'B'], client, 'B')
    expect(client.ticks).toEqual(['A1', 'B1'])
  })

  it.each([
    ['another command', { type: 'subscribe', id: 7, symbols: ['A'] }, 'auth_expected'],
    ['a token that has expired', { type: 'auth', id: 7, token: 'expired' }, 'token_malformed'],
    ['no token', { type: 'auth', id: 7 }, 'auth_expected'],
  ])('that is %s ends the connection', async (_, message, code) => {
    await start()
    const client = await open()
    send(client, message)
    expect(await client.untilClosed()).toEqual({ code: 4001, reason: 'not authenticated' })
    expect(client.messages).toEqual([expect.objectContaining({ type: 'error', code })])
    expect(server.counts('refused')).toEqual({ refusedToken: 1 })
  })

  it('that does not come in time ends the connection', async () => {
    const clock = new FakeClock(Date.now() * 1000)
    await start(
      { authTimeoutMs: 3000, connectionsPerSecond: 100_000 },
      { clock, authenticate: byToken(clock) },
    )
    const client = await open()
    clock.advance(2999)
    expect(client.closed).toBeUndefined()
    clock.advance(1)
    expect(await client.untilClosed()).toEqual({ code: 4001, reason: 'not authenticated' })
    expect(client.messages).toMatchObject([{ type: 'error', code: 'auth_timeout' }])
  })

  it('may be binary, broken or a ping: nothing but the refusal is sent', async () => {
    await start()
    const client = await open()
    client.socket.ping()
    client.socket.send(Buffer.from('x'))
    expect(await client.untilClosed()).toMatchObject({ code: 4001 })
    expect(client.pongs).toBe(0)
    const broken = await open()
    // A frame with reserved bits.
    ;(broken.socket as unknown as { _socket: { write(data: Buffer): void } })._socket.write(
      Buffer.from([0xf1, 0x80, 0, 0, 0, 0]),
    )
    expect(await broken.untilClosed()).toMatchObject({ code: 1002 })
    expect(broken.messages).toEqual([])
  })
})

describe('an entitled client', () => {
  const SYMBOLS = ['BTCUSDT', 'BTCEUR', 'ETHUSDT', 'XRP']

  it('gets with * all that it may see, and nothing else', async () => {
    await start()
    const client = await connect({ symbols: ['BTC*', 'XRP'] })
    expect(client.messages[0]).toMatchObject({ type: 'subscribed', symbols: ['*'] })
    await tick(1, SYMBOLS, client, 'XRP')
    expect(client.ticks).toEqual(['BTCUSDT1', 'BTCEUR1', 'XRP1'])
  })

  it('is refused entry by entry, and gets of a prefix what it may see', async () => {
    await start()
    const client = await connect({ symbols: ['BTC*', 'XRP'] }, 'symbols=ETHUSDT,XRP')
    expect(client.messages[0]).toMatchObject({
      symbols: ['XRP'],
      refused: [{ symbol: 'ETHUSDT', code: 'not_entitled', message: expect.any(String) }],
    })
    send(client, { type: 'subscribe', id: 1, symbols: ['B*', 'E*', 'ETHUSDT', 'BTCEUR'] })
    expect(await reply(client, 1)).toMatchObject({
      symbols: ['B*', 'BTCEUR'],
      refused: [
        { symbol: 'E*', code: 'not_entitled' },
        { symbol: 'ETHUSDT', code: 'not_entitled' },
      ],
    })
    await tick(1, [...SYMBOLS, 'BNB', 'XRP'], client, 'XRP')
    expect(client.ticks).toEqual(['BTCUSDT1', 'BTCEUR1', 'XRP1', 'XRP1'])
    send(client, { type: 'unsubscribe', id: 2, symbols: ['B*', 'XRP'] })
    await reply(client, 2)
    await tick(2, SYMBOLS.toReversed(), client, 'BTCEUR')
    expect(client.ticks.slice(4)).toEqual(['BTCEUR2'])
  })

  it('without symbols in its token sees nothing', async () => {
    await start()
    const client = await connect({})
    expect(client.messages[0]).toMatchObject({
      symbols: [],
      refused: [{ symbol: '*', code: 'not_entitled' }],
    })
  })

  it('sees nothing else in a snapshot or a resume', async () => {
    await start()
    const witness = await connect({ symbols: ['*'] })
    await tick(1, SYMBOLS, witness, 'XRP')
    const client = await connect({ symbols: ['ETH*'] }, 'snapshot=true')
    await client.until(() => types(client).includes('snapshot'))
    expect(client.messages[1]).toMatchObject({ ticks: [{ symbol: 'ETHUSDT' }] })
    const resumed = await connect({ symbols: ['ETH*'] }, `resume=${server.handler.epoch}:0`)
    await resumed.until(() => types(resumed).includes('live'))
    expect(resumed.ticks).toEqual(['ETHUSDT1'])
    send(resumed, { type: 'subscribe', id: 1, symbols: ['*'], snapshot: true })
    send(resumed, { type: 'subscribe', id: 2, symbols: ['*'], resume: `${server.handler.epoch}:0` })
    await resumed.until(() => types(resumed).filter(type => type === 'live').length === 2)
    expect(resumed.messages.find(({ type }) => type === 'snapshot')).toMatchObject({
      ticks: [{ symbol: 'ETHUSDT' }],
    })
    expect(resumed.ticks).toEqual(['ETHUSDT1'])
  })

  it('is told of a gap only the ticks that it may see', async () => {
    await start()
    const client = await connect({ symbols: ['XRP', 'FILL*'] }, 'maxAgeMs=1')
    client.socket.pause()
    const filled = await server.pushUntilBlocked()
    for (let sequence = 1; sequence <= 5; sequence++)
      for (const symbol of SYMBOLS) server.handler.broadcastTick(quote(symbol, sequence))
    client.socket.resume()
    await client.until(() => types(client).includes('gap'))
    const gap = client.messages.find(({ type }) => type === 'gap')
    const got = client.ticks.length
    expect(gap).toMatchObject({ reason: 'slow', missed: filled + 5 - got })
  })

  it('shares its audience with all that may see the same', async () => {
    await start()
    const audiences = () => server.handler.getMetrics().lanes.reduce((sum, lane) => sum + lane.audiences, 0)
    for (let client = 0; client < 12; client++) {
      const symbols = client % 3 === 0 ? ['A*', 'B'] : client % 3 === 1 ? ['B', 'A*'] : ['C']
      await connect({ sub: `user ${client}`, symbols })
    }
    expect(audiences()).toBe(2)
  })

  it('is charged for the entries of its token once for all that may see the same', async () => {
    await start({ subscriptionsMax: 100 })
    const symbols = Array.from({ length: 40 }, (_, index) => `S${index}`)
    const first = await connect({ symbols })
    const second = await connect({ symbols })
    // 41 so far, then 51.
    await connect({ symbols: ['*'] }, `symbols=${Array.from({ length: 10 }, (_, index) => `T${index}`)}`)
    const token = await secretToken({ symbols: ['*'] })
    expect(await server.refusal(`/ws/ticks?token=${token}&symbols=${symbols.slice(0, 30)}`)).toMatchObject({
      status: 503,
      body: { code: 'subscriptions_full' },
    })
    first.socket.terminate()
    second.socket.terminate()
    await server.until(() => server.handler.getClientCount() === 1)
    await connect({ symbols: ['*'] }, `symbols=${symbols.slice(0, 30)}`)
  })

  it('may be limited to latest ticks, and to a number of entries', async () => {
    await start()
    const claims = { symbols: ['*'], delivery: 'latest', interval: 1000, maxSymbols: 2 }
    const client = await connect(claims)
    expect(client.messages[0]).toMatchObject({ delivery: 'latest', interval: 1000 })
    send(
      client,
      { type: 'subscribe', id: 1, symbols: ['A'], delivery: 'every' },
      { type: 'subscribe', id: 2, symbols: ['A'], interval: 999 },
      { type: 'subscribe', id: 3, symbols: ['A'], interval: 1001 },
      { type: 'subscribe', id: 4, symbols: ['B'] },
    )
    const message = 'you may have delivery "latest" with an interval of at least 1000 ms, and nothing else'
    expect(await reply(client, 1)).toMatchObject({ type: 'error', code: 'not_entitled', message })
    expect(await reply(client, 2)).toMatchObject({ type: 'error', code: 'not_entitled' })
    expect(await reply(client, 3)).toMatchObject({ symbols: ['A'], interval: 1001 })
    expect(await reply(client, 4)).toMatchObject({ symbols: [], refused: [{ code: 'too_many_symbols' }] })
    const token = await secretToken(claims)
    for (const query of ['delivery=every', 'delivery=latest&interval=500'])
      expect(await server.refusal(`/ws/ticks?${query}&token=${token}`)).toMatchObject({
        status: 403,
        body: { code: 'not_entitled', message },
      })
    expect(server.counts('refused')).toEqual({ refusedEntitlement: 2 })
  })
})

describe('a renewal', () => {
  it('changes what a client may see, at one place in the stream', async () => {
    await start()
    const client = await connect({ symbols: ['A', 'B'] })
    send(client, { type: 'subscribe', id: 1, symbols: ['B'] })
    await tick(1, ['A', 'B', 'C'], client, 'B')
    send(client, { type: 'auth', id: 2, token: await secretToken({ symbols: ['A', 'C'] }) })
    expect(await reply(client, 2)).toMatchObject({
      type: 'authenticated',
      user: 'alice',
      unsubscribed: ['B'],
      offset: 3,
      seq: expect.any(Number),
    })
    await tick(2, ['A', 'B', 'C'], client, 'C')
    expect(client.ticks).toEqual(['A1', 'B1', 'A2', 'C2'])
    send(client, { type: 'list', id: 3 })
    expect(await reply(client, 3)).toMatchObject({ subscriptions: [{ symbols: ['*'] }] })
    // The same again changes nothing: the reply has no place.
    send(client, { type: 'auth', id: 4, token: await secretToken({ symbols: ['C', 'A'] }) })
    expect(await reply(client, 4)).toEqual({
      type: 'authenticated',
      id: 4,
      user: 'alice',
      expires: expect.any(Number),
    })
  })

  it('can slow a client down', async () => {
    await start()
    const client = await connect({ symbols: ['*'] }, 'symbols=A,B')
    send(client, { type: 'subscribe', id: 1, symbols: ['B'], delivery: 'latest', interval: 5000 })
    await reply(client, 1)
    const token = await secretToken({ symbols: ['*'], delivery: 'latest', interval: 1000 })
    send(client, { type: 'auth', id: 2, token }, { type: 'ping', id: 3 })
    expect(await reply(client, 2)).toMatchObject({ offset: 0 })
    send(client, { type: 'list', id: 4 })
    expect(await reply(client, 4)).toMatchObject({
      subscriptions: [
        { delivery: 'latest', interval: 1000, symbols: ['A'] },
        { delivery: 'latest', interval: 5000, symbols: ['B'] },
      ],
    })
    send(client, { type: 'subscribe', id: 5, symbols: ['C'] })
    expect(await reply(client, 5)).toMatchObject({ delivery: 'latest', interval: 1000 })
  })

  it('with a wrong token, or that of another user, changes nothing', async () => {
    await start()
    const client = await connect({ symbols: ['A'] })
    send(
      client,
      { type: 'auth', id: 1, token: 'x' },
      // One at a time.
      { type: 'auth', id: 2, token: await secretToken({ symbols: ['*'] }) },
    )
    expect(await reply(client, 1)).toMatchObject({ type: 'error', code: 'token_malformed' })
    expect(await reply(client, 2)).toMatchObject({ type: 'error', code: 'too_many_commands' })
    send(client, { type: 'auth', id: 3, token: await secretToken({ sub: 'bob', symbols: ['*'] }) })
    expect(await reply(client, 3)).toMatchObject({ type: 'error', code: 'other_user' })
    await tick(1, ['B', 'A'], client, 'A')
    expect(client.ticks).toEqual(['A1'])
  })

  it('comes in time, or the client is told and closed', async () => {
    const clock = new FakeClock(Date.now() * 1000)
    await start(
      { readTimeoutMs: 86_400_000, pingIntervalMs: 1_000_000, pongTimeoutMs: 1000 },
      { clock, authenticate: byToken(clock) },
    )
    const [late, renewed] = await Promise.all([
      connect({ exp: inSeconds(600), symbols: ['*'] }),
      connect({ exp: inSeconds(600), symbols: ['*'] }),
    ])
    clock.advance(530_000)
    expect(types(late)).toEqual(['subscribed'])
    clock.advance(15_000)
    await renewed.until(() => types(renewed).includes('token-expiring'))
    await late.until(() => types(late).includes('token-expiring'))
    const expires = late.messages[1] as { expires: number }
    expect(expires.expires / 1e6 - Date.now() / 1000).toBeCloseTo(600, -1)
    send(renewed, { type: 'auth', token: await secretToken({ exp: inSeconds(1200), symbols: ['*'] }) })
    await renewed.until(() => types(renewed).includes('authenticated'))
    clock.advance(70_000)
    expect(await late.untilClosed()).toEqual({ code: 4002, reason: 'access expired' })
    expect(server.counts('disconnect')).toEqual({ disconnectExpired: 1 })
    await tick(1, ['A'], renewed, 'A')
    expect(late.ticks).toEqual([])
  })

  it('has nothing to renew where nobody is asked', async () => {
    server = await HandlerServer.start()
    const client = await server.connect('?token=ignored')
    send(client, { type: 'auth', id: 1, token: 'x' })
    expect(await reply(client, 1)).toMatchObject({ type: 'error', code: 'no_auth' })
    expect(client.socket.readyState).toBe(WebSocket.OPEN)
  })
})

describe('the hooks of a server', () => {
  it('let in whom they like, by anything in the request', async () => {
    const asked: unknown[] = []
    await start(
      {},
      {
        authenticate: async ({ headers, signal: _, ...request }) => {
          asked.push(request)
          if (headers.cookie !== 'session=1') return { denied: 'log in first' }
          return { user: 'alice', symbols: ['*'] }
        },
      },
    )
    expect(await server.refusal('/ws/ticks?symbols=A&token=t')).toMatchObject({
      status: 401,
      body: { code: 'denied', message: 'log in first' },
    })
    await server.connect('', { headers: { cookie: 'session=1' } })
    expect(asked).toEqual([
      { token: 't', url: '/ws/ticks?symbols=A&token=t', address: '127.0.0.1', renews: undefined },
      { token: undefined, url: '/ws/ticks', address: '127.0.0.1', renews: undefined },
    ])
  })

  it.each([
    ['throws', () => Promise.reject(new Error('no'))],
    ['never answers', () => new Promise<undefined>(() => {})],
  ])('let nobody in when authenticate %s', async (_, authenticate) => {
    await start({ authTimeoutMs: 100 }, { authenticate })
    expect(await server.refusal('/ws/ticks')).toMatchObject({
      status: 503,
      body: { code: 'auth_unavailable' },
    })
    expect(server.counts('refused')).toEqual({ refusedAuthUnavailable: 1 })
  })

  it('let nobody in when authenticate returns something wrong', async () => {
    await start({}, { authenticate: () => ({ user: 'alice', symbols: ['A*B'] }) })
    expect(await server.refusal('/ws/ticks')).toMatchObject({ status: 401, body: { code: 'bad_identity' } })
  })

  it('are asked about a bounded number of clients at once', async () => {
    let asked = 0
    let most = 0
    const answers: (() => void)[] = []
    await start(
      { maxClients: 500 },
      {
        authenticate: async () => {
          most = Math.max(most, ++asked)
          await new Promise<void>(resolve => answers.push(resolve))
          asked--
          return { user: 'alice', symbols: [] }
        },
      },
    )
    const clients = Array.from({ length: 100 }, () => server.connect())
    await server.until(() => asked === 64)
    const answering = setInterval(() => answers.shift()?.(), 1)
    await Promise.all(clients)
    clearInterval(answering)
    expect(most).toBe(64)
  })

  it('say of each entry whether a client may see it, also later', async () => {
    let allowed: readonly string[] | undefined = ['A', 'B*']
    const asked: unknown[] = []
    await start(
      {},
      {
        authenticate: () => ({ user: 'alice', symbols: ['*'] }),
        authorize: (identity, entries, client) => {
          asked.push([identity.user, entries, client])
          return allowed
        },
      },
    )
    const client = await server.connect('?symbols=A,C')
    const { client: name, ...subscribed } = client.messages[0] as { client: string }
    expect(subscribed).toMatchObject({ symbols: ['A'], refused: [{ symbol: 'C', code: 'not_entitled' }] })
    expect(asked).toContainEqual(['alice', ['A', 'C'], name])
    send(client, { type: 'subscribe', id: 1, symbols: ['*'] })
    await reply(client, 1)
    await tick(1, ['C', 'A', 'BB'], client, 'BB')
    allowed = ['C']
    expect(server.handler.reauthorize(name)).toBe(true)
    await client.until(() => types(client).includes('authenticated'))
    expect(client.messages.at(-1)).toMatchObject({
      type: 'authenticated',
      user: 'alice',
      unsubscribed: ['A'],
      offset: 3,
    })
    await tick(2, ['A', 'BB', 'C'], client, 'C')
    expect(client.ticks).toEqual(['A1', 'BB1', 'C2'])
    expect(server.handler.reauthorize('nobody')).toBe(false)
    allowed = undefined
    const before = Date.now()
    server.handler.reauthorize(name)
    expect(await client.untilClosed()).toEqual({ code: 4003, reason: 'access revoked' })
    expect(Date.now() - before).toBeLessThan(1000)
    await server.until(() => server.count('disconnectRevoked') === 1)
  })

  it('revoke the access of a client that reads nothing: it is gone within a second', async () => {
    let isAllowed = true
    await start(
      {},
      {
        authenticate: () => ({ user: 'alice', symbols: ['*'] }),
        authorize: (_, entries) => (isAllowed ? entries : undefined),
      },
    )
    const client = await server.connect()
    client.socket.pause()
    await server.pushUntilBlocked()
    isAllowed = false
    const { client: name } = client.messages[0] as { client: string }
    const before = Date.now()
    server.handler.reauthorize(name)
    await server.until(() => server.handler.getClientCount() === 0)
    expect(Date.now() - before).toBeLessThan(1000)
  })

  it('revoke the access when they are asked about a command, or fail', async () => {
    await start(
      {},
      {
        authenticate: () => ({ user: 'alice', symbols: ['*'] }),
        authorize: (_, entries) => {
          if (entries.includes('X')) throw new Error('no')
          return entries
        },
      },
    )
    const client = await server.connect('?symbols=A')
    send(client, { type: 'subscribe', id: 1, symbols: ['X'] })
    expect(await client.untilClosed()).toMatchObject({ code: 4003 })
    const other = new TestClient(server.url('?symbols=X'), [], {})
    expect(await other.untilClosed()).toMatchObject({ code: 4003 })
    expect(other.messages).toEqual([])
  })
})
