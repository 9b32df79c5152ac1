/**
 * Clients that come back and ask for what they missed, over real sockets.
 */
import { afterEach, describe, expect, it } from 'vitest'
import type { ServerMessage, SubscribedMessage, UnsubscribedMessage } from '../../src/protocol/messages.js'
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

/** All ticks so far have been sent to somebody. */
const pushed = (client: TestClient, count: number) => client.until(() => client.ticks.length === count)

const subscribed = (client: TestClient) => client.messages[0] as SubscribedMessage

function types(messages: readonly ServerMessage[]): string[] {
  return messages.map(({ type }) => type)
}

/** `seq` of all `ticks` messages, as far as they rise one by one from what was announced. */
function checkSeq(client: TestClient): void {
  let seq = 0
  for (const message of client.messages) {
    if (message.type === 'ticks') expect(message.seq).toBe(++seq)
    else if ('seq' in message) seq = message.seq
  }
}

async function start(): Promise<{ live: TestClient; epoch: string }> {
  sequence = 0
  server = await HandlerServer.start({ ...FULL_SIZE, turnBytesMax: 16 * 1024 })
  const live = await server.connect()
  return { live, epoch: subscribed(live).epoch }
}

it.each([0, 1, 7, 2500, 4999, 5000])('gets every tick after offset %i, then the live ones', async offset => {
  const { live, epoch } = await start()
  for (let pushedTicks = 0; pushedTicks < 5000; pushedTicks += 500) {
    push(500)
    await pushed(live, pushedTicks + 500)
  }
  const back = await server.connect(`?resume=${epoch}:${offset}`)
  push(300)
  await back.until(() => back.ticks.length === 5300 - offset)
  await pushed(live, 5300)
  expect(subscribed(back)).toMatchObject({ resumed: true, offset, seq: 0 })
  expect(back.ticks).toEqual(live.ticks.slice(offset))
  expect(types(back.messages).filter(type => type === 'live')).toHaveLength(1)
  checkSeq(back)
})

it('gets the ticks of its symbols only, in either encoding and tick by tick where it asks for that', async () => {
  const { live, epoch } = await start()
  push(3000, ['A', 'B', 'C'])
  await pushed(live, 3000)
  const back = await server.connect(`?symbols=B,X*&batch=false&resume=${epoch}:10`)
  await back.until(() => back.messages.some(({ type }) => type === 'live'))
  expect(back.ticks).toEqual(live.ticks.slice(10).filter(tick => tick.startsWith('B')))
  for (const message of back.messages) if (message.type === 'ticks') expect(message.ticks).toHaveLength(1)
  checkSeq(back)
})

it.each(['', '&snapshot=false'])('is told when the run is another one, and gets a snapshot%s', async more => {
  const { live } = await start()
  push(10)
  await pushed(live, 10)
  const back = await server.connect(`?resume=other_run:5${more}`)
  await back.until(() => back.messages.length === 3)
  expect(back.messages).toMatchObject([
    { type: 'subscribed', resumed: false, offset: 10 },
    { type: 'gap', reason: 'resume', from: 11, to: 10, missed: null },
    { type: 'snapshot', offset: 10, ticks: [{ symbol: 'A' }, { symbol: 'B' }] },
  ])
  push(1)
  await back.until(() => back.ticks.length === 1)
})

it('is told when what it missed has been written over', async () => {
  sequence = 0
  server = await HandlerServer.start({ tickLogBytes: 1 << 16 })
  const live = await server.connect()
  for (let round = 0; round < 20; round++) {
    push(100)
    await pushed(live, 100 * (round + 1))
  }
  const back = await server.connect(`?resume=${subscribed(live).epoch}:5`)
  await back.until(() => back.messages.length === 3)
  expect(back.messages).toMatchObject([
    { type: 'subscribed', resumed: false, offset: 2000 },
    { type: 'gap', reason: 'resume', from: 6, to: 2000, missed: null },
    { type: 'snapshot', offset: 2000 },
  ])
})

it('gets every tick, however much another client changed its subscriptions meanwhile', async () => {
  sequence = 0
  server = await HandlerServer.start({ tickLogBytes: 1 << 18, maxCommandsPerSecond: 1000 })
  const live = await server.connect()
  const changer = await server.connect('?symbols=A')
  push(100)
  await pushed(live, 100)
  const symbols = Array.from({ length: 40 }, (_, index) => `${index}`.padStart(60, 'S'))
  // All changes together are longer than the tick log.
  for (let change = 1; change <= 100; change++) {
    const type = change % 2 === 1 ? 'subscribe' : 'unsubscribe'
    changer.socket.send(
      JSON.stringify({ type, id: change, symbols, snapshot: type === 'subscribe' ? false : undefined }),
    )
    await changer.until(() => changer.messages.some(message => 'id' in message && message.id === change))
  }
  const back = await server.connect(`?resume=${subscribed(live).epoch}:5`)
  await back.until(() => back.messages.some(({ type }) => type === 'live' || type === 'gap'))
  expect(subscribed(back)).toMatchObject({ resumed: true, offset: 5 })
  expect(back.ticks).toEqual(live.ticks.slice(5))
})

