/**
 * More than the gateway can do at once: bursts, lanes that are too slow, clients that do not read, and herds.
 */
import { setTimeout } from 'node:timers/promises'
import { afterEach, expect, it } from 'vitest'
import { GrpcSource } from '../../src/sources/grpc/grpc-source.js'
import { extent } from '../support/extent.js'
import { figure } from '../support/figure.js'
import { FULL_SIZE, HandlerServer } from '../support/handler-server.js'
import { ScriptedFeed } from '../support/scripted-feed.js'
import { TickClient } from '../support/tick-client.js'
import { quote, sequences } from '../support/ticks.js'

const ends: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

async function serve(...args: Parameters<typeof HandlerServer.start>): Promise<HandlerServer> {
  const server = await HandlerServer.start(...args)
  ends.push(() => server.stop())
  return server
}

const tickAt = (position: number) => ({ symbol: 'A', kind: 1, sequence: position, position })

/** A feed that sends these positions, in batches of 100, as fast as it may. */
async function feedOf(server: HandlerServer): Promise<(first: number, last: number) => void> {
  const feed = new ScriptedFeed()
  await feed.start()
  const source = new GrpcSource({ target: feed.target, backoffMinMs: 1, backoffMaxMs: 1 })
  ends.push(async () => {
    await source.stop()
    await feed.stop()
  })
  server.handler.attachSource(source)
  const call = await feed.call(1)
  call.open('epoch-1')
  return (first, last) => {
    for (let position = first; position <= last; position += 100)
      call.send(sequences(position, Math.min(last, position + 99)).map(tickAt))
  }
}

function expectWhole(client: TickClient, ticks: number): void {
  expect(client.ticks.map(({ sequence }) => sequence)).toEqual(sequences(1, ticks))
  expect([client.silentErrors, client.gaps, client.closed]).toEqual([[], [], undefined])
}

it('a burst of ten times the ticks of a second is delivered whole', async () => {
  // The burst does not fit into the queue.
  const server = await serve({ ...FULL_SIZE, queueSize: 2000 })
  const clients = await Promise.all(sequences(1, 10).map(() => TickClient.connect(server.url())))
  const send = await feedOf(server)
  let sent = 0
  // A second of 1,000 ticks, as fast as the clients take them.
  while (sent < 1000) {
    send(sent + 1, sent + 100)
    sent += 100
    await clients[0]!.until(() => clients[0]!.ticks.length === sent)
  }
  const startMs = performance.now()
  send(sent + 1, sent + 10_000)
  sent += 10_000
  for (const client of clients) await client.until(() => client.ticks.length === sent)
  for (const client of clients) expectWhole(client, sent)
  expect(server.count('sourcePauses')).toBeGreaterThan(0)
  figure(`10,000 ticks at 10 clients after ${Math.round(performance.now() - startMs)} ms`)
})

/** Ticks that the feed sends at once. The lane takes three seconds for them. */
const LOAD = 30_000
/** The feed goes on for so long. */
const OVERLOAD_MS = extent(0, 120_000)

it(
  'a rate far above that of the lanes pauses the feed, keeps the queue within its bound, and loses nothing',
  async () => {
    const queueSize = 2000
    const laneFile = new URL('../support/lanes/slow.js', import.meta.url).href
    const server = await serve({ ...FULL_SIZE, queueSize }, { laneFile })
    const client = await TickClient.connect(server.url())
    const send = await feedOf(server)
    let deepest = 0
    let taken = 0
    let sent = 0
    const endMs = performance.now() + OVERLOAD_MS
    for (let isLast = false; !isLast; ) {
      isLast = performance.now() >= endMs
      send(sent + 1, sent + LOAD)
      sent += LOAD
      // The next ticks come before the lane has taken these.
      const wanted = isLast ? sent : sent - LOAD / 2
      await server.until(() => {
        deepest = Math.max(deepest, server.handler.getMetrics().lanes[0]!.queueDepth)
        return taken + client.ticks.length >= wanted
      })
      const wrong = client.ticks.splice(0).filter(({ sequence }) => sequence !== ++taken)
      expect(wrong).toEqual([])
    }
    expect(taken).toBe(sent)
    expect([client.silentErrors, client.gaps, client.closed]).toEqual([[], [], undefined])
    expect(server.count('sourcePauses')).toBeGreaterThan((3 * sent) / LOAD)
    // One message of the feed may come beyond the bound, and what HTTP/2 hands over with it.
    expect(deepest).toBeLessThan(2 * queueSize)
    figure(`${server.count('sourcePauses')} pauses, at most ${deepest} ticks queued of ${taken}`)
  },
  extent(120_000, 600_000),
)

