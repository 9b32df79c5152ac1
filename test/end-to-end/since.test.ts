/**
 * Clients that want the ticks since a time, and clients that connect without any entry, over real sockets.
 */
import { afterEach, expect, it } from 'vitest'
import type { ServerMessage, SubscribedMessage } from '../../src/protocol/messages.js'
import { FakeClock } from '../support/fake-clock.js'
import { FULL_SIZE, HandlerServer, type TestClient } from '../support/handler-server.js'
import { quote } from '../support/ticks.js'

/** 2024-08-08T13:30:00Z */
const START_US = 1_723_123_800_000_000
const TICKS_PER_SECOND = 100

let server: HandlerServer

afterEach(() => server.stop())

/** A client of all symbols that has all ticks: so many a second, of A and B, until now. */
async function start(seconds: number, options = {}): Promise<{ live: TestClient; epoch: string }> {
  const clock = new FakeClock(START_US)
  server = await HandlerServer.start({ ...FULL_SIZE, turnBytesMax: 16 * 1024, ...options }, { clock })
  const live = await server.connect()
  let sequence = 0
  for (let second = 0; second < seconds; second++) {
    for (let tick = 0; tick < TICKS_PER_SECOND; tick++) {
      sequence++
      server.handler.broadcastTick(quote(sequence % 2 === 1 ? 'A' : 'B', sequence))
    }
    await live.until(() => live.ticks.length === sequence)
    clock.advance(1000)
  }
  return { live, epoch: (live.messages[0] as SubscribedMessage).epoch }
}

const untilLive = (client: TestClient) =>
  client.until(() => client.messages.some(({ type }) => type === 'live'))

const types = (messages: readonly ServerMessage[]) => messages.map(({ type }) => type)

it.each(['-3s', '2024-08-08T13:30:07Z', '2024-08-08T15:30:06.001%2B02:00', '2024-08-08T15:30:07+02:00'])(
  'gets every tick that was received since %s, then the live ones',
  async since => {
    const { live } = await start(10)
    const client = await server.connect(`?since=${since}`)
    await untilLive(client)
    expect(client.messages[0]).toMatchObject({ resumed: true, offset: 700, seq: 0 })
    expect(client.ticks).toEqual(live.ticks.slice(700))
    expect(client.messages.at(-1)).toMatchObject({ replayed: { from: 701, to: 1000, ticks: 300 } })
    expect(types(client.messages)).not.toContain('gap')
    server.handler.broadcastTick(quote('A', 1001))
    await client.until(() => client.ticks.at(-1) === 'A1001')
  },
)

it('gets nothing of the past where nothing was received since then', async () => {
  await start(2)
  const client = await server.connect('?since=-0s')
  await untilLive(client)
  expect(client.messages).toMatchObject([
    { type: 'subscribed', resumed: true, offset: 200 },
    { type: 'live', offset: 200, replayed: { from: 201, to: 200, ticks: 0 } },
  ])
})

it('is told a gap in front of the first tick when nothing was received before that time', async () => {
  const { live } = await start(2)
  const client = await server.connect('?since=-2s')
  await untilLive(client)
  expect(client.messages.slice(0, 2)).toMatchObject([
    { type: 'subscribed', resumed: true, offset: 0 },
    { type: 'gap', reason: 'resume', from: 1, to: 0, missed: null, seq: 0 },
  ])
  expect(client.ticks).toEqual(live.ticks)
})

it('is told a gap, and gets what is there, when the log does not go back so far', async () => {
  const { live } = await start(40, { tickLogBytes: 1 << 18 })
  const client = await server.connect('?since=-39s')
  await untilLive(client)
  const [{ offset }, gap] = client.messages as [SubscribedMessage, ServerMessage]
  expect(offset).toBeGreaterThan(0)
  expect(offset).toBeLessThan(3000)
  expect(gap).toMatchObject({ type: 'gap', reason: 'resume', from: offset + 1, to: offset, missed: null })
  expect(client.ticks).toEqual(live.ticks.slice(offset))
})

it('gets the ticks of an entry that a command adds since a time', async () => {
  const { live } = await start(10)
  const client = await server.connect('?symbols=A')
  client.socket.send('{"type":"subscribe","id":1,"symbols":["B"],"since":"-5s"}')
  await untilLive(client)
  expect(client.messages[1]).toMatchObject({ id: 1, resumed: true, offset: 500, reached: 1000 })
  expect(client.ticks).toEqual(live.ticks.slice(500).filter(tick => tick.startsWith('B')))
})

it('begins with a snapshot where the latest ticks are asked for', async () => {
  await start(2)
  const client = await server.connect('?delivery=latest&interval=10&since=-1s')
  await untilLive(client)
  expect(types(client.messages)).toEqual(['subscribed', 'snapshot', 'live'])
})

it('follows a system clock that was stepped', async () => {
  await start(10)
  await server.stop()
  const clock = new FakeClock(START_US)
  server = await HandlerServer.start(FULL_SIZE, { clock })
  const live = await server.connect()
  for (const sequence of [1, 2]) {
    server.handler.broadcastTick(quote('A', sequence))
    await live.until(() => live.ticks.length === sequence)
    clock.advance(1000)
  }
  clock.stepUs = 3_600_000_000
  const client = await server.connect('?since=2024-08-08T14:30:01Z')
  await untilLive(client)
  expect(client.ticks).toEqual(['A2'])
})

it.each([
  ['?since=yesterday', /since must be a time such as/],
  ['?since=2124-08-08T13:30:00Z', /since must be in the past/],
  ['?since=-1s&resume=EPOCH:5', /since and resume exclude each other/],
])('is refused %s', async (query, message) => {
  const { epoch } = await start(1)
  expect(await server.refusal(`/ws/ticks${query.replace('EPOCH', epoch)}`)).toMatchObject({
    status: 400,
    body: { code: 'bad_since', message: expect.stringMatching(message) },
  })
  const client = await server.connect('?symbols=A')
  client.socket.send('{"type":"subscribe","id":1,"symbols":["B"],"since":"yesterday"}')
  await client.until(() => client.messages.length === 2)
  expect(client.messages[1]).toMatchObject({ type: 'error', id: 1, code: 'bad_since' })
})

it.each(['?symbols=', '?symbols', '?symbols=&delivery=latest&snapshot=true'])(
  'connects without an entry by %s, and adds entries by commands',
  async query => {
    const { live, epoch } = await start(3)
    const client = await server.connect(query)
    server.handler.broadcastTick(quote('A', 301))
    await live.until(() => live.ticks.length === 301)
    client.socket.send('{"type":"list","id":1}')
    const command = { type: 'subscribe', symbols: ['A'], delivery: 'every', resume: `${epoch}:100` }
    client.socket.send(JSON.stringify({ ...command, id: 2 }))
    await untilLive(client)
    expect(client.messages[0]).toMatchObject({ type: 'subscribed', symbols: [] })
    expect(client.messages[1]).toMatchObject({ type: 'subscriptions', subscriptions: [] })
    expect(client.ticks).toEqual(live.ticks.slice(100).filter(tick => tick.startsWith('A')))
  },
)

it('has nothing to replay without an entry', async () => {
  const { epoch } = await start(1)
  const client = await server.connect(`?symbols=&resume=${epoch}:5`)
  await untilLive(client)
  expect(client.messages).toMatchObject([
    { type: 'subscribed', symbols: [], resumed: true, offset: 5 },
    { type: 'live', offset: 100, replayed: { from: 6, to: 100, ticks: 0 } },
  ])
})
