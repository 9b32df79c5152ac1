import { once } from 'node:events'
import { afterEach, describe, expect, it } from 'vitest'
import type { GoodbyeMessage } from '../../src/protocol/messages.js'
import { BinaryClient } from '../support/binary-client.js'
import { FULL_SIZE, HandlerServer, quote, type TestClient } from '../support/handler-server.js'

const THROWS_AT_SYMBOL = new URL('../support/lanes/throws-at-symbol.js', import.meta.url).href

let server: HandlerServer

async function start(...args: Parameters<typeof HandlerServer.start>): Promise<void> {
  server = await HandlerServer.start(...args)
}

afterEach(() => server?.stop())

/** The last message of a client that has been closed. */
async function goodbyeOf(client: TestClient): Promise<GoodbyeMessage> {
  await client.untilClosed()
  const last = client.messages.at(-1)!
  expect(last.type).toBe('goodbye')
  return last as GoodbyeMessage
}

function offsetIn({ resume }: GoodbyeMessage): number {
  return Number(resume.split(':')[1])
}

describe('a goodbye', () => {
  it.each([
    ['every tick', ''],
    ['symbols of its own', '?symbols=A,B'],
    ['nothing that has come', '?symbols=Z'],
    ['latest ticks', '?delivery=latest'],
  ])('is the last message of a client that gets %s, and names its place', async (_, query) => {
    await start()
    const client = await server.connect(query)
    for (let sequence = 1; sequence <= 5; sequence++) server.handler.broadcastTick(quote('A', sequence))
    await server.handler.shutdown()
    expect(await goodbyeOf(client)).toEqual({
      type: 'goodbye',
      reason: 'draining',
      reconnectAfterMs: expect.any(Number),
      resume: `${server.handler.epoch}:5`,
    })
    expect(client.closed).toEqual({ code: 1001, reason: 'shutting down' })
  })

  it('is JSON in the binary subprotocol, too', async () => {
    await start()
    const client = await BinaryClient.connect(server.url())
    server.handler.broadcastTick(quote('A', 1))
    const closed = once(client.socket, 'close')
    await server.handler.shutdown()
    await closed
    expect(client.ticks).toHaveLength(1)
    expect(client.control.at(-1)).toMatchObject({ type: 'goodbye', resume: `${server.handler.epoch}:1` })
  })

  it('is told once by each client, although a lane dies meanwhile', async () => {
    await start({}, { laneFile: THROWS_AT_SYMBOL })
    const client = await server.connect()
    server.handler.broadcastTick(quote('A', 1))
    server.handler.broadcastTick(quote('FATAL', 1))
    await server.handler.shutdown()
    const goodbye = await goodbyeOf(client)
    expect(client.messages.map(({ type }) => type)).toEqual(['subscribed', 'ticks', 'gap', 'goodbye'])
    expect(offsetIn(goodbye)).toBe(2)
    expect(server.count('laneRestarts')).toBe(2)
  })

  it('comes behind the ticks that wait for their interval, for this client alone', async () => {
    await start()
    const client = await server.connect('?delivery=latest&interval=60000&symbols=A')
    const other = await server.connect('?symbols=B')
    for (const sequence of [1, 2, 3]) server.handler.broadcastTick(quote('A', sequence))
    server.handler.broadcastTick(quote('B', 1))
    await other.until(() => other.ticks.length === 1)
    expect(client.ticks).toEqual([])
    await server.handler.shutdown()
    const goodbye = await goodbyeOf(client)
    expect(client.ticks).toEqual(['A3'])
    expect(offsetIn(goodbye)).toBe(4)
  })

  it('names the place from which a resume brings every tick, once', async () => {
    await start(FULL_SIZE)
    const client = await server.connect('?symbols=A')
    const over = server.handler.shutdown({ drainMs: 50 })
    let sequence = 0
    while (client.closed === undefined) {
      server.handler.broadcastTick(quote('A', ++sequence))
      await new Promise(setImmediate)
    }
    const offset = offsetIn(await goodbyeOf(client))
    expect(client.ticks).toEqual(Array.from({ length: offset }, (_, index) => `A${index + 1}`))
    await over
  })

  it('comes behind a gap that waited for room', async () => {
    await start({ ...FULL_SIZE, tickLogBytes: 64 * 1024 })
    const client = await server.connect()
    let last = 0
    while (server.handler.broadcastTick(quote('A', last + 1))) last++
    server.handler.gap({ missed: 3 })
    await server.handler.shutdown()
    const goodbye = await goodbyeOf(client)
    expect(client.messages.at(-2)).toMatchObject({ type: 'gap', missed: 3 })
    expect(offsetIn(goodbye)).toBe(last + 1)
    expect(client.ticks).toHaveLength(last)
  })

  it('comes behind the reply to a command, and behind the ticks that a resume brings', async () => {
    await start(FULL_SIZE)
    for (let sequence = 1; sequence <= 5000; sequence++)
      while (!server.handler.broadcastTick(quote('A', sequence))) await new Promise(setImmediate)
    const resuming = await server.connect(`?resume=${server.handler.epoch}:0`)
    const asking = await server.connect('?symbols=B')
    asking.socket.send('{"type":"subscribe","id":1,"symbols":["A"],"snapshot":true}')
    await asking.roundTrip()
    await server.handler.shutdown()
    expect(offsetIn(await goodbyeOf(resuming))).toBe(5000)
    expect(resuming.ticks).toHaveLength(5000)
    await goodbyeOf(asking)
    expect(asking.messages.filter(({ type }) => type !== 'error').map(({ type }) => type)).toEqual([
      'subscribed',
      'subscribed',
      'snapshot',
      'goodbye',
    ])
  })
})

