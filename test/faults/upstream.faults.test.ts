/**
 * Feeds that die, stop, trickle or send nonsense: never an exit, no tick twice, and each hole is told.
 */
import { setTimeout } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { afterEach, expect, it } from 'vitest'
import { Random } from '../../src/common/random.js'
import type { TickJson } from '../../src/protocol/messages.js'
import { GrpcSource } from '../../src/sources/grpc/grpc-source.js'
import { figure } from '../support/figure.js'
import { FULL_SIZE, HandlerServer } from '../support/handler-server.js'
import type { Tick } from '../support/proto-messages.js'
import { Ringcast } from '../support/ringcast-process.js'
import { ScriptedFeed } from '../support/scripted-feed.js'
import { TickClient } from '../support/tick-client.js'
import { sequences } from '../support/ticks.js'

const SEED = Number(process.env.RINGCAST_TEST_SEED ?? 20_261_129)
const RESTARTS = 50

const ends: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

async function feedOf(): Promise<ScriptedFeed> {
  const feed = new ScriptedFeed()
  await feed.start()
  ends.push(() => feed.stop())
  return feed
}

interface Stage {
  readonly server: HandlerServer
  readonly client: TickClient
}

async function read(target: string, options: { readonly stallTimeoutMs?: number } = {}): Promise<Stage> {
  const server = await HandlerServer.start(FULL_SIZE)
  const source = new GrpcSource({ target, backoffMinMs: 1, backoffMaxMs: 20, ...options })
  ends.push(async () => {
    await source.stop()
    await server.stop()
  })
  const client = await TickClient.connect(server.url())
  server.handler.attachSource(source)
  return { server, client }
}

const tickAt = (position: number): Partial<Tick> => ({ symbol: 'A', kind: 1, sequence: position, position })

const got = ({ ticks }: TickClient) => ticks.map(({ sequence }) => Number(sequence))

it('a feed that is restarted 50 times, with ticks twice and ticks left out, is told exactly', async () => {
  const random = new Random(SEED)
  const feed = await feedOf()
  const { client, server } = await read(feed.target)
  const sent: number[] = []
  const holes: [number, number][] = []
  let next = 1
  for (let life = 1; life <= RESTARTS + 1; life++) {
    const call = await feed.call(life)
    if (life > 1) expect(call.request.fromPosition).toBe(next)
    call.open('epoch-1')
    const again = life === 1 ? 0 : random.below(3)
    const left = life === 1 ? 0 : random.below(2) * random.below(20)
    // What is sent again comes first, then a hole may be left.
    const first = next + left
    const fresh = sequences(first, first + 5 + random.below(40))
    if (left > 0) holes.push([next, first - 1])
    call.send([...sequences(Math.max(1, next - again), next - 1), ...fresh].map(tickAt))
    sent.push(...fresh)
    next = fresh.at(-1)! + 1
    await client.until(() => client.ticks.length === sent.length)
    if (life > RESTARTS) break
    if (random.below(2) === 0) feed.drop()
    else {
      await feed.stop()
      await feed.start()
    }
  }
  expect(got(client)).toEqual(sent)
  expect(client.gaps.map(({ from, missed, reason, to }) => [reason, from, to, missed])).toEqual(
    holes.map(([from, to]) => ['upstream', from, to, to - from + 1]),
  )
  expect([client.silentErrors, client.closed]).toEqual([[], undefined])
  expect(server.count('laneRestarts')).toBe(0)
  figure(`${RESTARTS} restarts, ${sent.length} ticks, ${holes.length} holes told, seed ${SEED}`)
})

