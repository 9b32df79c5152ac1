/**
 * What a client may ask for while it is connected, over real sockets.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { ErrorMessage } from '../../src/protocol/messages.js'
import { HandlerServer } from '../support/handler-server.js'
import { quote } from '../support/ticks.js'

let server: HandlerServer
const started: HandlerServer[] = []

afterEach(async () => {
  for (const each of started.splice(0)) await each.stop()
})

async function connect(query = '', options = {}) {
  server = await HandlerServer.start(options)
  started.push(server)
  return talk(server, query)
}

async function talk(server: HandlerServer, query = '') {
  const client = await server.connect(query)
  const ask = async (command: unknown) => {
    const before = client.messages.length
    client.socket.send(typeof command === 'string' ? command : JSON.stringify(command))
    await client.until(() => client.messages.length > before)
    return client.messages.at(-1)
  }
  const push = (symbols: string) => {
    for (const symbol of symbols) server.handler.broadcastTick(quote(symbol, ++sequence))
  }
  let sequence = 0
  return { client, ask, push }
}

describe('subscribe', () => {
  it('adds symbols from a told offset on, echoes the id and keeps those it had', async () => {
    const { client, ask, push } = await connect('?symbols=A')
    push('AB')
    await client.until(() => client.ticks.length === 1)
    const answer = await ask({ type: 'subscribe', id: 'x', symbols: ['B', 'B', 'C'] })
    expect(answer).toMatchObject({ type: 'subscribed', id: 'x', symbols: ['B', 'C'], offset: 2 })
    expect(answer).not.toHaveProperty('refused')
    push('ABCD')
    await client.until(() => client.ticks.length === 4)
    expect(client.ticks).toEqual(['A1', 'A3', 'B4', 'C5'])
  })

  it('takes prefixes, also of symbols that are yet to come, and sends a tick once where entries overlap', async () => {
    const { client, ask, push } = await connect('?symbols=AB')
    await ask({ type: 'subscribe', id: 1, symbols: ['A*', 'AB'] })
    server.handler.broadcastTick(quote('AB', 1))
    server.handler.broadcastTick(quote('AXX', 2))
    push('B')
    server.handler.broadcastTick(quote('A', 3))
    await client.until(() => client.ticks.length === 3)
    expect(client.ticks).toEqual(['AB1', 'AXX2', 'A3'])
  })

  it('takes * for all', async () => {
    const { client, ask, push } = await connect('?symbols=A')
    await ask({ type: 'subscribe', id: 1, symbols: ['*'] })
    push('ABC')
    await client.until(() => client.ticks.length === 3)
    expect(client.ticks).toEqual(['A1', 'B2', 'C3'])
  })

  it('refuses one by one what cannot be had, and does the rest', async () => {
    const { ask } = await connect('?symbols=A', { maxSymbolsPerClient: 2 })
    const answer = await ask({ type: 'subscribe', id: 1, symbols: ['', 'x'.repeat(65), 'B*C', 'B', 'C'] })
    expect(answer).toMatchObject({
      type: 'subscribed',
      symbols: ['B'],
      refused: [
        { symbol: '', code: 'bad_symbol' },
        { symbol: 'x'.repeat(64), code: 'bad_symbol' },
        { symbol: 'B*C', code: 'bad_symbol' },
        { symbol: 'C', code: 'too_many_symbols' },
      ],
    })
  })
})

it('refuses a ninth interval symbol by symbol, and goes on with those that there are', async () => {
  const { ask, push, client } = await connect('?symbols=Z')
  const latest = (symbols: string[], interval: number) =>
    ask({ type: 'subscribe', id: interval, symbols, delivery: 'latest', interval, snapshot: false })
  for (let interval = 0; interval < 8; interval++) await latest([`S${interval}`], interval)
  expect(await latest(['X', 'Y'], 8)).toMatchObject({
    type: 'subscribed',
    symbols: [],
    refused: [
      { symbol: 'X', code: 'too_many_intervals', message: 'at most 8 different intervals' },
      { symbol: 'Y', code: 'too_many_intervals' },
    ],
  })
  push('XZ')
  await client.until(() => client.ticks.length === 1)
  expect(client.ticks).toEqual(['Z2'])
})

describe('unsubscribe', () => {
  it('ends symbols from a told offset on', async () => {
    const { client, ask, push } = await connect('?symbols=A,B')
    push('AB')
    await client.until(() => client.ticks.length === 2)
    const answer = await ask({ type: 'unsubscribe', id: 7, symbols: ['B', 'Z'] })
    expect(answer).toMatchObject({
      type: 'unsubscribed',
      id: 7,
      symbols: ['B'],
      refused: [{ symbol: 'Z', code: 'not_subscribed' }],
      offset: 2,
    })
    push('BA')
    await client.until(() => client.ticks.length === 3)
    expect(client.ticks).toEqual(['A1', 'B2', 'A4'])
  })
})

describe('commands that come together', () => {
  type Command = Record<string, unknown> & { readonly type: string; readonly symbols: readonly string[] }

  /** The answers and what follows them, when the first command is asked and the others are done with one request. */
  async function together(query: string, ...commands: readonly Command[]) {
    const { client } = await connect(query)
    for (const symbol of ['A', 'AB', 'AC', 'C', 'Z']) server.handler.broadcastTick(quote(symbol, 1))
    await client.until(() => client.ticks.includes('Z1'))
    const before = client.messages.length
    // All of them are in the handler's next read.
    for (const [index, command] of [{ type: 'subscribe', symbols: ['X'] }, ...commands].entries())
      client.socket.send(JSON.stringify({ id: index, ...command }))
    await client.until(() =>
      client.messages.some(message => 'id' in message && message.id === commands.length),
    )
    server.handler.broadcastTick(quote('Z', 2))
    await client.until(() => client.ticks.includes('Z2'))
    return client.messages.slice(before).map(message => {
      if (message.type === 'snapshot' || message.type === 'ticks')
        return `${message.type}: ${message.ticks.map(({ symbol }) => symbol).join(' ')}`
      return 'symbols' in message ? `${message.type} ${message.symbols.join(' ')}` : message.type
    })
  }

  it('are answered with what is wanted after the last of them: a snapshot has nothing of what is not', async () => {
    const messages = await together(
      '?symbols=B,Z',
      { type: 'subscribe', symbols: ['A', 'C'], snapshot: true },
      { type: 'unsubscribe', symbols: ['A'] },
    )
    expect(messages).toEqual(['subscribed X', 'subscribed A C', 'unsubscribed A', 'snapshot: C', 'ticks: Z'])
  })

  it('are followed by one snapshot, be it empty', async () => {
    const messages = await together(
      '?symbols=B,Z',
      { type: 'subscribe', symbols: ['A'], delivery: 'latest' },
      { type: 'subscribe', symbols: ['C'], snapshot: true },
      { type: 'unsubscribe', symbols: ['A', 'C'] },
    )
    expect(messages.slice(-3)).toEqual(['unsubscribed A C', 'snapshot: ', 'ticks: Z'])
  })

  it('leave in a snapshot what another entry still wants', async () => {
    const messages = await together(
      '?symbols=AB,Z',
      { type: 'subscribe', symbols: ['A*'], snapshot: true },
      { type: 'unsubscribe', symbols: ['A*'] },
    )
    expect(messages.slice(-3)).toEqual(['unsubscribed A*', 'snapshot: AB', 'ticks: Z'])
  })

  it('leave in a snapshot what is wanted again', async () => {
    const messages = await together(
      '?symbols=B,Z',
      { type: 'subscribe', symbols: ['A'], snapshot: true },
      { type: 'unsubscribe', symbols: ['A'] },
      { type: 'subscribe', symbols: ['A'], delivery: 'latest', snapshot: false },
    )
    expect(messages.slice(-3)).toEqual(['subscribed A', 'snapshot: A', 'ticks: Z'])
  })
})

