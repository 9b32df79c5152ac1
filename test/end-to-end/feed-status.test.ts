/**
 * What clients are told when the feed goes away and comes back: over real sockets, with a real gRPC feed that is killed.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { HandlerOptions } from '../../src/config/config.js'
import type { StatusMessage } from '../../src/protocol/messages.js'
import { GrpcSource } from '../../src/sources/grpc/grpc-source.js'
import { extent } from '../support/extent.js'
import { HandlerServer, type TestClient } from '../support/handler-server.js'
import { type ScriptedCall, ScriptedFeed, ticksAt } from '../support/scripted-feed.js'
import { quote } from '../support/ticks.js'

let feed: ScriptedFeed
let server: HandlerServer
let source: GrpcSource

beforeEach(async () => {
  feed = new ScriptedFeed()
  await feed.start()
})

afterEach(async () => {
  await source.stop()
  await server.stop()
  await feed.stop()
})

async function begin(options: Partial<HandlerOptions> = {}, laneFile?: string): Promise<void> {
  server = await HandlerServer.start(options, laneFile === undefined ? {} : { laneFile: laneUrl(laneFile) })
  source = new GrpcSource({ target: feed.target, backoffMinMs: 1, backoffMaxMs: 20 })
  server.handler.attachSource(source)
}

const laneUrl = (name: string): string => new URL(`../support/lanes/${name}.js`, import.meta.url).href

const statuses = ({ messages }: TestClient): StatusMessage[] =>
  messages.flatMap(message => (message.type === 'status' ? [message] : []))
const states = (client: TestClient): string[] => statuses(client).map(({ feed }) => feed)
const types = ({ messages }: TestClient): string[] => messages.map(({ type }) => type)
const has = (client: TestClient, ...expected: string[]) =>
  client.until(() => states(client).join() === expected.join())

/** Sends ticks and waits until the client has all of them. */
async function deliver(client: TestClient, call: ScriptedCall, ...positions: number[]): Promise<void> {
  call.send(ticksAt(...positions))
  await client.until(() => client.ticks.includes(`BTCUSDT${positions.at(-1)}`))
}

/** A call of the feed that is open. */
async function opened(number: number, epoch = 'epoch-1'): Promise<ScriptedCall> {
  const call = await feed.call(number)
  call.open(epoch)
  return call
}

it('tells every client within a second that the feed is lost, and that it is back behind the gap', async () => {
  await feed.stop()
  await begin({ poolSize: 2 })
  const clients = await Promise.all(
    ['', '?symbols=NONE', '?delivery=latest', '?delivery=latest&interval=60000', '?batch=false'].map(query =>
      server.connect(query),
    ),
  )
  const [all] = clients as [TestClient]
  await feed.start()
  const first = await opened(1)
  await deliver(all, first, 1, 2)
  for (const client of clients) await has(client, 'down', 'live')
  const lostMs = performance.now()
  await feed.stop()
  for (const client of clients) await has(client, 'down', 'live', 'down')
  expect(performance.now() - lostMs).toBeLessThan(1_000)
  await feed.start()
  const second = await opened(2)
  await deliver(all, second, 10)
  for (const client of clients) await has(client, 'down', 'live', 'down', 'live')
  const [, live, down] = statuses(all)
  expect(down).toEqual({
    type: 'status',
    feed: 'down',
    since: expect.any(Number),
    reason: 'the gateway has lost the feed and calls it again',
  })
  expect(down!.since).toBeGreaterThan(live!.since)
  expect(JSON.stringify(statuses(all))).not.toContain('127.0.0.1')
  expect(types(all).slice(types(all).lastIndexOf('status') - 3)).toEqual(['status', 'gap', 'ticks', 'status'])
  for (const client of clients) expect(statuses(client).slice(1)).toEqual(statuses(all).slice(1))
})

it('tells that a quiet feed is live', async () => {
  await begin()
  const client = await server.connect()
  await opened(1)
  await has(client, 'down', 'live')
  expect(client.ticks).toEqual([])
})

it('tells a new client the present state behind its first message, in both subprotocols', async () => {
  await feed.stop()
  await begin()
  for (const subprotocol of ['ringcast.v1.json', 'ringcast.v1.protobuf']) {
    const client = await server.connect('', {}, [subprotocol])
    await client.until(() => client.messages.length > 1)
    expect(client.messages.slice(0, 2)).toMatchObject([
      { type: 'subscribed' },
      { type: 'status', feed: 'down', reason: 'the gateway is not connected to the feed yet' },
    ])
  }
})