it('a feed whose process stands still is called again, and nothing is lost when it goes on', async () => {
  const feed = new Ringcast(['feed', '--feed-listen=127.0.0.1:0', '--feed-rate=500'])
  ends.push(() => feed.kill('SIGKILL'))
  const address = (await feed.line('feeding'))!.address!
  const { client, server } = await read(address, { stallTimeoutMs: 500 })
  await client.until(() => client.ticks.length > 100)
  feed.child.kill('SIGSTOP')
  await setTimeout(1500)
  feed.child.kill('SIGCONT')
  const before = client.ticks.length
  await client.until(() => client.ticks.length > before + 300)
  expect(server.count('upstreamReconnects')).toBeGreaterThan(0)
  expect([client.silentErrors, client.closed]).toEqual([[], undefined])
  // A client that came before the feed is told the epoch of the feed, by a gap of unknown size.
  expect(client.gaps.filter(({ epoch }) => epoch === undefined)).toEqual([])
  // The feed numbers the ticks of each symbol and kind.
  const nameOf = ({ kind, symbol }: TickJson) => `${symbol} ${kind}`
  for (const name of new Set(client.ticks.map(nameOf))) {
    const own = client.ticks.filter(tick => nameOf(tick) === name).map(({ sequence }) => Number(sequence))
    expect(own).toEqual(sequences(own[0]!, own[0]! + own.length - 1))
  }
  figure(`1.5 s, ${server.count('upstreamReconnects')} calls anew, ${client.ticks.length} ticks`)
})

it('a feed that sends byte by byte delivers each tick once', async () => {
  const feed = await feedOf()
  const { client } = await read(feed.target)
  const call = await feed.call(1)
  call.open('epoch-1')
  call.trickle(sequences(1, 60).map(tickAt))
  await client.until(() => client.ticks.length === 60)
  expect(got(client)).toEqual(sequences(1, 60))
  expect([client.silentErrors, client.gaps]).toEqual([[], []])
  figure('60 ticks')
})

it('random bytes between the ticks of a feed are told, and no tick is lost or comes twice', async () => {
  const random = new Random(SEED)
  const feed = await feedOf()
  const { client, server } = await read(feed.target)
  const sent: number[] = []
  let calls = 1
  for (let position = 1; position <= 300; position++) {
    const call = await feed.call(feed.calls.length || 1)
    if (!call.stream.headersSent) call.open('epoch-1')
    if (random.below(3) === 0)
      call.sendBytes(Uint8Array.from({ length: 1 + random.below(60) }, () => random.below(256)))
    call.send([tickAt(position)])
    sent.push(position)
    await client.until(() => got(client).includes(position))
    calls = feed.calls.length
  }
  expect(got(client).filter(sequence => sequence <= 300)).toEqual(sent)
  expect([client.silentErrors, client.closed]).toEqual([[], undefined])
  expect(client.gaps.length).toBeGreaterThan(10)
  expect(server.count('laneRestarts')).toBe(0)
  figure(`${client.gaps.length} gaps told, ${calls} calls, seed ${SEED}`)
})

it('a feed that compresses is read, and one that lies about it or sends a bomb is called again', async () => {
  const feed = await feedOf()
  const { client, server } = await read(feed.target)
  const first = await feed.call(1)
  first.open('epoch-1', 'gzip')
  first.sendCompressed([1, 2, 3].map(tickAt))
  await client.until(() => client.ticks.length === 3)
  // The bytes are no gzip.
  first.sendFlagged(Buffer.from('no gzip'))
  const second = await feed.call(2)
  expect(second.request.fromPosition).toBe(4)
  second.open('epoch-1', 'gzip')
  second.sendCompressed([4].map(tickAt))
  await client.until(() => client.ticks.length === 4)
  const before = process.memoryUsage.rss()
  second.sendFlagged(gzipSync(Buffer.alloc(256 << 20)))
  const third = await feed.call(3)
  const grownMiB = (process.memoryUsage.rss() - before) / 2 ** 20
  third.open('epoch-1')
  third.send([5].map(tickAt))
  await client.until(() => client.ticks.length === 5)
  expect(got(client)).toEqual([1, 2, 3, 4, 5])
  expect([client.silentErrors, client.gaps, client.closed]).toEqual([[], [], undefined])
  expect(server.count('laneRestarts')).toBe(0)
  figure(`a bomb of 256 MiB took ${Math.round(Math.max(0, grownMiB))} MiB`)
})
