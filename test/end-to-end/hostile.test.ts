/**
 * Messages and requests that are made to do harm, and faults of the gateway itself, over real sockets: they end one
 * connection at the most, and others get their ticks.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../src/common/clock.js'
import { type Log, silentLog } from '../../src/common/log.js'
import { HandlerServer, TestClient } from '../support/handler-server.js'
import { quote } from '../support/ticks.js'

let server: HandlerServer
let other: TestClient
let errors: { readonly err: Error; readonly client?: string }[]
/** What the clock throws when it is asked for the time of day. */
let fault: Error | undefined

const log: Log = { ...silentLog, error: details => void errors.push(details as (typeof errors)[number]) }
const clock = {
  ...systemClock,
  epochUs(): number {
    if (fault !== undefined) throw fault
    return systemClock.epochUs()
  },
}

async function start(): Promise<void> {
  server = await HandlerServer.start({ compression: true, closeTimeoutMs: 500 }, { clock, log })
}

beforeAll(start)

beforeEach(async () => {
  errors = []
  fault = undefined
  other = await server.connect('?symbols=A')
})

afterEach(() => server.endClients())

afterAll(() => server.stop())

/** The other client gets what is sent now. */
async function expectOtherServed(): Promise<void> {
  const before = other.ticks.length
  server.handler.broadcastTick(quote('A', before + 1))
  await other.until(() => other.ticks.length > before)
  expect(other.ticks.at(-1)).toBe(`A${before + 1}`)
  expect(other.closed).toBeUndefined()
}

/** The other client is the only one that is left. */
async function expectOtherAlone(): Promise<void> {
  await server.until(() => server.handler.getClientCount() === 1)
  await expectOtherServed()
}

const DEPTH = 4200
const LISTS = '['.repeat(DEPTH) + ']'.repeat(DEPTH)
const OBJECTS = `${'{"":'.repeat(DEPTH)}1${'}'.repeat(DEPTH)}`
const BOMBS: readonly (readonly [string, string])[] = [
  ['id', `{"id":${LISTS}}`],
  ['an object as id', `{"id":${OBJECTS.slice(0, 16_000)}`],
  ['type', `{"id":1,"type":${LISTS}}`],
  ['symbols', `{"id":1,"type":"subscribe","symbols":${LISTS}}`],
  ['delivery', `{"id":1,"type":"subscribe","symbols":["A"],"delivery":${LISTS}}`],
  ['interval', `{"id":1,"type":"subscribe","symbols":["A"],"delivery":"latest","interval":${LISTS}}`],
  ['snapshot', `{"id":1,"type":"subscribe","symbols":["A"],"snapshot":${LISTS}}`],
  ['a list', LISTS],
]

describe('a message nested thousands of levels deep', () => {
  it.each(BOMBS)('in %s is refused, and the client may go on', async (_, bomb) => {
    const client = await server.connect('?symbols=A')
    client.socket.send(bomb)
    client.socket.send('{"type":"ping","id":"after"}')
    await client.until(() => client.messages.length === 3)
    expect(client.messages.slice(1)).toMatchObject([
      { type: 'error', code: 'malformed_json', message: expect.stringContaining('at most 4 levels deep') },
      { type: 'pong', id: 'after' },
    ])
    expect(client.closed).toBeUndefined()
    await expectOtherServed()
    expect(errors).toEqual([])
  })

  it('is refused also where it comes compressed, or is one too many', async () => {
    const client = await server.connect('?symbols=A', { perMessageDeflate: { threshold: 0 } })
    for (let count = 0; count < 60; count++) client.socket.send(BOMBS[0]![1], { compress: true })
    client.socket.send('{"id":"last"}')
    await client.until(() => client.messages.some(message => 'id' in message && message.id === 'last'))
    expect(client.messages.slice(1, 51)).toMatchObject(Array(50).fill({ code: 'malformed_json' }))
    await expectOtherServed()
  })
})

describe('a fault of the gateway', () => {
  const failed = { code: 1011, reason: 'internal error' }

  // What a fault counts is compared.
  beforeEach(async () => {
    await server.stop()
    await start()
    other = await server.connect('?symbols=A')
  })

  it('as it obeys a command ends that client with 1011', async () => {
    const client = await server.connect('?symbols=A')
    fault = new Error('no time')
    client.socket.send('{"type":"ping","id":1}')
    client.socket.send('{"type":"ping","id":2}')
    expect(await client.untilClosed()).toEqual(failed)
    fault = undefined
    await expectOtherAlone()
    const name = `${server.handler.epoch}-2`
    expect(errors).toMatchObject([{ err: { message: 'no time' }, client: name }])
    expect(server.counts('disconnect')).toEqual({ disconnectFault: 1 })
  })

  it('as it answers a ping ends that client with 1011', async () => {
    const client = await server.connect('?symbols=A')
    failNextWrite(1)
    client.socket.ping()
    expect(await client.untilClosed()).toEqual(failed)
    await expectOtherAlone()
    expect(errors).toMatchObject([{ err: { message: 'no write' } }])
    expect(server.counts('disconnect')).toEqual({ disconnectFault: 1 })
  })

  it('that goes on as the client is closed ends it without a code', async () => {
    const client = await server.connect('?symbols=A')
    failNextWrite(10)
    client.socket.ping()
    expect(await client.untilClosed()).toEqual({ code: 1006, reason: '' })
    await expectOtherAlone()
    expect(errors).toHaveLength(1)
    expect(server.counts('disconnect')).toEqual({ disconnectFault: 1 })
  })

  it('as it lets a client in ends that client with 1011', async () => {
    fault = new Error('no time')
    const client = new TestClient(server.url('?symbols=B'), [], {})
    expect(await client.untilClosed()).toEqual(failed)
    fault = undefined
    await expectOtherAlone()
    expect(errors).toMatchObject([{ err: { message: 'no time' }, client: `${server.handler.epoch}-2` }])
  })

  it('as it reads an upgrade request is answered with 500', async () => {
    const front = createServer().on('upgrade', (request, socket, head) => {
      Object.defineProperty(request, 'headers', {
        get: () => {
          throw new Error('no headers')
        },
      })
      server.handler.handleUpgrade(request, socket, head)
    })
    await new Promise<void>(resolve => front.listen(0, '127.0.0.1', resolve))
    const { port } = front.address() as AddressInfo
    const { status, body } = await server.refusal('/ws/ticks', {}, 'GET', port)
    expect({ status, body }).toEqual({
      status: 500,
      body: { type: 'error', code: 'internal', message: expect.stringContaining('this is a bug') },
    })
    expect(errors).toMatchObject([{ err: { message: 'no headers' } }])
    expect(server.counts('refused')).toEqual({ refusedFault: 1 })
    await expectOtherServed()
    front.close()
  })

  /** Lets the next writes to the last client's socket fail. */
  function failNextWrite(times: number): void {
    const socket = server.sockets.at(-1)!
    const { write } = socket
    let left = times
    socket.write = ((...parameters: Parameters<typeof write>) => {
      if (left-- > 0) throw new Error('no write')
      socket.write = write
      return write.apply(socket, parameters)
    }) as typeof write
  }
})

