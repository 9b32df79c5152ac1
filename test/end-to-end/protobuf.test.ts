/**
 * Clients of the binary subprotocol, over real sockets: `ticks` messages are protobuf, all others JSON.
 */
import { afterEach, expect, it } from 'vitest'
import { GrpcSource } from '../../src/sources/grpc/grpc-source.js'
import { BinaryClient } from '../support/binary-client.js'
import { FULL_SIZE, HandlerServer } from '../support/handler-server.js'
import { encodeTick } from '../support/protobuf-ticks.js'
import { ScriptedFeed } from '../support/scripted-feed.js'
import { TickClient } from '../support/tick-client.js'
import { quote } from '../support/ticks.js'

let server: HandlerServer

afterEach(() => server.stop())

it('gets the ticks of the feed as the feed sent them, with seq and offset', async () => {
  server = await HandlerServer.start(FULL_SIZE)
  const binary = await BinaryClient.connect(server.url())
  const json = await TickClient.connect(server.url())
  expect(binary.socket.protocol).toBe('ringcast.v1.protobuf')
  const feed = new ScriptedFeed()
  await feed.start()
  const source = new GrpcSource({ target: feed.target })
  server.handler.attachSource(source)
  const call = await feed.call(1)
  call.open('epoch')
  const ticks = Array.from({ length: 300 }, (_, index) => ({
    symbol: index % 2 === 0 ? 'A' : '€'.repeat(20),
    kind: 1 + (index % 2),
    sequence: 2n ** 63n + BigInt(index),
    sourceTimeNs: 1_723_161_255_088_169_167n,
    bid: index / 3,
    last: Number.NaN,
    position: index + 1,
  }))
  call.send(ticks.slice(0, 100))
  call.send(ticks.slice(100))
  await binary.until(() => binary.ticks.length === 300)
  await json.until(() => json.ticks.length === 300)
  expect(binary.ticks).toMatchObject(ticks)
  for (const tick of ticks) {
    const bytes = encodeTick(tick)
    expect(binary.raw.some(message => message.includes(bytes))).toBe(true)
  }
  expect(binary.messages.map(({ seq }) => seq)).toEqual(binary.messages.map((_, index) => index + 1))
  expect(binary.messages.at(-1)?.offset).toBe(300)
  await source.stop()
  await feed.stop()
})

it('gets a message for each tick where it asks for that, and gaps as JSON', async () => {
  server = await HandlerServer.start(FULL_SIZE)
  const client = await BinaryClient.connect(server.url('?batch=false&symbols=A'))
  for (let sequence = 1; sequence <= 20; sequence++) {
    server.handler.broadcastTick(quote('A', sequence))
    server.handler.broadcastTick(quote('B', sequence))
  }
  await client.until(() => client.messages.length === 20)
  expect(client.messages.map(({ seq, offset, ticks }) => [seq, offset, ticks.length])).toEqual(
    Array.from({ length: 20 }, (_, index) => [index + 1, 2 * index + 1, 1]),
  )
  expect(client.ticks[4]).toMatchObject({ symbol: 'A', sequence: 5, bid: 5.25, askSize: 1.25 })
})

it('changes its subscription by the same JSON commands', async () => {
  server = await HandlerServer.start(FULL_SIZE)
  const client = await BinaryClient.connect(server.url('?symbols=A'))
  client.socket.send(JSON.stringify({ type: 'subscribe', id: 1, symbols: ['B'] }))
  await client.until(() => client.control.length === 2)
  for (const symbol of ['A', 'B', 'C']) server.handler.broadcastTick(quote(symbol, 1))
  await client.until(() => client.ticks.length === 2)
  expect(client.ticks.map(({ symbol }) => symbol)).toEqual(['A', 'B'])
})