it('lists what a client is subscribed to', async () => {
  const { ask } = await connect('?symbols=B,A')
  await ask({ type: 'subscribe', id: 1, symbols: ['C*'] })
  await ask({ type: 'subscribe', id: 3, symbols: ['D'], delivery: 'latest', interval: 9 })
  expect(await ask({ type: 'list', id: 2 })).toEqual({
    type: 'subscriptions',
    id: 2,
    subscriptions: [
      { delivery: 'every', symbols: ['A', 'B', 'C*'] },
      { delivery: 'latest', interval: 9, symbols: ['D'] },
    ],
  })
})

it('answers a ping with its time', async () => {
  const { ask } = await connect()
  expect(await ask({ type: 'ping', id: 3 })).toEqual({ type: 'pong', id: 3, time: expect.any(Number) })
})

describe('what is no command', () => {
  let shared: HandlerServer

  beforeAll(async () => {
    shared = await HandlerServer.start()
  })

  afterAll(() => shared.stop())

  it.each([
    ['{', undefined, 'malformed_json'],
    ['[]', undefined, 'malformed_json'],
    ['"x"', undefined, 'malformed_json'],
    ['{"type":"list"}', undefined, 'bad_id'],
    ['{"type":"list","id":[]}', undefined, 'bad_id'],
    ['{"type":"list","id":9007199254740993}', undefined, 'bad_id'],
    ['{"type":"list","id":0.1234567890123456789}', undefined, 'bad_id'],
    ['{"id":9007199254740991}', 9007199254740991, 'unknown_type'],
    ['{"id":1}', 1, 'unknown_type'],
    ['{"id":1,"type":"toString"}', 1, 'unknown_type'],
    ['{"id":1,"type":"list","symbols":["A"]}', 1, 'unknown_field'],
    ['{"id":1,"type":"subscribe"}', 1, 'bad_symbols'],
    ['{"id":1,"type":"subscribe","symbols":"A"}', 1, 'bad_symbols'],
    ['{"id":1,"type":"subscribe","symbols":[]}', 1, 'bad_symbols'],
    ['{"id":1,"type":"subscribe","symbols":[1]}', 1, 'bad_symbols'],
    ['{"id":1,"type":"subscribe","symbols":["A"],"delivery":"fast"}', 1, 'unknown_delivery'],
  ])('is answered with the reason: %s', async (text, id, code) => {
    const { ask } = await talk(shared)
    const answer = await ask(text)
    expect(answer).toMatchObject({ type: 'error', code, message: expect.any(String) })
    expect(answer && 'id' in answer ? answer.id : undefined).toBe(id)
  })
})