describe('a symbol that is no well-formed Unicode', () => {
  const badSymbol = (symbol: string) => ({
    symbol,
    code: 'bad_symbol',
    message: expect.stringContaining('well-formed'),
  })

  it('is refused, so that what is told apart by clients is told apart by lanes', async () => {
    const first = await server.connect('?symbols=X')
    first.socket.send(JSON.stringify({ type: 'subscribe', id: 1, symbols: ['CAF\udc00', 'B'] }))
    await first.until(() => first.messages.length === 2)
    expect(first.messages[1]).toMatchObject({ symbols: ['B'], refused: [badSymbol('CAF\udc00')] })
    const second = await server.connect('?symbols=CAF%EF%BF%BD')
    server.handler.broadcastTick(quote('CAF\ufffd', 1))
    await second.until(() => second.ticks.length === 1)
    expect(second.ticks).toEqual(['CAF\ufffd1'])
    server.handler.broadcastTick(quote('B', 2))
    await first.until(() => first.ticks.length === 1)
    expect(first.ticks).toEqual(['B2'])
  })

  it('does not let a client have each tick several times', async () => {
    const client = await server.connect('?symbols=X')
    client.socket.send(JSON.stringify({ type: 'subscribe', id: 1, symbols: ['\ud800', '\ud801', '\ufffd'] }))
    await client.until(() => client.messages.length === 2)
    expect(client.messages[1]).toMatchObject({
      symbols: ['\ufffd'],
      refused: [badSymbol('\ud800'), badSymbol('\ud801')],
    })
    for (const sequence of [1, 2]) server.handler.broadcastTick(quote('\ufffd', sequence))
    await client.until(() => client.ticks.length >= 2)
    expect(client.ticks).toEqual(['\ufffd1', '\ufffd2'])
  })

  it.each(['%ED%A0%80', '%FF', 'A%', 'A,%C3'])('is refused in the URL: symbols=%s', async symbols => {
    expect(await server.refusal(`/ws/ticks?symbols=${symbols}`)).toMatchObject({
      status: 400,
      body: { code: 'bad_symbol', message: expect.stringContaining('percent-encoded UTF-8') },
    })
  })

  it('is refused as a tick', () => {
    expect(() => server.handler.broadcastTick(quote('CAF\udc00', 1))).toThrow(
      String.raw`tick.symbol must be a well-formed string of 1 to 64 bytes of UTF-8, got "CAF\udc00"`,
    )
  })

  it('is another thing than one that begins with a byte-order mark', async () => {
    const client = await server.connect('?symbols=%EF%BB%BFA')
    server.handler.broadcastTick(quote('A', 1))
    server.handler.broadcastTick(quote('\ufeffA', 2))
    await client.until(() => client.ticks.length === 1)
    expect(client.ticks).toEqual(['\ufeffA2'])
    client.socket.send(JSON.stringify({ type: 'unsubscribe', id: 1, symbols: ['\ufeffA'] }))
    await client.until(() => client.messages.at(-1)!.type === 'unsubscribed')
    expect(client.messages.at(-1)).toMatchObject({ symbols: ['\ufeffA'] })
  })

  it('is cut where it is too long, and not into halves of a character', async () => {
    const client = await server.connect('?symbols=X')
    client.socket.send(JSON.stringify({ type: 'subscribe', id: 1, symbols: [`x${'😀'.repeat(40)}`] }))
    await client.until(() => client.messages.length === 2)
    expect(client.messages[1]).toMatchObject({ refused: [{ symbol: `x${'😀'.repeat(31)}` }] })
  })
})

describe('the target of an upgrade request', () => {
  it('may be in absolute form', async () => {
    const socket = await server.connectRaw('http://gateway.example/ws/ticks?symbols=A')
    expect(String(socket.read())).toMatch(/^HTTP\/1.1 101 /)
  })

  it.each(['/x/../ws/ticks', '/ws\\ticks', '/%77s/ticks', 'ftp://gateway/ws/ticks'])(
    'is not there when it is only another way to write the path: %s',
    async target => {
      const socket = await server.connectRaw(target)
      expect(String(socket.read())).toMatch(/^HTTP\/1.1 404 /)
    },
  )
})
