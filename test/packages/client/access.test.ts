/** The client with tokens, and with a past, against a real gateway. */
import { connect, type GetToken, type Item, type MarketTick, type Stream } from '@ringcast/client'
import { afterEach, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import type { StreamHandlerParts } from '../../../src/broadcaster/handler-parts.js'
import { tokenAuthenticator } from '../../../src/tokens/token-authenticator.js'
import { secretKeys } from '../../../src/tokens/token-keys.js'
import { FakeClock } from '../../support/fake-clock.js'
import { HandlerServer } from '../../support/handler-server.js'
import { quote } from '../../support/ticks.js'
import { inSeconds, SECRET, secretToken } from '../../support/tokens.js'
import { until } from '../../support/until.js'

const LIFE_SECONDS = 600
/** The gateway tells of the end of a token a minute before; this is later. */
const EXPIRING_MS = 545_000
/** The gateway looks now and then. */
const EXPIRED_MS = 615_000
const PATIENT = { readTimeoutMs: 86_400_000, pingIntervalMs: 10_000_000, pongTimeoutMs: 1_000 }
const RULES = { issuer: undefined, audience: [], toleranceMs: 0 }

let server: HandlerServer
let stream: Stream

afterEach(async () => {
  stream.close()
  await server.stop()
})

async function start(clock: FakeClock): Promise<void> {
  const authenticate = tokenAuthenticator(secretKeys(SECRET), RULES, clock)
  server = await HandlerServer.start(PATIENT, { clock, authenticate })
}

function open(getToken?: GetToken): Stream {
  stream = connect(server.url(), { WebSocket, random: () => 0, ...(getToken && { getToken }) })
  return stream
}

/** The items of a subscription of A, as `snapshot`, `1` for a tick, `gap` or `refused`. */
function follow(symbols: string | readonly string[] = 'A', since?: string): string[] {
  const seen: string[] = []
  const subscription = stream.subscribe(symbols, since === undefined ? { snapshot: true } : { since })
  const note = (item: Item<MarketTick>) => {
    if (item.type === 'ticks') seen.push(...item.ticks.map(({ sequence }) => `${sequence}`))
    else if (item.type === 'refused') seen.push(`${item.symbol} ${item.code}`)
    else seen.push(item.type)
  }
  for (const type of ['ticks', 'snapshot', 'gap', 'refused'] as const) subscription.on(type, note)
  return seen
}

it('a token is renewed in place, before it expires', async () => {
  const clock = new FakeClock(Date.now() * 1000)
  await start(clock)
  let asked = 0
  open(() => secretToken({ exp: inSeconds(++asked * LIFE_SECONDS), symbols: ['*'] }))
  const seen = follow()
  await until(() => seen.includes('snapshot'))
  clock.advance(EXPIRING_MS)
  await until(() => asked === 2)
  // The command of this subscription is done after the token.
  const other = follow('B')
  await until(() => other.includes('snapshot'))
  clock.advance(EXPIRED_MS - EXPIRING_MS)
  server.handler.broadcastTick(quote('A', 1))
  await until(() => seen.includes('1'))
  expect(server.sockets).toHaveLength(1)
  expect(asked).toBe(2)
})

it('a token that was not renewed expires: the client asks for another one, comes back, and misses nothing', async () => {
  const clock = new FakeClock(Date.now() * 1000)
  await start(clock)
  let asked = 0
  open(() => {
    asked++
    if (asked === 2) throw new Error('the sign-in service is down')
    return secretToken({ exp: inSeconds(asked * LIFE_SECONDS), symbols: ['*'] })
  })
  const states: string[] = []
  stream.on('state', ({ closeCode, code, state }) => states.push(`${state} ${code} ${closeCode ?? ''}`))
  const seen = follow()
  await until(() => seen.includes('snapshot'))
  server.handler.broadcastTick(quote('A', 1))
  await until(() => seen.includes('1'))
  clock.advance(EXPIRING_MS)
  await until(() => asked === 2)
  clock.advance(EXPIRED_MS - EXPIRING_MS)
  server.handler.broadcastTick(quote('A', 2))
  await until(() => states.filter(state => state === 'live live ').length === 2)
  server.handler.broadcastTick(quote('A', 3))
  await until(() => seen.includes('3'))
  expect(seen).toEqual(['snapshot', '1', '2', '3'])
  expect(states).toContain('reconnecting unauthorized 4002')
  expect(asked).toBe(3)
})

it('access that is revoked ends the stream, and says so', async () => {
  let isAllowed = true
  let client = ''
  const parts: StreamHandlerParts = {
    authenticate: () => ({ user: 'alice', symbols: ['*'] }),
    authorize: (_identity, entries, name) => {
      client = name
      return isAllowed ? entries : undefined
    },
  }
  server = await HandlerServer.start({}, parts)
  open(() => 'a token')
  const seen = follow()
  await until(() => seen.includes('snapshot'))
  isAllowed = false
  server.handler.reauthorize(client)
  await until(() => stream.state === 'closed')
  expect(stream.status).toMatchObject({ closeCode: 4003, reason: 'access revoked', retryable: false })
  expect(() => stream.subscribe('B')).toThrow('access revoked')
})

it('entries that a token does not allow are refused, and the others go on', async () => {
  const clock = new FakeClock(Date.now() * 1000)
  await start(clock)
  open(() => secretToken({ exp: inSeconds(LIFE_SECONDS), symbols: ['A'] }))
  const seen = follow(['A', 'B'])
  await until(() => seen.includes('snapshot'))
  server.handler.broadcastTick(quote('B', 1))
  server.handler.broadcastTick(quote('A', 2))
  await until(() => seen.includes('2'))
  expect(seen.filter(text => text !== 'snapshot')).toEqual(['B not_entitled', '2'])
})

it('a subscription may begin in the past', async () => {
  server = await HandlerServer.start()
  for (let sequence = 1; sequence <= 5; sequence++) server.handler.broadcastTick(quote('A', sequence))
  open()
  const seen = follow('A', '-10m')
  await until(() => seen.includes('5'))
  server.handler.broadcastTick(quote('A', 6))
  await until(() => seen.includes('6'))
  expect(seen.filter(text => text !== 'gap')).toEqual(['1', '2', '3', '4', '5', '6'])
})
