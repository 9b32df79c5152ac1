/**
 * What clients are told when the feed goes away, comes back, or leaves something out.
 */
import { afterEach, beforeEach, expect, it } from 'vitest'
import { GrpcSource } from '../../src/feed/grpc-source.js'
import type { Tick } from '../../src/feed/tick-feed-service.js'
import { HandlerServer } from '../support/handler-server.js'
import { type ScriptedCall, ScriptedFeed, UNAVAILABLE } from '../support/scripted-feed.js'
import { TickClient } from '../support/tick-client.js'

let feed: ScriptedFeed
let server: HandlerServer
let source: GrpcSource
let client: TickClient

beforeEach(async () => {
  feed = new ScriptedFeed()
  await feed.start()
  server = await HandlerServer.start()
  source = new GrpcSource({ target: feed.target, backoffMinMs: 1, backoffMaxMs: 1 })
  client = await TickClient.connect(server.url())
  server.handler.attachSource(source)
})

afterEach(async () => {
  await source.stop()
  await server.stop()
  await feed.stop()
})

const tickAt = (position: number): Partial<Tick> => ({ symbol: 'A', kind: 1, sequence: position, position })

/** Sends ticks and waits until the client has the last of them. */
async function deliver(call: ScriptedCall, ticks: Partial<Tick>[]): Promise<void> {
  call.send(ticks)
  const last = ticks.at(-1)!.sequence
  await client.until(() => client.ticks.at(-1)?.sequence === last)
}

function gap(from: number, missed: number | null) {
  return { type: 'gap', reason: 'upstream', from, to: from - 1, missed, seq: expect.any(Number) }
}

it('tells a hole in the positions, exactly', async () => {
  const call = await feed.call(1)
  call.open('epoch-1')
  await deliver(call, [tickAt(5), tickAt(6), tickAt(10), tickAt(11)])
  expect(client.gaps).toEqual([gap(3, 3)])
  expect(client.silentErrors).toEqual([])
  expect(server.handler.getMetrics().lanes[0]?.counters.upstreamGaps).toBe(1)
})

it('goes on without a gap when the feed comes back at the next position', async () => {
  const first = await feed.call(1)
  first.open('epoch-1')
  await deliver(first, [tickAt(1), tickAt(2)])
  feed.drop()
  const second = await feed.call(2)
  expect(second.request.fromPosition).toBe(3)
  second.open('epoch-1')
  // One that was sent before comes again, and is dropped.
  await deliver(second, [tickAt(2), tickAt(3), tickAt(4)])
  expect(client.ticks.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4])
  expect(client.gaps).toEqual([])
  const { counters, lanes } = server.handler.getMetrics()
  expect(counters.upstreamReconnects).toBe(1)
  expect(lanes[0]?.counters.ticksDuplicate).toBe(1)
})

it('tells a hole that the feed came back with', async () => {
  const first = await feed.call(1)
  first.open('epoch-1')
  await deliver(first, [tickAt(1), tickAt(2)])
  first.end(UNAVAILABLE)
  const second = await feed.call(2)
  second.open('epoch-1')
  await deliver(second, [tickAt(100)])
  expect(client.gaps).toEqual([gap(3, 97)])
})

it('says that nobody knows what is missing when another run of the feed comes back', async () => {
  const first = await feed.call(1)
  first.open('epoch-1')
  await deliver(first, [tickAt(50)])
  feed.drop()
  const second = await feed.call(2)
  second.open('epoch-2')
  const third = await feed.call(3)
  expect(third.request.fromPosition).toBe(0)
  third.open('epoch-2')
  await deliver(third, [tickAt(1), tickAt(2)])
  expect(client.ticks.map(({ sequence }) => sequence)).toEqual([50, 1, 2])
  expect(client.gaps).toEqual([gap(2, null)])
})

it('says that nobody knows what is missing when a feed without positions comes back', async () => {
  const first = await feed.call(1)
  first.open()
  await deliver(first, [{ symbol: 'A', kind: 2, sequence: 7 }])
  feed.drop()
  const second = await feed.call(2)
  second.open()
  await deliver(second, [{ symbol: 'A', kind: 2, sequence: 8 }])
  expect(client.gaps).toEqual([gap(2, null)])
})

it('tells bytes that are no tick as a gap, and goes on', async () => {
  const call = await feed.call(1)
  call.open('epoch-1')
  await deliver(call, [
    tickAt(1),
    { symbol: '', kind: 1, position: 2 },
    { symbol: 'x'.repeat(2_000) },
    tickAt(4),
  ])
  expect(client.ticks.map(({ sequence }) => sequence)).toEqual([1, 4])
  expect(client.gaps).toEqual([
    { type: 'gap', reason: 'malformed', from: 2, to: 3, missed: 2, seq: expect.any(Number) },
  ])
})
