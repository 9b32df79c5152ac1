/**
 * A feed with two endpoints that are killed in turns, over real gRPC, up to a WebSocket client.
 */
import { afterEach, beforeEach, expect, it } from 'vitest'
import { systemClock } from '../../../src/common/clock.js'
import { FeedMemory } from '../../../src/sources/feed-memory.js'
import { GrpcSource } from '../../../src/sources/grpc/grpc-source.js'
import { BothSource } from '../../../src/sources/lines/both-source.js'
import { FailoverSource, NEXT_AFTER_MS } from '../../../src/sources/lines/failover-source.js'
import type { MakeSource } from '../../../src/sources/lines/feed-line.js'
import { extent } from '../../support/extent.js'
import { FakeClock } from '../../support/fake-clock.js'
import { HandlerServer } from '../../support/handler-server.js'
import { RecordingSink } from '../../support/recording-sink.js'
import { ReplicatedFeed } from '../../support/replicated-feed.js'
import { ticksAt } from '../../support/scripted-feed.js'
import { TickClient } from '../../support/tick-client.js'

const KILLS = extent(4, 100)
const TICKS = 40

let feed: ReplicatedFeed
let server: HandlerServer | undefined
let memory: FeedMemory

beforeEach(async () => {
  feed = new ReplicatedFeed(2)
  memory = new FeedMemory()
  await feed.start()
})

afterEach(async () => {
  await server?.stop()
  server = undefined
  await feed.stop()
})

function endpoints(): MakeSource[] {
  return feed.servers.map(
    ({ target }): MakeSource =>
      failed => {
        const waits = { backoffMinMs: 1, backoffMaxMs: 5 }
        return new GrpcSource({ target, proxy: false, ...waits }, { memory, failed })
      },
  )
}

/** Answers calls until the client has the last tick that was sent: a source may call a second time. */
async function untilAll(client: TickClient): Promise<void> {
  while (Number(client.ticks.at(-1)!.sequence) !== feed.position) {
    feed.answer()
    await new Promise(setImmediate)
  }
}

/** Everything that the client got: positions, gaps and states of the feed, in order. */
function record(client: TickClient): string[] {
  const heard: string[] = []
  client.onMessage = message => {
    if (message.type === 'ticks') for (const { sequence } of message.ticks) heard.push(String(sequence))
    // One of 0 names the epoch of the feed.
    else if (message.type === 'gap' && message.missed !== 0) heard.push(`gap of ${message.missed}`)
    else if (message.type === 'status') heard.push(message.feed)
  }
  return heard
}

it('costs nothing to kill either endpoint where both are read', async () => {
  server = await HandlerServer.start({}, { ticksAreRepeated: true })
  const client = await TickClient.connect(server.url())
  const heard = record(client)
  const [a, b] = feed.servers
  const source = new BothSource(endpoints(), memory)
  server.handler.attachSource(source)
  await feed.answered(a!, 0)
  await feed.answered(b!, 0)
  // The one that answered later may have been called again, from the position of the first.
  const hasEnough = () => client.ticks.length >= TICKS
  while (!hasEnough()) {
    feed.send(1)
    await new Promise(setImmediate)
  }
  const first = Number(client.ticks[0]!.sequence)
  for (let kill = 0; kill < KILLS; kill++) {
    const victim = feed.servers[kill % 2]!
    const calls = victim.calls.length
    feed.send(TICKS)
    await victim.stop()
    feed.send(TICKS)
    await untilAll(client)
    await victim.start()
    await feed.answered(victim, calls)
    feed.send(TICKS)
  }
  await untilAll(client)
  const { position } = feed
  const all = Array.from({ length: position - first + 1 }, (_, index) => String(first + index))
  const since = heard.slice(heard.indexOf(String(first)))
  // No gap, and never a word that the feed is down.
  expect(since.filter(text => !/^\d+$/.test(text))).toEqual(['live'])
  expect(since.filter(text => text !== 'live')).toEqual(all)
  expect(client.silentErrors).toEqual([])
  expect(source.status()).toMatchObject({ state: 'live', reconnects: KILLS })
})

it('does not call the second endpoint when the first one is quiet, and has not sent its headers', async () => {
  const clock = new FakeClock()
  const sink = new RecordingSink()
  let made = 0
  const counted = endpoints().map(
    (make): MakeSource =>
      failed => {
        made++
        return make(failed)
      },
  )
  const source = new FailoverSource(counted, clock)
  source.start(sink)
  const call = await feed.servers[0]!.call(1)
  await sink.until(() => sink.states.at(-1)?.[0] === 'live')
  clock.advance(100 * NEXT_AFTER_MS)
  expect(made).toBe(1)
  call.open('one')
  call.send(ticksAt(1))
  await sink.until(() => sink.ticks.length === 1)
  expect(made).toBe(1)
  await source.stop()
})

it('loses no tick where the second endpoint takes over from the first', async () => {
  server = await HandlerServer.start()
  const client = await TickClient.connect(server.url())
  const heard = record(client)
  const [a, b] = feed.servers
  server.handler.attachSource(new FailoverSource(endpoints(), systemClock))
  await feed.answered(a!, 0)
  feed.send(TICKS)
  await client.until(() => client.ticks.length === TICKS)
  await a!.stop()
  // Nobody reads these. The second endpoint holds them.
  feed.send(TICKS)
  await feed.answered(b!, 0)
  feed.send(TICKS)
  await client.until(() => client.ticks.length === 3 * TICKS)
  const upTo = (last: number) => Array.from({ length: last }, (_, index) => String(index + 1))
  const ticks = upTo(3 * TICKS)
  expect(heard.filter(text => text !== 'live' && text !== 'down')).toEqual(ticks)
  expect(heard.filter(text => text === 'live' || text === 'down').slice(-2)).toEqual(['down', 'live'])
  expect([client.gaps, client.silentErrors]).toEqual([[], []])
})