it('refuses commands beyond so many a second, and leaves the connection open', async () => {
  const { client, ask } = await connect('', { maxCommandsPerSecond: 1 })
  expect(await ask({ type: 'ping', id: 1 })).toMatchObject({ type: 'pong' })
  expect(await ask({ type: 'ping', id: 2 })).toMatchObject({
    type: 'error',
    id: 2,
    code: 'too_many_commands',
  })
  expect(client.closed).toBeUndefined()
})

it.each(['subscribe', 'unsubscribe'])(
  'says into how many symbols to split a %s that is too large',
  async type => {
    const { ask } = await connect('', { turnBytesMax: 4 * 1024 })
    const symbols = Array.from({ length: 100 }, (_, index) => `S${index}`)
    const refused = (await ask({ type, id: 1, symbols })) as ErrorMessage
    expect(refused).toMatchObject({ type: 'error', id: 1, code: 'command_too_large' })
    const [, countMax] =
      /may name at most (\d+) symbols, this one names 100: split it/.exec(refused.message) ?? []
    const part = symbols.slice(0, Number(countMax))
    expect(part.length).toBeGreaterThan(10)
    expect(await ask({ type, id: 2, symbols: part })).toMatchObject({ type: `${type}d`, id: 2 })
  },
)

it('refuses a command that is too long even for one symbol, and says how long it may be', async () => {
  const { ask } = await connect('', { turnBytesMax: 1024 })
  const text = JSON.stringify({ type: 'subscribe', id: 1, symbols: ['A'] })
  expect(await ask(text.padEnd(353))).toMatchObject({
    code: 'command_too_large',
    message: 'a command that names a symbol may have at most 352 bytes, this one has 353: shorten it',
  })
  expect(await ask(text.padEnd(352))).toMatchObject({ type: 'subscribed' })
})
