import { afterEach, expect, it } from 'vitest'
import { HandlerServer, quote } from '../support/handler-server.js'

let server: HandlerServer

afterEach(() => server.stop())

/** Rings so small that the symbols in a URL may be longer than one record. */
const SMALLEST = {
  tickLogBytes: 64 * 1024,
  frameRingBytes: 64 * 1024,
  turnBytesMax: 1024,
  maxMessageBytes: 256,
}

const names = (count: number) => Array.from({ length: count }, (_, index) => `SYMBOL-${1000 + index}`)

it.each([
  ['a small tick log', { ...SMALLEST, frameRingBytes: 1 << 20 }],
  ['a small frame ring', { ...SMALLEST, tickLogBytes: 1 << 20 }],
])('a client is refused when its symbols are too long for %s', async (_, options) => {
  server = await HandlerServer.start(options)
  const refused = await server.refusal(`/ws/ticks?symbols=${names(900)}`)
  expect(refused).toMatchObject({ status: 400, body: { code: 'too_many_symbols' } })
})

it('a client is let in with as many symbols as the smallest rings take', async () => {
  server = await HandlerServer.start(SMALLEST)
  const client = await server.connect(`?symbols=${names(30)}`)
  server.handler.broadcastTick(quote('SYMBOL-1007', 1))
  await client.until(() => client.ticks.length === 1)
  expect(server.count('laneRestarts')).toBe(0)
})

it.each([100, 100_000])(
  'a client with at most %i symbols and many intervals does not overfill a small tick log',
  async maxSymbolsPerClient => {
    server = await HandlerServer.start({
      tickLogBytes: 64 * 1024,
      maxSymbolsPerClient,
      maxCommandsPerSecond: 100_000,
    })
    const client = await server.connect('?symbols=BEFORE')
    for (let id = 1; id <= 400; id++) {
      const subscribe = {
        type: 'subscribe',
        id,
        symbols: [`S${id}`],
        delivery: 'latest',
        interval: 50_000 + (id % 200),
        snapshot: false,
      }
      client.socket.send(JSON.stringify(subscribe))
      await client.until(() => client.messages.some(message => 'id' in message && message.id === id))
    }
    server.handler.broadcastTick(quote('BEFORE', 1))
    await client.until(() => client.ticks.length === 1)
    expect(server.count('laneRestarts')).toBe(0)
  },
)
