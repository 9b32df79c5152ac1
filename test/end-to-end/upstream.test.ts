/**
 * What clients are told when the feed goes away, comes back, or leaves something out.
 */
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { StreamHandlerParts } from '../../src/broadcaster/handler-parts.js'
import { type Log, silentLog } from '../../src/common/log.js'
import { GrpcSource } from '../../src/sources/grpc/grpc-source.js'
import { HandlerServer } from '../support/handler-server.js'
import { encodeTick, type Tick } from '../support/proto-messages.js'
import { type ScriptedCall, ScriptedFeed, UNAVAILABLE } from '../support/scripted-feed.js'
import { TickClient } from '../support/tick-client.js'
import { sequences } from '../support/ticks.js'
import { Watched } from '../support/watched.js'

let feed: ScriptedFeed
let server: HandlerServer
let source: GrpcSource
let client: TickClient

/** What the handler warns of. */
class Warnings extends Watched {
  readonly messages: string[] = []
  readonly log: Log = {
    ...silentLog,
    warn: (_, message) => {
      this.messages.push(message)
      this.changed()
    },
  }
}

let warnings: Warnings

beforeEach(async () => {
  feed = new ScriptedFeed()
  await feed.start()
  await begin()
})

afterEach(async () => {
  await end()
  await feed.stop()
})

async function begin(poolSize = 1, parts: StreamHandlerParts = {}): Promise<void> {
  warnings = new Warnings()
  server = await HandlerServer.start({ poolSize }, { log: warnings.log, ...parts })
  source = new GrpcSource({ target: feed.target, backoffMinMs: 1, backoffMaxMs: 1 })
  client = await TickClient.connect(server.url())
  server.handler.attachSource(source)
}

async function end(): Promise<void> {
  await source.stop()
  await server.stop()
}

const tickAt = (position: number): Partial<Tick> => ({ symbol: 'A', kind: 1, sequence: position, position })

/** Sends ticks and waits until the client has the last of them. */
async function deliver(call: ScriptedCall, ticks: Partial<Tick>[]): Promise<void> {
  call.send(ticks)
  const last = ticks.at(-1)!.sequence
  await client.until(() => client.ticks.at(-1)?.sequence === last)
}

/** Ticks without offsets are missing before the tick `from`. */
function gap(from: number, missed: number | null) {
  return { type: 'gap', reason: 'upstream', from, to: from - 1, missed, seq: expect.any(Number) }
}

/** All ticks of these offsets are missing. */
function hole(from: number, to: number) {
  return { type: 'gap', reason: 'upstream', from, to, missed: to - from + 1, seq: expect.any(Number) }
}

/** An epoch begins behind an unknown loss. */
function begun(epoch: unknown, from: number) {
  return { ...gap(from, null), epoch, offset: from - 1 }
}

it('tells a hole in the positions, exactly', async () => {
  const call = await feed.call(1)
  call.open('epoch-1')
  await deliver(call, [tickAt(5), tickAt(6), tickAt(10), tickAt(11)])
  expect(client.gaps).toEqual([hole(7, 9)])
  expect(client.silentErrors).toEqual([])
  expect(server.handler.getMetrics().counters.upstreamGaps).toBe(1)
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
  const { counters } = server.handler.getMetrics()
  expect(counters.upstreamReconnects).toBe(1)
  expect(counters.ticksDuplicate).toBe(1)
})

it('tells a hole that the feed came back with', async () => {
  const first = await feed.call(1)
  first.open('epoch-1')
  await deliver(first, [tickAt(1), tickAt(2)])
  first.end(UNAVAILABLE)
  const second = await feed.call(2)
  second.open('epoch-1')
  await deliver(second, [tickAt(100)])
  expect(client.gaps).toEqual([hole(3, 99)])
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
  expect(client.gaps).toEqual([begun('epoch-2', 1)])
  expect(client.epochs.slice(1)).toEqual(['epoch-1', 'epoch-2'])
  expect(client.silentErrors).toEqual([])
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

/** A tick behind the first one whose position nobody can read. */
const malformed = { type: 'gap', reason: 'malformed', from: 2, to: 1, missed: 1, seq: expect.any(Number) }

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
  expect(client.gaps).toEqual([malformed, malformed])
})

