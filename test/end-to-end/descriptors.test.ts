/**
 * A process that may open few files (`ulimit -n`), and more connections than that.
 */
import type { Socket } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { GrpcSource } from '../../src/sources/grpc/grpc-source.js'
import { TestClient } from '../support/handler-server.js'
import { dial } from '../support/raw-sockets.js'
import { RecordingSink } from '../support/recording-sink.js'
import { Ringcast } from '../support/ringcast-process.js'

const processes: Ringcast[] = []
const sockets: Socket[] = []
const clients: TestClient[] = []
const sources: GrpcSource[] = []

afterEach(async () => {
  for (const client of clients.splice(0)) client.socket.terminate()
  for (const socket of sockets.splice(0)) socket.destroy()
  for (const source of sources.splice(0)) await source.stop()
  for (const process of processes.splice(0)) await process.kill('SIGKILL')
})

function start(args: readonly string[], descriptors: number): Ringcast {
  const ringcast = new Ringcast(args, { descriptors })
  processes.push(ringcast)
  return ringcast
}

/** A client that is subscribed, or closed. */
async function connect(url: string): Promise<TestClient> {
  const client = new TestClient(url, [], {})
  clients.push(client)
  await client.until(() => client.messages.length > 0 || client.closed !== undefined)
  return client
}

/** Connections that send nothing. */
async function hold(port: number, count: number): Promise<void> {
  const held = await Promise.all(Array.from({ length: count }, () => dial(port)))
  for (const socket of held) socket.resume()
  sockets.push(...held)
}

/** Each of them gets more ticks, and has got all up to there. */
async function expectWhole(all: readonly TestClient[]): Promise<void> {
  const before = all.map(({ messages }) => messages.length)
  for (const [index, client] of all.entries()) {
    await client.until(() => client.messages.length >= before[index]! + 5 || client.closed !== undefined)
    expect(client.closed).toBeUndefined()
    // A client that came before the feed is told the epoch of the feed by a gap.
    const seqs = client.messages.flatMap(message =>
      message.type === 'status' || message.type === 'gap'
        ? []
        : 'seq' in message
          ? message.seq
          : message.type,
    )
    expect(seqs).toEqual(seqs.map((_, count) => Number(seqs[0]) + count))
  }
}

it('a gateway that may open few files says so, serves as many clients as there is room for, and comes to no harm', async () => {
  const ringcast = start(['--feed-rate=200'], 192)
  const { webSocketUrl, adminUrl } = await ringcast.streaming()
  const warning = ringcast.lines.find(({ level, limit }) => level === 'warn' && limit !== undefined)!
  expect(warning).toMatchObject({ limit: 192, needed: expect.any(Number) })
  expect(warning.msg).toMatch(/may open 192 files, .* need 21\d\d: .*ulimit -n.* RINGCAST_MAX_CLIENTS/)
  const maxClients = warning.maxClients as number
  expect(maxClients).toBeGreaterThan(10)
  expect(ringcast.lines.find(({ msg }) => msg === 'accepting clients')).toMatchObject({ maxClients })
  const port = Number(new URL(webSocketUrl).port)

  const live = [await connect(webSocketUrl)]
  await hold(port, 300)
  while (live.length < maxClients) {
    live.push(await connect(webSocketUrl))
    expect(live.at(-1)!.closed).toBeUndefined()
  }
  await expectWhole(live)
  const oneMore = await fetch(webSocketUrl.replace('ws:', 'http:'))
  expect(oneMore.status).toBe(426)
  expect((await connect(webSocketUrl)).closed).toBeDefined()
  const response = await fetch(`${adminUrl}/metrics.json`)
  const { counters, server } = (await response.json()) as Record<string, Record<string, number>>
  expect(counters).toMatchObject({ connectionsActive: maxClients, refusedLimit: 1 })
  expect(server).toMatchObject({ droppedDescriptors: 0, acceptErrors: 0 })
  expect(server!.droppedPending! + server!.connectionsPending!).toBeGreaterThanOrEqual(300)

  // Who leaves makes room.
  for (const client of live.splice(0, 5)) client.socket.close()
  for (let count = 0; count < 5; ) {
    const client = await connect(webSocketUrl)
    if (client.closed === undefined) count = live.push(client) - maxClients + 5
  }
  await expectWhole(live)
  await ringcast.kill('SIGTERM')
  expect(await ringcast.ended()).toBe(0)
  const dropped = ringcast.lines.filter(({ msg }) => msg.startsWith('connections of clients'))
  expect(dropped.reduce((sum, line) => sum + (line.evicted as number), 0)).toBeGreaterThan(200)
})

it('a feed that may open few files is read by one more while others hold its connections', async () => {
  const feed = start(['feed', '--feed-listen=127.0.0.1:0'], 256)
  const address = (await feed.line('feeding'))!.address!
  await hold(Number(address.replace(/.*:/, '')), 500)
  const sink = new RecordingSink()
  const source = new GrpcSource({ target: address })
  sources.push(source)
  source.start(sink)
  await sink.until(() => sink.ticks.length > 20)
  await feed.kill('SIGTERM')
  expect(await feed.ended()).toBe(0)
  const [dropped] = feed.lines.filter(({ msg }) => msg.startsWith('connections of readers'))
  expect(dropped).toMatchObject({ level: 'warn', acceptErrors: 0 })
  expect((dropped!.evicted as number) + (dropped!.noDescriptor as number)).toBeGreaterThan(150)
})
