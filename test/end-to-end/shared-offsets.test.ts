/**
 * Several gateways on one feed: a tick has the same epoch and offset at each of them, so a client resumes at any.
 */
import { afterEach, beforeEach, expect, it } from 'vitest'
import { RESUME_WAIT_MS } from '../../src/clients/resume-waits.js'
import { GrpcSource } from '../../src/sources/grpc/grpc-source.js'
import { FakeClock } from '../support/fake-clock.js'
import { HandlerServer } from '../support/handler-server.js'
import type { Tick } from '../support/proto-messages.js'
import { OK, type ScriptedCall, ScriptedFeed } from '../support/scripted-feed.js'
import { TickClient } from '../support/tick-client.js'
import { sequences } from '../support/ticks.js'

let feed: ScriptedFeed
let servers: HandlerServer[]
let sources: GrpcSource[]

beforeEach(async () => {
  feed = new ScriptedFeed()
  servers = []
  sources = []
  await feed.start()
})

afterEach(async () => {
  for (const source of sources) await source.stop()
  for (const server of servers) await server.stop()
  await feed.stop()
})

/** A gateway, and the call with which it reads the feed. */
async function gateway(clock?: FakeClock): Promise<{ server: HandlerServer; call: ScriptedCall }> {
  const server = await HandlerServer.start({ poolSize: 1 }, clock === undefined ? {} : { clock })
  const source = new GrpcSource({ target: feed.target, backoffMinMs: 1, backoffMaxMs: 1 })
  servers.push(server)
  sources.push(source)
  server.handler.attachSource(source)
  return { server, call: await feed.call(servers.length) }
}

const ticks = (first: number, last: number): Partial<Tick>[] =>
  sequences(first, last).map(position => ({ symbol: 'A', kind: 1, sequence: position, position }))

/** The positions of the ticks that a client got. */
const got = (client: TickClient) => client.ticks.map(({ sequence }) => Number(sequence))

const tickCount = async (client: TickClient, count: number): Promise<void> => {
  await client.until(() => client.ticks.length >= count)
  expect(client.silentErrors).toEqual([])
}

it('two gateways give each tick the same epoch and offset, wherever they begin and whatever is missing', async () => {
  const one = await gateway()
  const two = await gateway()
  for (const { call } of [one, two]) call.open('run')
  const clients = await Promise.all(
    [one, two].map(({ server }) => TickClient.connect(server.url('?batch=false'))),
  )
  const places = clients.map(client => {
    const offsets: number[] = []
    client.onMessage = message => {
      if (message.type === 'ticks') offsets.push(message.offset)
    }
    return offsets
  })
  one.call.send(ticks(1, 40))
  one.call.send(ticks(44, 60))
  two.call.send(ticks(20, 40))
  two.call.send(ticks(44, 60))
  await tickCount(clients[0]!, 57)
  await tickCount(clients[1]!, 38)
  for (const [index, client] of clients.entries()) {
    expect(places[index]).toEqual(got(client))
    expect(client.epochs.at(-1)).toBe('run')
    expect(client.gaps).toMatchObject([{ from: 41, to: 43, missed: 3 }])
  }
  for (const { server } of [one, two])
    expect(server.handler.getMetrics()).toMatchObject({ epoch: 'run', offset: 60 })
})

it('a client resumes at the other gateway, and no tick is missing or doubled', async () => {
  const one = await gateway()
  const two = await gateway()
  for (const { call } of [one, two]) call.open('run')
  for (const { call } of [one, two]) call.send(ticks(1, 50))
  const client = await TickClient.connect(one.server.url('?resume=run:0'))
  await tickCount(client, 50)
  client.socket.terminate()
  for (const { call } of [one, two]) call.send(ticks(51, 80))
  for (const [query, first] of [
    ['', 51],
    ['&symbols=A', 51],
    ['&batch=false', 51],
  ] as const) {
    const back = await TickClient.connect(two.server.url(`?resume=run:${first - 1}${query}`))
    await tickCount(back, 30)
    expect(got(back)).toEqual(sequences(51, 80))
    expect(back.subscribed).toMatchObject({ epoch: 'run', offset: 50, resumed: true })
    expect(back.gaps).toEqual([])
  }
})

it('a client of latest ticks that resumes in an epoch that has ended is told the present one first', async () => {
  const { call, server } = await gateway()
  call.open('run')
  call.send(ticks(1, 20))
  const watch = await TickClient.connect(server.url('?resume=run:0'))
  await tickCount(watch, 20)
  call.end(OK)
  // The source has asked for the position after 20.
  ;(await feed.call(2)).open('next-run')
  const next = await feed.call(3)
  next.open('next-run')
  next.send(ticks(1, 5))
  await tickCount(watch, 25)
  const back = await server.connect('?delivery=latest&resume=run:10')
  await back.until(() => back.messages.some(({ type }) => type === 'live'))
  expect(back.messages.slice(0, 4)).toMatchObject([
    { type: 'subscribed', epoch: 'run', offset: 10, resumed: true },
    { type: 'gap', missed: null, epoch: 'next-run', from: 6, to: 5, offset: 5 },
    { type: 'snapshot', offset: 5 },
    { type: 'live', offset: 5 },
  ])
})

it('a client waits at a gateway that is behind the one before', async () => {
  const { call, server } = await gateway()
  call.open('run')
  call.send(ticks(1, 40))
  const watch = await TickClient.connect(server.url('?resume=run:0'))
  await tickCount(watch, 40)
  const connecting = TickClient.connect(server.url('?resume=run:50'))
  call.send(ticks(41, 49))
  await tickCount(watch, 49)
  call.send(ticks(50, 60))
  const back = await connecting
  await tickCount(back, 10)
  expect(got(back)).toEqual(sequences(51, 60))
  expect(back.subscribed).toMatchObject({ offset: 50, resumed: true })
})

it('a client resumes at a gateway that has just begun, with the first tick that it reads', async () => {
  const { call, server } = await gateway()
  const connecting = TickClient.connect(server.url('?resume=run:50'))
  const early = await TickClient.connect(server.url())
  call.open('run')
  call.send(ticks(51, 55))
  const back = await connecting
  await tickCount(back, 5)
  expect(got(back)).toEqual(sequences(51, 55))
  expect(back.gaps).toEqual([])
  await tickCount(early, 5)
  expect(early.epochs).toEqual([expect.not.stringMatching('run'), 'run'])
})

it('a client that waits for too long begins behind a gap', async () => {
  const clock = new FakeClock()
  const { call, server } = await gateway(clock)
  call.open('run')
  call.send(ticks(1, 5))
  const watch = await TickClient.connect(server.url('?resume=run:0'))
  await tickCount(watch, 5)
  const connecting = TickClient.connect(server.url('?resume=run:9'))
  await server.until(() => server.handler.getClientCount() === 2)
  clock.advance(RESUME_WAIT_MS)
  const back = await connecting
  await back.until(() => back.gaps.length > 0)
  expect(back.subscribed).toMatchObject({ epoch: 'run', offset: 5, resumed: false })
  expect(back.gaps).toMatchObject([{ reason: 'resume', missed: null }])
})