it('clients that do not read, a third of all, cost the others nothing and are ended', async () => {
  const server = await HandlerServer.startOnUnixSocket({
    ...FULL_SIZE,
    frameRingBytes: 8 << 20,
    turnBytesMax: 64 * 1024,
    writeTimeoutMs: 1000,
    closeTimeoutMs: 500,
  })
  ends.push(() => server.stop())
  const deaf = await Promise.all(sequences(1, 12).map(() => TickClient.connect(server.url())))
  const others = await Promise.all(sequences(1, 28).map(() => TickClient.connect(server.url())))
  for (const { socket } of deaf) socket.pause()
  const [pacer] = others
  let sent = 0
  const before = process.memoryUsage.rss()
  while (server.handler.getClientCount() > others.length) {
    while (!server.handler.broadcastTick(quote('A'.padEnd(64, '-'), sent + 1)))
      await new Promise(setImmediate)
    if (++sent % 20 !== 0) continue
    await pacer!.until(() => pacer!.ticks.length >= sent - 20)
    // The thread is not busy all the time, so the clients' time goes on.
    await setTimeout(5)
  }
  const grownMiB = Math.round((process.memoryUsage.rss() - before) / 2 ** 20)
  for (const client of others) await client.until(() => client.ticks.length === sent)
  for (const client of others) expectWhole(client, sent)
  const { disconnectCutOff = 0, disconnectSlow = 0 } = server.counts('disconnect')
  expect(disconnectCutOff + disconnectSlow).toBe(deaf.length)
  figure(`${deaf.length} of ${deaf.length + others.length} ended, ${sent} ticks; ${grownMiB} MiB more`)
})

const HERD = extent(500, 2000)

it('clients that all come back at once are all let in, and resume without a loss', async () => {
  const server = await serve({
    ...FULL_SIZE,
    maxClients: HERD,
    // Fewer than come back: the rest waits.
    connectionsPerSecond: HERD / 4,
    totalWorkPerSecond: 1 << 30,
    addressWorkPerSecond: 1 << 30,
  })
  let sent = 0
  const push = () => {
    if (server.handler.broadcastTick(quote('A', sent + 1))) sent++
  }
  const herd = await Promise.all(sequences(1, HERD).map(() => TickClient.connect(server.url('?symbols=A'))))
  push()
  for (const client of herd) await client.until(() => client.ticks.length === 1)
  for (const { socket } of herd) socket.terminate()
  await server.until(() => server.handler.getClientCount() === 0)
  for (let tick = 0; tick < 20; tick++) push()
  const startMs = performance.now()
  const resume = `${herd[0]!.epochs.at(-1)}%3A1`
  const timer = setInterval(push, 500)
  ends.push(async () => clearInterval(timer))
  const back = await Promise.all(
    sequences(1, HERD).map(() => TickClient.connect(server.url(`?symbols=A&resume=${resume}`))),
  )
  const tookMs = Math.round(performance.now() - startMs)
  clearInterval(timer)
  push()
  const expected = sequences(2, sent)
  for (const client of back) await client.until(() => client.ticks.length >= expected.length)
  for (const client of back) {
    expect(client.ticks.map(({ sequence }) => sequence)).toEqual(expected)
    expect([client.silentErrors, client.gaps, client.closed]).toEqual([[], [], undefined])
  }
  for (const { socket } of back) socket.terminate()
  figure(`${HERD} back after ${tookMs} ms, each with ${expected.length} ticks`)
}, 120_000)
