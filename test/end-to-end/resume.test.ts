/**
 * Clients that come back and ask for what they missed, over real sockets.
 */
import { afterEach, expect, it } from 'vitest'
import type { ServerMessage, SubscribedMessage } from '../../src/protocol/messages.js'
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