describe('a drain', () => {
  it('sends clients away one by one over its time, and the others go on getting ticks', async () => {
    await start()
    const clients = await Promise.all(Array.from({ length: 10 }, () => server.connect()))
    const over = server.handler.shutdown({ drainMs: 500 })
    for (let sequence = 1; clients.some(({ closed }) => closed === undefined); sequence++) {
      server.handler.broadcastTick(quote('A', sequence))
      await new Promise(setImmediate)
    }
    await over
    const offsets: number[] = []
    for (const client of clients) {
      const offset = offsetIn(await goodbyeOf(client))
      expect(client.ticks).toHaveLength(offset)
      offsets.push(offset)
    }
    expect(new Set(offsets).size).toBeGreaterThan(3)
    expect(server.counts('disconnect')).toEqual({ disconnectShutdown: 10 })
  })

  it('ends with the last client, and refuses new clients meanwhile', async () => {
    await start({ retryAfterS: 3 })
    const client = await server.connect()
    const over = server.handler.shutdown({ drainMs: 600_000 })
    const refused = await server.refusal('/ws/ticks')
    expect(refused).toMatchObject({ status: 503, body: { code: 'draining' } })
    const seconds = Number(refused.headers['retry-after'])
    expect(seconds).toBeGreaterThanOrEqual(3)
    expect(seconds).toBeLessThanOrEqual(6)
    expect(server.handler.broadcastTick(quote('A', 1))).toBe(true)
    await client.until(() => client.ticks.length === 1)
    client.socket.close()
    await once(client.socket, 'close')
    await over
  })

  it('does not wait for a client that does not read, and cuts it when the time is over', async () => {
    server = await HandlerServer.startOnUnixSocket(FULL_SIZE)
    const [slow, fast] = [await server.connect(), await server.connect()]
    slow.socket.pause()
    await server.pushUntilBlocked()
    await server.handler.shutdown({ drainMs: 50, timeoutMs: 1500 })
    await goodbyeOf(fast)
    expect(server.handler.getClientCount()).toBe(0)
  })

  it.each([-1, Number.NaN, 2 ** 31])('refuses %d ms as its time', async drainMs => {
    await start()
    expect(() => server.handler.shutdown({ drainMs })).toThrow(
      expect.objectContaining({ code: 'option_invalid' }),
    )
    expect(server.handler.isHealthy()).toBe(true)
  })
})
