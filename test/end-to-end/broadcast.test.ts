/**
 * The whole path of a tick: a feed in a thread, real gRPC, lanes in threads, real sockets. What each client got is
 * compared with the feed's own record.
 */
import { afterEach, expect, it } from 'vitest'
import { EmbeddedFeed } from '../../src/embedded-feed/embedded-feed.js'
import type { TickJson } from '../../src/protocol/messages.js'
import { GrpcSource } from '../../src/sources/grpc/grpc-source.js'
import { extent } from '../support/extent.js'
import { FULL_SIZE, HandlerServer } from '../support/handler-server.js'
import { type Recording, recording } from '../support/recorded-ticks.js'
import { TickClient } from '../support/tick-client.js'

const cleanUps: (() => Promise<void>)[] = []

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

async function startServer(options = {}): Promise<HandlerServer> {
  const server = await HandlerServer.start({ ...FULL_SIZE, ...options })
  cleanUps.push(() => server.stop())
  return server
}

async function record(rows: number): Promise<Recording> {
  const file = await recording(rows)
  cleanUps.push(() => file.remove())
  return file
}

/** Replays the file once, as fast as it is read. */
async function replay(server: HandlerServer, file: Recording, method: 'batches' | 'single'): Promise<void> {
  const feed = await EmbeddedFeed.start({ replay: file.path, speed: 0, loop: false })
  cleanUps.push(() => feed.stop())
  const source = new GrpcSource({ target: `127.0.0.1:${feed.port}`, method })
  cleanUps.push(() => source.stop())
  server.handler.attachSource(source)
}

function wanted(file: Recording, symbols: readonly string[] | undefined): TickJson[] {
  return file.ticks.filter(({ symbol }) => symbols === undefined || symbols.includes(symbol))
}

async function expectWhole(client: TickClient, ticks: readonly TickJson[]): Promise<void> {
  await client.until(() => client.ticks.length >= ticks.length)
  expect(client.silentErrors).toEqual([])
  expect(client.gaps).toEqual([])
  expect(client.closed).toBeUndefined()
  // Compared as text first: a difference among many ticks is found at once, and shown by the second.
  if (JSON.stringify(client.ticks) !== JSON.stringify(ticks)) expect(client.ticks).toEqual(ticks)
}

it('gives 200 clients with 3 subscriptions every tick of theirs once and in order', async () => {
  const file = await record(extent(500, 5_000))
  const server = await startServer()
  const subscriptions = [undefined, ['BTCUSDT'], ['BTCUSDT-PERP', 'ETHUSDT']]
  const clients = await Promise.all(
    Array.from({ length: 200 }, async (_, index) => {
      const symbols = subscriptions[index % subscriptions.length]
      const client = await TickClient.connect(server.url(symbols && `?symbols=${symbols.join(',')}`))
      return { client, symbols }
    }),
  )
  await replay(server, file, 'batches')
  for (const { client, symbols } of clients) await expectWhole(client, wanted(file, symbols))
  const { counters } = server.handler.getMetrics()
  const delivered = clients.reduce((sum, { client }) => sum + client.ticks.length, 0)
  expect(counters.ticksReceived).toBe(file.ticks.length)
  expect(counters.ticksBroadcast).toBe(delivered)
})

it('gives a whole file to clients that want batches and to clients that want single ticks', async () => {
  const file = await record(extent(5_000, 222_708))
  const server = await startServer()
  const batches = await TickClient.connect(server.url())
  const singles = await TickClient.connect(server.url('?symbols=ETHUSDT&batch=false'))
  await replay(server, file, 'batches')
  await expectWhole(batches, file.ticks)
  await expectWhole(singles, wanted(file, ['ETHUSDT']))
})

it('carries a feed of single ticks over several lanes, through a small queue and small rings', async () => {
  const file = await record(extent(3_000, 20_000))
  const server = await startServer({
    poolSize: 3,
    queueSize: 100,
    tickLogBytes: 64 * 1024,
    frameRingBytes: 256 * 1024,
    turnBytesMax: 4 * 1024,
  })
  const clients = await Promise.all(
    ['', '?symbols=BTCUSDT', '?symbols=ETHUSDT', '?symbols=ETHUSDT-PERP&batch=false'].map(query =>
      TickClient.connect(server.url(query)),
    ),
  )
  await replay(server, file, 'single')
  for (const client of clients) {
    const symbols = client.subscribed!.symbols[0] === '*' ? undefined : client.subscribed!.symbols
    await expectWhole(client, wanted(file, symbols))
  }
  expect(server.handler.getMetrics().counters.sourcePauses).toBeGreaterThan(0)
})
