/**
 * The client against real gateways, in the hands of an application: every tick comes once and in order, or an item tells of it.
 */
import { connect, type Item, type MarketTick, type Stream, type Subscription } from '@ringcast/client'
import { afterEach, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { GrpcSource } from '../../../src/sources/grpc/grpc-source.js'
import { HandlerServer } from '../../support/handler-server.js'
import { ReplicatedFeed } from '../../support/replicated-feed.js'
import { quote } from '../../support/ticks.js'
import { until } from '../../support/until.js'

const CUTS = 20

let streams: Stream[] = []
let servers: HandlerServer[] = []
let sources: GrpcSource[] = []
let feed: ReplicatedFeed | undefined

afterEach(async () => {
  for (const stream of streams) stream.close()
  for (const source of sources) await source.stop()
  for (const server of servers) await server.stop()
  await feed?.stop()
  streams = []
  servers = []
  sources = []
  feed = undefined
})

/** Connects to the gateway that is the present one whenever it connects; comes back at once. */
class Route {
  server: HandlerServer | undefined
  readonly sockets: WebSocket[] = []

  connect(): Stream {
    const route = this
    class Routed extends WebSocket {
      constructor(url: string, protocols?: string[]) {
        super(url.replace('gateway', `127.0.0.1:${route.server!.port}`), protocols)
        route.sockets.push(this)
      }
    }
    const stream = connect('ws://gateway/ws/ticks', { WebSocket: Routed, random: () => 0 })
    streams.push(stream)
    return stream
  }
}

async function gateway(options = {}): Promise<HandlerServer> {
  const server = await HandlerServer.start(options)
  servers.push(server)
  return server
}

/** What an application has got of a subscription, and what is wrong with it. */
class Application {
  readonly items: Item<MarketTick>[] = []
  readonly silentErrors: string[] = []
  ticks = 0
  missed = 0
  hasUnknownLoss = false
  private readonly sequences = new Map<string, number>()
  /** Symbols of which ticks may be skipped once, because a gap has told of it. */
  private readonly mayMiss = new Set<string>()

  constructor(subscription: Subscription<MarketTick>) {
    for (const type of ['ticks', 'snapshot', 'gap', 'status', 'refused'] as const)
      subscription.on(type, item => this.take(item))
  }

  /** Whether the first snapshot has come: from there on all ticks follow. */
  get hasBegun(): boolean {
    return this.items.some(({ type }) => type === 'snapshot')
  }

  lastOf(symbol: string): number {
    return this.sequences.get(symbol) ?? 0
  }

  private take(item: Item<MarketTick>): void {
    this.items.push(item)
    if (item.type === 'gap') {
      if (item.missed === null) this.hasUnknownLoss = true
      else this.missed += item.missed
      for (const symbol of this.sequences.keys()) this.mayMiss.add(symbol)
    }
    if (item.type === 'snapshot')
      for (const { sequence, symbol } of item.ticks) {
        if (Number(sequence) < this.lastOf(symbol)) this.silentErrors.push(`${symbol} falls in a snapshot`)
        this.sequences.set(symbol, Number(sequence))
      }
    if (item.type !== 'ticks') return
    for (const { sequence, symbol } of item.ticks) {
      this.ticks++
      const before = this.sequences.get(symbol)
      const now = Number(sequence)
      if (before !== undefined && now !== before + 1 && !(now > before && this.mayMiss.has(symbol)))
        this.silentErrors.push(`${symbol} ${now} after ${before}`)
      this.mayMiss.delete(symbol)
      this.sequences.set(symbol, now)
    }
  }
}

it('no tick is missing or doubled while the connection is cut again and again', async () => {
  const route = new Route()
  const server = await gateway()
  route.server = server
  const stream = route.connect()
  const one = new Application(stream.subscribe(['A', 'B'], { snapshot: true }))
  let sequence = 0
  const push = () => {
    sequence++
    for (const symbol of ['A', 'B', 'C']) server.handler.broadcastTick(quote(symbol, sequence))
  }
  push()
  await until(() => one.hasBegun)
  let two: Application | undefined
  for (let cut = 0; cut < CUTS; cut++) {
    for (let each = 0; each <= cut; each++) push()
    await until(() => one.lastOf('A') === sequence)
    if (cut === 3) two = new Application(stream.subscribe(['C', 'B'], { snapshot: true }))
    push()
    // In the midst of what is sent, and of the commands.
    if (cut % 3 === 0) await new Promise(setImmediate)
    server.sockets.at(-1)!.destroy()
    push()
    await until(() => stream.state === 'live' && server.handler.getClientCount() === 1)
  }
  push()
  await until(() => one.lastOf('B') === sequence && two!.lastOf('C') === sequence)
  expect(one.silentErrors).toEqual([])
  expect(two!.silentErrors).toEqual([])
  expect([...one.items, ...two!.items].filter(({ type }) => ['gap', 'refused'].includes(type))).toEqual([])
  expect(server.sockets.length).toBeGreaterThan(CUTS)
})

it('a client moves from gateway to gateway through deploys and crashes without a loss', async () => {
  feed = new ReplicatedFeed(1)
  await feed.start()
  const attach = async () => {
    const server = await gateway()
    const source = new GrpcSource({ target: feed!.servers[0]!.target, backoffMinMs: 1, backoffMaxMs: 1 })
    sources.push(source)
    server.handler.attachSource(source)
    await feed!.answered(feed!.servers[0]!, servers.length - 1)
    return server
  }
  const route = new Route()
  const first = await attach()
  const second = await attach()
  feed.send(10)
  route.server = first
  const stream = route.connect()
  const application = new Application(stream.subscribe('*', { snapshot: true }))
  await until(() => application.hasBegun)
  feed.send(10)
  await until(() => application.lastOf('BTCUSDT') === feed!.position)
  // A deploy: the first gateway says goodbye.
  route.server = second
  await first.handler.shutdown({ drainMs: 0 })
  feed.send(10)
  await until(() => application.lastOf('BTCUSDT') === feed!.position)
  expect(application.items.some(item => item.type === 'status' && item.code === 'goodbye')).toBe(true)
  // A crash: another process takes its place, and begins to read the feed where it is.
  const third = await attach()
  feed.send(10)
  await until(() => third.handler.getMetrics().offset === second.handler.getMetrics().offset)
  route.server = third
  second.sockets.at(-1)!.destroy()
  feed.send(10)
  await until(() => application.lastOf('BTCUSDT') === feed!.position)
  expect(application.silentErrors).toEqual([])
  expect(application.items.filter(({ type }) => type === 'gap')).toEqual([])
})

it('a gateway that counts for itself is started again: the loss is told, and the stream goes on', async () => {
  const route = new Route()
  const first = await gateway()
  route.server = first
  const stream = route.connect()
  const application = new Application(stream.subscribe(['A'], { snapshot: true }))
  await until(() => application.hasBegun)
  first.handler.broadcastTick(quote('A', 1))
  await until(() => application.lastOf('A') === 1)
  route.server = await gateway()
  route.server.handler.broadcastTick(quote('A', 50))
  await first.stop()
  await until(() => application.hasUnknownLoss)
  route.server.handler.broadcastTick(quote('A', 51))
  await until(() => application.lastOf('A') === 51)
  expect(application.silentErrors).toEqual([])
})

it('a connection that does not read is told how many ticks it missed', async () => {
  const route = new Route()
  const server = await gateway()
  route.server = server
  const stream = route.connect()
  const application = new Application(stream.subscribe('*', { snapshot: true }))
  await until(() => application.hasBegun)
  route.sockets[0]!.pause()
  const pushed = await server.pushUntilBlocked()
  route.sockets[0]!.resume()
  await until(() => application.ticks + application.missed >= pushed)
  expect(application.ticks + application.missed).toBe(pushed)
  expect(application.silentErrors).toEqual([])
})