it('is refused an offset that is yet to come', async () => {
  const { epoch } = await start()
  expect(await server.refusal(`/ws/ticks?resume=${epoch}:1`)).toMatchObject({
    status: 400,
    body: { code: 'bad_resume' },
  })
})

it.each(['', '&snapshot=false'])(
  'has the latest of what it wants conflated before it is live%s',
  async more => {
    const { live, epoch } = await start()
    push(100)
    await pushed(live, 100)
    const back = await server.connect(`?symbols=A&delivery=latest&interval=10&resume=${epoch}:3${more}`)
    await back.until(() => back.messages.length === 3)
    expect(back.messages).toMatchObject([
      { type: 'subscribed', resumed: true, offset: 3 },
      { type: 'snapshot', offset: 100, ticks: [{ symbol: 'A', sequence: 99 }] },
      { type: 'live', offset: 100 },
    ])
  },
)

describe('a client that comes back', () => {
  /** Offset of a tick, which is its sequence, too. */
  const offsetOf = (tick: string) => Number(tick.slice(1))
  const ofSymbol = (client: TestClient, symbol: string) =>
    client.ticks.filter(tick => tick.startsWith(symbol))

  /** One has seen `seen` ticks of A and B, of 2000 so far. */
  async function away(seen: number) {
    const { live, epoch } = await start()
    const client = await server.connect('?symbols=A')
    client.socket.send('{"type":"subscribe","id":1,"symbols":["B"]}')
    await client.until(() => client.messages.some(message => 'id' in message))
    push(seen)
    await pushed(client, seen)
    client.socket.terminate()
    for (let count = seen + 500; count <= 2000; count += 500) {
      push(500)
      await pushed(live, count)
    }
    return { live, position: `${epoch}:${seen}` }
  }

  /** Lets it ask for a change while it is given what it missed, and ticks come before the answer and after it. */
  async function changed(live: TestClient, back: TestClient, command: string) {
    back.socket.send(command)
    push(100)
    await back.until(() => back.messages.some(message => 'id' in message))
    push(100)
    await pushed(live, 2200)
    await back.until(() => back.ticks.at(-1) === 'B2200')
    const at = back.messages.findIndex(message => 'id' in message)
    const answer = back.messages[at] as SubscribedMessage | UnsubscribedMessage
    return { answer, before: types(back.messages.slice(0, at)) }
  }

  it('gets what it subscribes to by a command from the offset in the answer on, and no gap for what was before', async () => {
    const { live, position } = await away(500)
    const back = await server.connect(`?symbols=A&resume=${position}`)
    const { answer, before } = await changed(live, back, '{"type":"subscribe","id":1,"symbols":["B"]}')
    expect(before).toContain('live')
    expect(answer).toMatchObject({ type: 'subscribed', symbols: ['B'], delivery: 'every' })
    expect(answer).not.toHaveProperty('resumed')
    expect(answer.offset).toBeGreaterThanOrEqual(2000)
    expect(types(back.messages)).not.toContain('gap')
    expect(ofSymbol(back, 'A')).toEqual(ofSymbol(live, 'A').filter(tick => offsetOf(tick) > 500))
    expect(ofSymbol(back, 'B')).toEqual(ofSymbol(live, 'B').filter(tick => offsetOf(tick) > answer.offset))
    checkSeq(back)
  })

  it('gets all that it missed of the symbols in its URL', async () => {
    const { live, position } = await away(500)
    const back = await server.connect(`?symbols=A,B&resume=${position}`)
    push(100)
    await pushed(live, 2100)
    await back.until(() => back.ticks.length === 1600)
    expect(back.ticks).toEqual(live.ticks.slice(500))
  })

  it('gets all that it missed of a symbol before its unsubscribe is answered, and nothing after', async () => {
    const { live, position } = await away(500)
    const back = await server.connect(`?symbols=A,B&resume=${position}`)
    const { answer, before } = await changed(live, back, '{"type":"unsubscribe","id":1,"symbols":["A"]}')
    expect(before).toContain('live')
    expect(back.ticks).toEqual(
      live.ticks.filter(
        tick => offsetOf(tick) > 500 && (tick.startsWith('B') || offsetOf(tick) <= answer.offset),
      ),
    )
    const after = back.messages.slice(back.messages.indexOf(answer))
    const ticks = after.flatMap(message => (message.type === 'ticks' ? message.ticks : []))
    expect(ticks.length).toBeGreaterThan(0)
    expect(ticks.filter(({ symbol }) => symbol === 'A')).toEqual([])
    checkSeq(back)
  })
})