it('goes on behind a batch that is too long to be read, and tells the exact gap', async () => {
  const first = await feed.call(1)
  first.open('epoch-1')
  await deliver(first, [tickAt(1)])
  for (let number = 1; number <= 4; number++) {
    const call = await feed.call(number)
    if (number > 1) call.open('epoch-1')
    call.sendBytes(new Uint8Array(17 * 1024 * 1024))
  }
  const last = await feed.call(5)
  expect(last.request.fromPosition).toBe(0)
  last.open('epoch-1')
  await deliver(last, [tickAt(900)])
  expect(client.gaps).toEqual([hole(2, 899)])
  expect(client.silentErrors).toEqual([])
})

it('skips and counts ticks of a kind that a newer feed has added, and tells no gap', async () => {
  const call = await feed.call(1)
  call.open('epoch-1')
  await deliver(call, [tickAt(1), { ...tickAt(2), kind: 3 }, { ...tickAt(3), kind: -1 }, tickAt(4)])
  await deliver(call, [{ ...tickAt(7), kind: 3 }, tickAt(8)])
  expect(client.ticks.map(({ sequence }) => sequence)).toEqual([1, 4, 8])
  expect(client.gaps).toEqual([hole(5, 6)])
  expect(client.silentErrors).toEqual([])
  expect(server.countOfLane('ticksUnknownKind')).toBe(3)
  const back = await TickClient.connect(server.url(`?resume=epoch-1:0`))
  await back.until(() => back.ticks.length === 3)
  expect(back.gaps.map(({ from, missed }) => [from, missed])).toEqual([[5, 2]])
  await back.close()
})

it('reads a batch around the fields and groups that a newer feed has added', async () => {
  const call = await feed.call(1)
  call.open('epoch-1')
  const group = [0xfb, 0xff, 0xff, 0xff, 0x0f, 0x08, 1, 0xfc, 0xff, 0xff, 0xff, 0x0f]
  const batchOf = (position: number) => {
    const tick = [...encodeTick(tickAt(position)), ...group]
    return [0x0a, tick.length, ...tick]
  }
  call.sendBytes(Uint8Array.from([...batchOf(1), ...group, ...batchOf(2)]))
  await deliver(call, [tickAt(3)])
  expect(client.ticks.map(({ sequence }) => sequence)).toEqual([1, 2, 3])
  expect(client.gaps).toEqual([])
  expect(server.count('malformedMessages')).toBe(0)
})

const LARGEST = 2 ** 53 - 1

it('delivers what comes behind a wild position, tells no number that is false, and warns once for all lanes', async () => {
  await feed.call(1)
  await end()
  await begin(2)
  const call = await feed.call(2)
  call.open('epoch-1')
  await deliver(call, [tickAt(1), tickAt(2)])
  await deliver(call, [tickAt(LARGEST)])
  await deliver(call, [tickAt(3), tickAt(4), tickAt(6)])
  expect(client.ticks.map(({ sequence }) => sequence)).toEqual([1, 2, LARGEST, 3, 4, 6])
  expect(client.gaps).toEqual([begun(expect.any(String), 1), gap(2, null), gap(5, 1)])
  expect(client.silentErrors).toEqual([])
  await warnings.until(() => warnings.messages.length > 0)
  expect(warnings.messages).toEqual([expect.stringContaining('positions of the feed went back or jumped')])
  expect(server.handler.getMetrics().counters.positionBreaks).toBe(2)
})

it('delivers all of a count that begins anew within a session, and tells a gap of unknown size', async () => {
  const call = await feed.call(1)
  call.open('epoch-1')
  await deliver(call, sequences(1, 100).map(tickAt))
  await deliver(call, sequences(1, 120).map(tickAt))
  expect(client.ticks.map(({ sequence }) => sequence)).toEqual([...sequences(1, 100), ...sequences(1, 120)])
  expect(client.gaps).toEqual([begun(expect.any(String), 1)])
  expect(client.silentErrors).toEqual([])
})

it('delivers all of a feed whose position stands still', async () => {
  const call = await feed.call(1)
  call.open('epoch-1')
  await deliver(
    call,
    [1, 2, 3].map(sequence => ({ ...tickAt(7), sequence })),
  )
  expect(client.ticks.map(({ sequence }) => sequence)).toEqual([1, 2, 3])
  expect(client.gaps).toEqual([begun(expect.any(String), 1), gap(2, null)])
})