it('tells a client that resumes the present state once, behind `live`', async () => {
  await begin()
  const client = await server.connect()
  await deliver(client, await opened(1), 1, 2)
  for (let session = 2; session <= 4; session++) {
    feed.drop()
    await deliver(client, await opened(session), session + 1)
  }
  const back = await server.connect(`?resume=${server.handler.epoch}:1`)
  await has(back, 'live')
  expect(back.ticks).toEqual(client.ticks.slice(1))
  expect(types(back).slice(-2)).toEqual(['live', 'status'])
  const other = await server.connect('?resume=another:1')
  await has(other, 'live')
  expect(types(other).slice(0, 3)).toEqual(['subscribed', 'gap', 'status'])
})

it.each(extent(['exits'], ['throws-before-publish', 'throws-after-publish', 'exits']))(
  'tells each state once, in its place, while lanes die: %s',
  async laneFile => {
    await feed.stop()
    await begin({ poolSize: 2 }, laneFile)
    const clients = await Promise.all(
      ['', '?batch=false', '?symbols=NONE', '?symbols=NONE*'].map(query => server.connect(query)),
    )
    const [all, single] = clients as [TestClient, TestClient]
    const expected = ['down']
    let position = 0
    await feed.start()
    for (let session = 1; session <= 12; session++) {
      const call = await opened(session)
      for (let message = 0; message < 5; message++) {
        await deliver(all, call, position + 1, position + 2)
        position += 2
      }
      await feed.stop()
      expected.push('live', 'down')
      await has(all, ...expected)
      await feed.start()
    }
    for (const client of clients) await has(client, ...expected)
    await single.until(() => single.ticks.length === all.ticks.length)
    for (const client of clients) expect(statuses(client)).toEqual(statuses(all))
    // No tick is lost: a gap only names the epoch of the feed.
    expect(all.messages.filter(({ type }) => type === 'gap')).toMatchObject([{ missed: 0 }])
    expect(server.count('laneRestarts')).toBeGreaterThan(0)
  },
)

it('gives clients that hear nothing a heartbeat, with their place in the stream and the state of the feed', async () => {
  await begin()
  const call = await opened(1)
  const all = await server.connect()
  const query = '?symbols=NONE&heartbeat=1000'
  const quiet = await server.connect(query)
  const other = await server.connect(query, {}, ['ringcast.v1.protobuf'])
  await deliver(all, call, 1, 2, 3)
  const heartbeats = ({ messages }: TestClient) => messages.filter(({ type }) => type === 'heartbeat')
  for (const client of [quiet, other]) await client.until(() => heartbeats(client).length > 0)
  for (const client of [quiet, other])
    expect(heartbeats(client)[0]).toEqual({ type: 'heartbeat', offset: 3, seq: 0, feed: 'live' })
  await feed.stop()
  await quiet.until(() => heartbeats(quiet).some(message => 'feed' in message && message.feed === 'down'))
  expect(types(quiet).slice(-2)).toEqual(['status', 'heartbeat'])
  expect(heartbeats(all)).toEqual([])
})

describe('a library that reads its feed itself', () => {
  it('tells nothing before it tells a state, and then each change in its place', async () => {
    await begin()
    await source.stop()
    await server.stop()
    server = await HandlerServer.start()
    const { handler } = server
    const client = await server.connect()
    handler.broadcastTick(quote('A', 1))
    expect(handler.setSourceState('down', 'the exchange is closed')).toBe(true)
    handler.setSourceState('down', 'the exchange is closed')
    handler.gap({ missed: 3 })
    handler.setSourceState('live')
    handler.broadcastTick(quote('A', 2))
    await client.until(() => client.ticks.length === 2)
    expect(types(client)).toEqual(['subscribed', 'ticks', 'status', 'gap', 'status', 'ticks'])
    expect(statuses(client)).toEqual([
      { type: 'status', feed: 'down', since: expect.any(Number), reason: 'the exchange is closed' },
      { type: 'status', feed: 'live', since: expect.any(Number) },
    ])
    await handler.shutdown()
    expect(handler.setSourceState('down')).toBe(false)
  })

  it.each([
    ['up', undefined, "state=\"up\": must be 'down' or 'live'"],
    ['down', '', 'reason="": must be one sentence of 1 to 200 characters'],
    ['down', 'x'.repeat(201), 'must be one sentence of 1 to 200 characters'],
    ['down', 'two\nlines', 'must be one sentence'],
    ['down', '\ud800', 'well-formed Unicode'],
    ['live', 5, 'reason=5: must be one sentence'],
  ])('is told what is wrong with %s, %s', async (state, reason, message) => {
    await begin()
    expect(() => server.handler.setSourceState(state as never, reason as never)).toThrow(message)
  })
})
