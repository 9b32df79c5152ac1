/** What relay and gateways do when a server, a relay or a stream fails, with a real server of NATS. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { LEASE_MS } from '../../src/relay/lease.js'
import type { Relay } from '../../src/relay/relay.js'
import type { RelayCounters } from '../../src/relay/relay-counters.js'
import type { NatsSource } from '../../src/sources/nats/nats-source.js'
import { FakeClock } from '../support/fake-clock.js'
import { fastClock } from '../support/fast-clock.js'
import { noNatsServer } from '../support/nats-server.js'
import type { RecordingSink } from '../support/recording-sink.js'
import { RelayStage } from '../support/relay-stage.js'
import { type ScriptedCall, ScriptedFeed, ticksAt } from '../support/scripted-feed.js'

describe.skipIf(noNatsServer !== undefined)('Relay and gateways', () => {
  let stage: RelayStage
  let feed: ScriptedFeed

  beforeEach(async () => {
    stage = new RelayStage()
    stage.newStream()
    feed = new ScriptedFeed()
    await Promise.all([stage.server.start(), feed.start()])
  })
  afterEach(async () => {
    await stage.clear()
    await Promise.all([feed.stop(), stage.server.stop()])
  })

  const positionsUpTo = (sink: RecordingSink, last: number) =>
    sink.until(() => sink.positions.at(-1) === last)
  const range = (from: number, to: number) =>
    Array.from({ length: to - from + 1 }, (_, index) => from + index)

  /** Resolves when a line with this beginning was logged. */
  async function said(beginning: string): Promise<void> {
    while (!stage.lines.some(line => line.startsWith(beginning)))
      await new Promise(resolve => setImmediate(resolve))
  }

  /** Resolves when the stream has all ticks up to this position. */
  async function hasStored(relay: Relay, last: number): Promise<void> {
    const isStored = () => {
      const { counters, offset, queuedBytes } = relay.metrics() as {
        offset: number
        queuedBytes: number
        counters: RelayCounters
      }
      return offset === last && counters.ticksWritten === counters.ticksReceived && queuedBytes === 0
    }
    while (!isStored()) await new Promise(resolve => setImmediate(resolve))
  }

  /** A relay that reads the feed, and a gateway that reads the stream, with the first ticks taken. */
  async function begin(
    last: number,
    epoch?: string,
  ): Promise<{ relay: Relay; call: ScriptedCall; sink: RecordingSink; source: NatsSource }> {
    const relay = await stage.relay(feed.target)
    const call = await feed.call(1)
    const { sink, source } = await stage.gateway()
    call.open(epoch)
    call.send(ticksAt(...range(1, last)))
    await positionsUpTo(sink, last)
    await sink.until(() => sink.states.at(-1)?.[0] === 'live')
    return { relay, call, sink, source }
  }

  it('lose and double no tick when the server is killed and comes back', async () => {
    const { call, sink } = await begin(10, 'E')
    await stage.server.kill()
    call.send(ticksAt(...range(11, 500)))
    await sink.until(() => sink.states.at(-1)?.[0] === 'down')
    await stage.server.start()
    await positionsUpTo(sink, 500)
    call.send(ticksAt(501))
    await positionsUpTo(sink, 501)
    expect(sink.positions).toEqual(range(1, 501))
    expect(sink.offsets.at(-1)).toBe('E:501')
    expect(sink.sessions.every(({ number, continuous }) => continuous || number === 1)).toBe(true)
  })

  it('notice a server that hangs within two seconds, and lose no tick', async () => {
    const { call, sink } = await begin(10, 'E')
    const startMs = performance.now()
    stage.server.signal('SIGSTOP')
    await sink.until(() => sink.states.at(-1)?.[0] === 'down')
    expect(performance.now() - startMs).toBeLessThan(2_500)
    call.send(ticksAt(...range(11, 20)))
    stage.server.signal('SIGCONT')
    await positionsUpTo(sink, 20)
    expect(sink.positions).toEqual(range(1, 20))
  })

  it('get nothing of a relay that another one has replaced', async () => {
    // Its clock stands still, as that of a process that was stopped: it renews no lease, and knows of nothing.
    const clock = new FakeClock()
    const first = await stage.relay(feed.target, { nats: { ...stage.nats, clock } })
    while (feed.calls.length === 0) {
      clock.advance(LEASE_MS / 8)
      await new Promise(resolve => setImmediate(resolve))
    }
    const call = await feed.call(1)
    call.open('E')
    call.send(ticksAt(1, 2))
    const second = await stage.relay(feed.target, { nats: { ...stage.nats, clock: fastClock(20) } })
    const other = await feed.call(2)
    expect(second.status().role).toBe('active')
    const { sink } = await stage.gateway()
    other.open('E')
    other.send(ticksAt(3))
    call.send(ticksAt(3, 4, 5))
    await said('NATS stores no ticks, trying until it does: wrong last sequence: ')
    // So much later it looks at the stream. The lease it renews later still.
    clock.advance(50)
    await said('this relay is no longer active: another relay has written')
    other.send(ticksAt(4, 5, 6))
    await positionsUpTo(sink, 6)
    expect(sink.offsets).toEqual(['E:3', 'E:4', 'E:5', 'E:6'])
    expect(first.status().role).toBe('standby')
  })

  it('read again from the feed what the server has lost, and tell no tick twice', async () => {
    const { call, sink } = await begin(10, 'E')
    await stage.server.kill('SIGTERM')
    stage.server.save()
    await stage.server.start()
    call.send(ticksAt(...range(11, 20)))
    await positionsUpTo(sink, 20)
    await stage.server.kill()
    stage.server.restore()
    await stage.server.start()
    const second = await feed.call(2)
    expect(Number(second.request.fromPosition)).toBe(11)
    second.open('E')
    second.send(ticksAt(...range(11, 25)))
    await positionsUpTo(sink, 25)
    // The source drops whole messages; the sink drops the first ticks of one that it has in part.
    const news = sink.offsets.slice(20)
    expect(sink.positions.slice(0, 20)).toEqual(range(1, 20))
    expect(new Set(news)).toContain('E:21')
    expect(sink.sessions.at(-1)).toMatchObject({ epoch: 'E', continuous: true })
    expect(stage.lines).toContain('this relay is no longer active: the server has lost stored messages')
  })

  it('begin a new epoch when the server has lost ticks that the relay has counted', async () => {
    const { call, sink } = await begin(10)
    const { epoch } = sink.sessions.at(-1)!
    await stage.server.kill('SIGTERM')
    stage.server.save()
    await stage.server.start()
    call.send(ticksAt(...range(11, 20)))
    await positionsUpTo(sink, 20)
    await stage.server.kill()
    stage.server.restore()
    await stage.server.start()
    const second = await feed.call(2)
    second.open()
    second.send(ticksAt(31))
    await positionsUpTo(sink, 31)
    const session = sink.sessions.at(-1)!
    expect(session.continuous).toBe(false)
    expect(session.epoch).not.toBe(epoch)
    expect(sink.offsets.at(-1)).toBe(`${session.epoch}:1`)
  })

  it('go on when the stream was deleted: relay and gateway find that it is another one', async () => {
    const { call, sink } = await begin(10, 'E')
    await stage.administer(({ manager }) => manager.streams.delete(stage.stream))
    call.send(ticksAt(11))
    const second = await feed.call(2)
    second.open('E')
    second.send(ticksAt(11, 12))
    await positionsUpTo(sink, 12)
    expect(sink.positions).toEqual(range(1, 12))
  })

  it('tell what was purged as a hole, with exact positions', async () => {
    const { call, relay, sink, source } = await begin(10, 'E')
    source.pause()
    // What was asked for before may come.
    call.send(ticksAt(...range(11, 20)))
    await positionsUpTo(sink, 20)
    await stage.server.kill()
    call.send(ticksAt(...range(21, 30)))
    await stage.server.start()
    await sink.until(() => sink.sessions.length > 1)
    await hasStored(relay, 30)
    await stage.administer(({ manager }) => manager.streams.purge(stage.stream))
    call.send(ticksAt(31))
    source.resume()
    await positionsUpTo(sink, 31)
    expect(sink.offsets.slice(-2)).toEqual(['E:20', 'E:31'])
    // The sink finds the hole, by the positions.
    expect(sink.losses).toEqual([])
    expect(sink.sessions.at(-1)).toMatchObject({ epoch: 'E', continuous: true })
  })
})
