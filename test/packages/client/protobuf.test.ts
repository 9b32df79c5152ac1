/** The binary messages give the same ticks as JSON. */
import { connect, type Item, type MarketTick } from '@ringcast/client'
import { type EncodedTick, protobuf, protobufOfSchema } from '@ringcast/client/protobuf'
import { afterEach, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { HandlerServer } from '../../support/handler-server.js'
import { quote, trade } from '../../support/ticks.js'

let server: HandlerServer

afterEach(() => server.stop())

async function itemsOf(options: object, count: number, push: () => void): Promise<Item<MarketTick>[]> {
  const stream = connect<MarketTick>(server.url(), { WebSocket, stamps: true, ...options })
  const items: Item<MarketTick>[] = []
  let ticks = 0
  for await (const item of stream.subscribe('*', { snapshot: true })) {
    if (item.type === 'snapshot') push()
    if (item.type !== 'ticks' && item.type !== 'snapshot') continue
    items.push(item)
    if (item.type === 'ticks') ticks += item.ticks.length
    if (ticks === count) break
  }
  stream.close()
  return items
}

it('quotes and trades, with values that are no numbers and sequences beyond 2^53', async () => {
  server = await HandlerServer.start()
  server.handler.broadcastTick(quote('A', 1))
  const push = () => {
    server.handler.broadcastTick(quote('Ä', 2))
    server.handler.broadcastTick({ ...trade('B', 3), last: Number.NaN, sequence: 2n ** 60n })
    server.handler.broadcastTick({ ...trade('B', 4), sourceTimeNs: -1n })
  }
  const ticksOf = (items: Item<MarketTick>[]) =>
    items.filter(({ type }) => type === 'ticks').flatMap(item => ('ticks' in item ? item.ticks : []))
  const json = ticksOf(await itemsOf({}, 3, push))
  const items = await itemsOf({ codec: protobuf }, 3, push)
  expect(ticksOf(items)).toEqual(json)
  expect(json).toHaveLength(3)
  expect(items[0]).toMatchObject({ type: 'snapshot', ticks: expect.arrayContaining([json[0]]) })
  expect(items[1]).toMatchObject({ published: expect.any(Number) })
})

it('a message that is cut short is malformed', () => {
  expect(() => protobuf.decode(Uint8Array.of(0x1a, 0x7f, 1).buffer)).toThrow(RangeError)
  expect(() => protobuf.decode(Uint8Array.of(0x08, 0xff).buffer)).toThrow(RangeError)
})

it('a tick of a schema of the gateway is given as its bytes', () => {
  // schema_ticks { symbol: "A", kind: "k", message: 1 2 }, and a field that is not known.
  const bytes = Uint8Array.of(8, 5, 0x4a, 10, 10, 1, 65, 18, 1, 107, 26, 2, 1, 2, 0x7a, 1, 0)
  const message = protobufOfSchema.decode(bytes.buffer)
  const ticks: EncodedTick[] = [{ symbol: 'A', kind: 'k', message: Uint8Array.of(1, 2) }]
  expect(message).toEqual({ type: 'ticks', seq: 5, offset: 0, ticks })
})