it('drops a tick that comes twice, and knows it by more than its position', async () => {
  const call = await feed.call(1)
  call.open('epoch-1')
  await deliver(call, [tickAt(1), tickAt(1), tickAt(2), tickAt(2), tickAt(2), tickAt(3)])
  expect(client.ticks.map(({ sequence }) => sequence)).toEqual([1, 2, 3])
  expect(client.gaps).toEqual([])
  expect(server.handler.getMetrics().counters.ticksDuplicate).toBe(3)
})

it('does not ask the feed to go on from a wild position', async () => {
  const first = await feed.call(1)
  first.open('epoch-1')
  await deliver(first, [tickAt(1), tickAt(2), tickAt(LARGEST)])
  feed.drop()
  const second = await feed.call(2)
  expect(second.request.fromPosition).toBe(0)
  second.open('epoch-1')
  await deliver(second, [tickAt(5), tickAt(6)])
  expect(client.ticks.map(({ sequence }) => sequence)).toEqual([1, 2, LARGEST, 5, 6])
  expect(client.gaps).toEqual([begun(expect.any(String), 1), gap(2, null)])
  feed.drop()
  // The count has gone on since.
  expect((await feed.call(3)).request.fromPosition).toBe(7)
})

it('tells a position that no number can hold as bytes that are no tick', async () => {
  const call = await feed.call(1)
  call.open('epoch-1')
  await deliver(call, [
    tickAt(1),
    { ...tickAt(2), position: 2n ** 53n },
    { ...tickAt(3), position: 2n ** 64n - 1n },
    tickAt(4),
  ])
  expect(client.ticks.map(({ sequence }) => sequence)).toEqual([1, 4])
  expect(client.gaps).toEqual([malformed, malformed])
})

it('tells whoever resumes the same as those who were there', async () => {
  const call = await feed.call(1)
  call.open('epoch-1')
  await deliver(call, [1, 2, LARGEST, 3, 5, 6, 1, 2].map(tickAt))
  const broken = client.epochs.at(-1)!
  for (const [epoch, offset, ticksBefore, gapsBefore] of [
    ['epoch-1', 0, 0, 0],
    ['epoch-1', 1, 1, 0],
    ['epoch-1', 2, 2, 0],
    [broken, 1, 3, 1],
    [broken, 3, 4, 2],
    [broken, 5, 5, 3],
  ] as const) {
    const back = await TickClient.connect(server.url(`?resume=${epoch}:${offset}`))
    await back.until(() => back.ticks.length === 8 - ticksBefore)
    expect(back.silentErrors).toEqual([])
    expect(back.ticks).toEqual(client.ticks.slice(ticksBefore))
    expect(back.gaps.map(({ from, missed }) => [from, missed])).toEqual(
      client.gaps.slice(gapsBefore).map(({ from, missed }) => [from, missed]),
    )
    await back.close()
  }
})

it('has a client that resumes take nothing for the time at which a tick came in', async () => {
  const call = await feed.call(1)
  call.open('epoch-1')
  // More than one part of a replay.
  for (let first = 1; first <= 3000; first += 500)
    await deliver(call, sequences(first, first + 499).map(tickAt))
  const latest = await TickClient.connect(server.url('?delivery=latest'))
  const back = await TickClient.connect(server.url('?resume=epoch-1:0'))
  await back.until(() => back.ticks.length === 3000)
  await deliver(call, [tickAt(3001)])
  await latest.until(() => latest.ticks.length === 1)
  await back.until(() => back.ticks.length === 3001)
  expect(server.handler.getMetrics().latency.sumUs).toBeLessThan(1e12)
})

it('has the successors of lanes that die come to the same verdicts', async () => {
  await feed.call(1)
  await end()
  await begin(1, { laneFile: new URL('../support/lanes/throws-after-publish.js', import.meta.url).href })
  const call = await feed.call(2)
  call.open('epoch-1')
  const sent: number[] = []
  for (let last = 0; last < 1_000; last += 4) {
    const positions = [last + 1, last + 2, LARGEST - last, last + 3, last + 4]
    sent.push(...positions)
    await deliver(call, positions.map(tickAt))
  }
  expect(client.ticks.map(({ sequence }) => sequence)).toEqual(sent)
  expect(client.gaps.map(({ missed }) => missed)).toEqual(Array(500).fill(null))
  expect(client.silentErrors).toEqual([])
  expect(server.count('laneRestarts')).toBeGreaterThan(0)
})
