/**
 * Clients that add entries by a command and resume these, over real sockets.
 */
import { afterEach, expect, it } from 'vitest'
import type { LiveMessage, SubscribedMessage } from '../../src/protocol/messages.js'
import { FULL_SIZE, HandlerServer, type TestClient } from '../support/handler-server.js'
import { quote } from '../support/ticks.js'

let server: HandlerServer

afterEach(() => server.stop())

let sequence = 0

function push(count: number, symbols = ['A', 'B']): void {
  for (let tick = 0; tick < count; tick++) {
    const symbol = symbols[sequence % symbols.length]!
    if (!server.handler.broadcastTick(quote(symbol, ++sequence))) throw new Error('the queue is full')
  }
}

/** A client of all symbols that has `count` ticks. */
async function start(count: number, options = {}): Promise<{ live: TestClient; epoch: string }> {
  sequence = 0
  server = await HandlerServer.start({ ...FULL_SIZE, turnBytesMax: 16 * 1024, ...options })
  const live = await server.connect()
  await pushAll(live, count)
  return { live, epoch: (live.messages[0] as SubscribedMessage).epoch }
}

/** Pushes ticks, slowly enough that the feed is not paused. */
async function pushAll(live: TestClient, count: number): Promise<void> {
  for (let left = count; left > 0; left -= 500) {
    push(Math.min(left, 500))
    await live.until(() => live.ticks.length === sequence)
  }
}

const subscribe = (client: TestClient, id: number, fields: object): void =>
  client.socket.send(JSON.stringify({ type: 'subscribe', id, ...fields }))

const replyOf = (client: TestClient, id: number): SubscribedMessage | undefined =>
  client.messages.find((message): message is SubscribedMessage => 'id' in message && message.id === id)

const liveOf = (client: TestClient): LiveMessage | undefined =>
  client.messages.find((message): message is LiveMessage => message.type === 'live')

const untilLive = (client: TestClient) => client.until(() => liveOf(client) !== undefined)

const ofSymbol = (ticks: readonly string[], symbol: string) => ticks.filter(tick => tick.startsWith(symbol))
const offsetOf = (tick: string) => Number(tick.slice(1))

/** `seq` rises by one with each `ticks` message; every other message sets it. */
function checkSeq(client: TestClient): void {
  let seq = 0
  for (const message of client.messages) {
    if (message.type === 'ticks') expect(message.seq).toBe(++seq)
    else if ('seq' in message) seq = message.seq
  }
}

it('replays the entries of a command, once and in order, while the others miss nothing and get nothing twice', async () => {
  const { live, epoch } = await start(1500)
  const client = await server.connect('?symbols=A')
  push(100)
  subscribe(client, 1, { symbols: ['B'], resume: `${epoch}:500` })
  push(100)
  await untilLive(client)
  push(100)
  await client.until(() => client.ticks.at(-1) === 'B1800')
  await live.until(() => live.ticks.length === 1800)
  const reply = replyOf(client, 1)!
  expect(reply).toMatchObject({
    symbols: ['B'],
    resumed: true,
    offset: 500,
    seq: 0,
    reached: expect.any(Number),
  })
  expect(reply.reached).toBeGreaterThanOrEqual(1500)
  expect(ofSymbol(client.ticks, 'A')).toEqual(ofSymbol(live.ticks, 'A').filter(tick => offsetOf(tick) > 1500))
  expect(ofSymbol(client.ticks, 'B')).toEqual(ofSymbol(live.ticks, 'B').filter(tick => offsetOf(tick) > 500))
  const at = client.messages.indexOf(reply)
  const end = liveOf(client)!
  const replayed = client.messages
    .slice(at, client.messages.indexOf(end))
    .flatMap(message => (message.type === 'ticks' ? message.ticks : []))
  // Up to `reached` the replay has the added entries alone.
  expect(
    replayed.filter(({ sequence, symbol }) => symbol === 'A' && Number(sequence) <= reply.reached!),
  ).toEqual([])
  expect(end.replayed).toEqual({ from: 501, to: end.offset, ticks: replayed.length })
  checkSeq(client)
})

it('replays commands with the same offset together, and each of those with different offsets by itself', async () => {
  const symbols = ['A', 'B', 'C', 'D']
  sequence = 0
  server = await HandlerServer.start({ ...FULL_SIZE, turnBytesMax: 16 * 1024 })
  const live = await server.connect()
  push(1000, symbols)
  await live.until(() => live.ticks.length === 1000)
  const { epoch } = live.messages[0] as SubscribedMessage
  const client = await server.connect('?symbols=X')
  subscribe(client, 1, { symbols: ['A'], resume: `${epoch}:10` })
  subscribe(client, 2, { symbols: ['B'], resume: `${epoch}:20` })
  subscribe(client, 3, { symbols: ['C'], resume: `${epoch}:20` })
  subscribe(client, 4, { symbols: ['D'] })
  await client.until(() => replyOf(client, 4) !== undefined)
  const ids = client.messages.flatMap(message =>
    message.type === 'live' ? ['live'] : 'id' in message ? [message.id] : [],
  )
  expect(ids).toEqual([1, 'live', 2, 3, 'live', 4])
  for (const [symbol, offset] of [
    ['A', 10],
    ['B', 20],
    ['C', 20],
    ['D', 1000],
  ] as const)
    expect(ofSymbol(client.ticks, symbol)).toEqual(
      ofSymbol(live.ticks, symbol).filter(tick => offsetOf(tick) > offset),
    )
  checkSeq(client)
})

