/**
 * A handler with a schema of the user's own, over real sockets: every tick and latest ticks, JSON and binary, a
 * snapshot, a resume, and messages of a source.
 */
import { afterEach, describe, expect, it } from 'vitest'
import { BinaryClient } from '../support/binary-client.js'
import { encodeMessage, FOREIGN_SCHEMAS, schemaOf, tickTypeOf, typeOf } from '../support/foreign-schemas.js'
import { FULL_SIZE, HandlerServer } from '../support/handler-server.js'
import { one } from '../support/schema-client.js'
import { schemaTickJson } from '../support/schema-tick-json.js'

let server: HandlerServer

afterEach(() => server.stop())

const EVENTS = one('oneof')
const TYPE = tickTypeOf(EVENTS)

type Json = Record<string, unknown>

const trade = (symbol: string, price: number): Json => ({ trade: { symbol, price, id: '9007199254740993' } })
const top = (symbol: string, bid: number): Json => ({ topOfBook: { symbol, bid, ask: bid + 1 } })
const bytesOf = ({ topOfBook, ...message }: Json): Uint8Array =>
  encodeMessage(TYPE, topOfBook === undefined ? message : { ...message, top_of_book: topOfBook })

describe('a handler with a schema', () => {
  it('serves JSON and binary clients, every tick in order, and the latest ones of each kind', async () => {
    server = await HandlerServer.start({ ...FULL_SIZE, schema: EVENTS })
    const json = await server.connect('?symbols=A,B')
    const binary = await BinaryClient.connect(server.url('?symbols=A'))
    const latest = await server.connect('?delivery=latest&interval=100')
    const latestBinary = await BinaryClient.connect(server.url('?delivery=latest&interval=100'))
    const pushed: Json[] = []
    for (let step = 1; step <= 200; step++)
      pushed.push(trade('A', step + 0.5), top('A', step), trade('B', step), trade('C', step))
    for (const tick of pushed) expect(server.handler.broadcastTick(tick)).toBe(true)

    const expected = pushed.map(tick => schemaTickJson(EVENTS, TYPE, bytesOf(tick))!)
    const ticksOf = (messages: readonly { readonly type: string }[]) =>
      messages.flatMap(message => (message as unknown as { ticks?: Json[] }).ticks ?? [])
    await json.until(() => ticksOf(json.messages).length === 600)
    expect(ticksOf(json.messages)).toEqual(expected.filter(({ symbol }) => symbol !== 'C'))

    const schemaTicks = () => binary.messages.flatMap(({ schemaTicks }) => schemaTicks)
    await binary.until(() => schemaTicks().length === 400)
    expect(schemaTicks()).toEqual(
      expected.flatMap(({ kind, symbol }, index) =>
        symbol === 'A' ? [{ symbol, kind, message: [...bytesOf(pushed[index]!)] }] : [],
      ),
    )

    // The last tick of each symbol and kind comes, and the numbers of the others are told.
    const merged = () =>
      latest.messages.reduce((sum, message) => sum + ((message as { merged?: number }).merged ?? 0), 0)
    await latest.until(() => ticksOf(latest.messages).length + merged() === 800)
    const last = new Map(ticksOf(latest.messages).map(tick => [`${tick.symbol} ${tick.kind}`, tick]))
    expect([...last.values()]).toEqual(expect.arrayContaining(expected.slice(-4)))
    expect(last.size).toBe(4)
    const latestTicks = () => latestBinary.messages.flatMap(({ schemaTicks }) => schemaTicks)
    await latestBinary.until(() => {
      const ends = latestTicks().map(({ message }) => message.join())
      return pushed.slice(-4).every(tick => ends.includes([...bytesOf(tick)].join()))
    })

    for (const { kind, message, symbol } of latestTicks())
      expect(schemaTickJson(EVENTS, TYPE, new Uint8Array(message))).toMatchObject({ kind, symbol })

    const snapshot = await server.connect('?symbols=A&snapshot=true')
    await snapshot.until(() => ticksOf(snapshot.messages).length === 2)
    expect(ticksOf(snapshot.messages)).toEqual(expected.slice(-4, -2))
    const { epoch } = server.handler
    const resumed = await server.connect(`?symbols=A&resume=${epoch}:0`)
    await resumed.until(() => ticksOf(resumed.messages).length === 400)
    expect(ticksOf(resumed.messages)).toEqual(expected.filter(({ symbol }) => symbol === 'A'))
  })

  it('gives kinds beyond the 64th tick by tick, also to clients of latest ticks', async () => {
    const proto =
      'syntax = "proto3"; package k; message T { string symbol = 1; string type = 2; uint32 n = 3; }'
    const schema = schemaOf({ proto, message: 'k.T', mapping: { symbol: 'symbol', kind: 'type' } })
    server = await HandlerServer.start({ ...FULL_SIZE, schema })
    const client = await server.connect('?delivery=latest&interval=60000')
    const pushed = Array.from({ length: 210 }, (_, n) => ({ symbol: 'A', type: `kind ${n % 70}`, n }))
    for (const tick of pushed) server.handler.broadcastTick(tick)
    const unnumbered = () =>
      client.messages
        .flatMap(message => (message as unknown as { ticks?: Json[] }).ticks ?? [])
        .filter(({ kind }) => Number(String(kind).slice(5)) >= 64)
    await client.until(() => unnumbered().length === 18)
    expect(unnumbered().map(({ n }) => n)).toEqual(pushed.filter(({ n }) => n % 70 >= 64).map(({ n }) => n))
    expect(server.countOfLane('latestFull')).toBe(18)
  })

  it('keeps the latest tick of each kind when lanes fail, though a lane numbers kinds as it meets them', async () => {
    const proto =
      'syntax = "proto3"; package k; message T { string symbol = 1; string type = 2; uint32 n = 3; }'
    const schema = schemaOf({ proto, message: 'k.T', mapping: { symbol: 'symbol', kind: 'type' } })
    const laneFile = new URL('../support/lanes/throws-before-publish.js', import.meta.url).href
    server = await HandlerServer.start({ ...FULL_SIZE, schema }, { laneFile })
    const every = await server.connect()
    const numbers = (client: typeof every) =>
      client.messages.flatMap(message => (message as unknown as { ticks?: Json[] }).ticks ?? [])
    // Each hundred of ticks brings its kinds in another order.
    for (let n = 1; n <= 400; n++) {
      server.handler.broadcastTick({ symbol: 'A', type: `kind ${(n + Math.floor(n / 100)) % 3}`, n })
      if (n === 350) server.handler.broadcastTick({ symbol: 'A', type: 'rare', n })
      if (n % 20 === 0) await every.until(() => numbers(every).length >= n - 40)
    }
    await every.until(() => numbers(every).length === 401)
    expect(server.count('laneRestarts')).toBeGreaterThan(0)
    expect(new Set(numbers(every).map(({ n }) => n)).size).toBe(400)
    const client = await server.connect('?snapshot=true')
    await client.until(() => numbers(client).length === 4)
    expect(numbers(client).map(({ kind, n }) => [kind, n])).toEqual([
      ['rare', 350],
      ['kind 1', 397],
      ['kind 0', 399],
      ['kind 2', 400],
    ])
  })

  it('finds the ticks of a source in a batch several messages deep, and tells what is too long as lost', async () => {
    const schema = schemaOf(FOREIGN_SCHEMAS.at(-1)!)
    server = await HandlerServer.start({ ...FULL_SIZE, schema, tickBytesMax: 4096 })
    const client = await server.connect()
    const ticks = Array.from({ length: 500 }, (_, change) => ({
      s: change === 250 ? 'x'.repeat(5000) : 'A',
      change,
    }))
    const packet = (from: number, to: number) => ({ number: from, ticks: ticks.slice(from, to) })
    const message = {
      gateway: 'g',
      packets: [packet(0, 100), packet(100, 100), packet(100, 450), packet(450, 500)],
    }
    server.handler.attachSource({
      start(sink) {
        sink.sessionStarted({ number: 1, continuous: false })
        sink.push(encodeMessage(typeOf(schema), message), 'batch')
      },
      pause() {},
      resume() {},
      status: () => ({ state: 'live', reconnects: 0, lastError: undefined }),
      stop: async () => {},
    })
    const changes = () =>
      client.messages
        .flatMap(each => (each as unknown as { ticks?: Json[] }).ticks ?? [])
        .map(({ change }) => change)
    await client.until(() => changes().length === 499)
    expect(changes()).toEqual(ticks.map(({ change }) => change).filter(change => change !== 250))
    expect(client.messages).toContainEqual(
      expect.objectContaining({ type: 'gap', reason: 'malformed', missed: 1 }),
    )
  })

  it('refuses what is no tick of the schema, and a schema that is broken', async () => {
    server = await HandlerServer.start({ ...FULL_SIZE, schema: EVENTS })
    expect(() => server.handler.broadcastTick({ trade: { symbol: 5 } })).toThrow(
      'tick.trade.symbol must be a well-formed string, got 5',
    )
    await expect(HandlerServer.start({ schema: { ...EVENTS, message: 'one.None' } })).rejects.toMatchObject({
      code: 'option_invalid',
    })
    await expect(
      HandlerServer.start({
        schema: EVENTS,
        tickBytesMax: 65_536,
        turnBytesMax: 65_536,
        frameRingBytes: 4 << 20,
        tickLogBytes: 1 << 20,
      }),
    ).rejects.toThrow('frameRingBytes=4194304: must be at least ')
  })
})