it('sends nothing again of a symbol that the client gets tick by tick already', async () => {
  const { live, epoch } = await start(20)
  const client = await server.connect('?symbols=A')
  await pushAll(live, 20)
  subscribe(client, 1, { symbols: ['*', 'A'], resume: `${epoch}:4` })
  await untilLive(client)
  const after = (offset: number) => (tick: string) => offsetOf(tick) > offset
  expect(ofSymbol(client.ticks, 'A')).toEqual(ofSymbol(live.ticks, 'A').filter(after(20)))
  expect(ofSymbol(client.ticks, 'B')).toEqual(ofSymbol(live.ticks, 'B').filter(after(4)))
})

it('lets a client that has lost a connection with added entries go on without a loss', async () => {
  const { live, epoch } = await start(1000)
  const client = await server.connect(`?symbols=A&resume=${epoch}:100`)
  subscribe(client, 1, { symbols: ['B'], resume: `${epoch}:100` })
  push(71)
  await client.until(() => client.ticks.length === 971)
  await live.until(() => live.ticks.length === 1071)
  expect([...client.ticks].sort((a, b) => offsetOf(a) - offsetOf(b))).toEqual(live.ticks.slice(100))
})

it('brings a snapshot in place of the past for latest ticks', async () => {
  const { epoch } = await start(100)
  const client = await server.connect('?symbols=A')
  subscribe(client, 1, { symbols: ['B'], delivery: 'latest', interval: 10, resume: `${epoch}:4` })
  await untilLive(client)
  expect(client.messages.slice(1)).toMatchObject([
    { type: 'subscribed', id: 1, resumed: true, offset: 100, reached: 100 },
    { type: 'snapshot', offset: 100, ticks: [{ symbol: 'B', sequence: 100 }] },
    { type: 'live', offset: 100, replayed: { from: 101, to: 100, ticks: 0 } },
  ])
})

it('does the other changes behind a replay: an entry is replayed before its unsubscribe', async () => {
  const { live, epoch } = await start(1000)
  const client = await server.connect('?symbols=A')
  subscribe(client, 1, { symbols: ['B'], resume: `${epoch}:0` })
  client.socket.send('{"type":"unsubscribe","id":2,"symbols":["B"]}')
  await client.until(() => client.messages.some(message => message.type === 'unsubscribed'))
  expect(ofSymbol(client.ticks, 'B')).toEqual(ofSymbol(live.ticks, 'B'))
  const types = client.messages.map(({ type }) => type).filter(type => type !== 'ticks')
  expect(types).toEqual(['subscribed', 'subscribed', 'live', 'unsubscribed'])
})

it.each([
  ['of another run', 'other_run:5', {}, 2001],
  ['whose ticks are gone', ':5', { tickLogBytes: 1 << 16 }, 6],
])('tells a gap and gives a snapshot of the entries for an offset %s', async (_, point, options, from) => {
  const { epoch } = await start(2000, options)
  const client = await server.connect('?symbols=A')
  const resume = point.startsWith(':') ? `${epoch}${point}` : point
  subscribe(client, 1, { symbols: ['B'], snapshot: false, resume })
  await client.until(() => client.messages.length === 4)
  expect(client.messages.slice(1)).toMatchObject([
    { type: 'subscribed', id: 1, resumed: false, offset: 2000 },
    { type: 'gap', reason: 'resume', from, to: 2000, missed: null },
    { type: 'snapshot', offset: 2000, ticks: [{ symbol: 'B', sequence: 2000 }] },
  ])
  expect(replyOf(client, 1)).not.toHaveProperty('reached')
  push(2)
  await client.until(() => client.ticks.length === 2)
  expect(client.ticks).toEqual(['A2001', 'B2002'])
})

it.each([
  ['k3Xh_9aB', /resume must be the epoch/],
  [5, /resume must be the epoch.*got 5/],
  ['EPOCH:11', /there is no offset 11 yet/],
])('refuses a command that resumes from %j, and does nothing of it', async (resume, message) => {
  const { epoch } = await start(10)
  const client = await server.connect('?symbols=A')
  subscribe(client, 1, {
    symbols: ['B'],
    resume: typeof resume === 'string' ? resume.replace('EPOCH', epoch) : resume,
  })
  client.socket.send('{"type":"list","id":2}')
  await client.until(() => client.messages.length === 3)
  expect(client.messages.slice(1)).toMatchObject([
    { type: 'error', id: 1, code: 'bad_resume', message: expect.stringMatching(message) },
    { type: 'subscriptions', subscriptions: [{ symbols: ['A'] }] },
  ])
})

it('refuses replays of a client that has queued too many', async () => {
  const { epoch } = await start(1000)
  const client = await server.connect('?symbols=A')
  for (let id = 1; id <= 10; id++) subscribe(client, id, { symbols: [`S${id}`], resume: `${epoch}:${id}` })
  await client.until(() => replyOf(client, 10) !== undefined)
  const refused = client.messages.flatMap(message => (message.type === 'error' ? [message] : []))
  expect(refused.length).toBeGreaterThan(0)
  for (const { code } of refused) expect(code).toBe('too_many_commands')
  await client.until(
    () => client.messages.filter(({ type }) => type === 'live').length === 10 - refused.length,
  )
})
