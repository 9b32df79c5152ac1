/** From a feed through a relay and JetStream to the sources of gateways, with a real server of NATS. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { noNatsServer } from '../support/nats-server.js'
import type { RecordingSink } from '../support/recording-sink.js'
import { RelayStage } from '../support/relay-stage.js'
import { ScriptedFeed, ticksAt } from '../support/scripted-feed.js'

describe.skipIf(noNatsServer !== undefined)('Relay', () => {
  const stage = new RelayStage()
  let feed: ScriptedFeed

  beforeAll(() => stage.server.start())
  afterAll(() => stage.server.stop())
  beforeEach(async () => {
    stage.newStream()
    feed = new ScriptedFeed()
    await feed.start()
  })
  afterEach(async () => {
    await stage.clear()
    await feed.stop()
  })

  const positionsUpTo = (sink: RecordingSink, last: number) =>
    sink.until(() => sink.positions.at(-1) === last)

  it('gives each tick the epoch and the position of the feed, for each gateway alike', async () => {
    await stage.relay(feed.target)
    const call = await feed.call(1)
    const [one, two] = await Promise.all([stage.gateway(), stage.gateway()])
    call.open('E')
    call.send(ticksAt(5, 6, 7))
    call.send(ticksAt(8))
    call.send(ticksAt(11, 12))
    for (const { sink } of [one, two]) {
      await positionsUpTo(sink, 12)
      expect(sink.positions).toEqual([5, 6, 7, 8, 11, 12])
      expect(sink.offsets).toEqual(['E:5', 'E:6', 'E:7', 'E:8', 'E:11', 'E:12'])
      // The sink finds the hole, by the positions.
      expect(sink.losses).toEqual([])
    }
  })

  it('counts the ticks of a feed without an epoch, and leaves a hole where its positions have one', async () => {
    await stage.relay(feed.target)
    const call = await feed.call(1)
    const { sink } = await stage.gateway()
    call.open()
    call.send(ticksAt(5, 6, 9))
    await positionsUpTo(sink, 9)
    const { epoch } = sink.sessions.at(-1)!
    expect(sink.offsets).toEqual([`${epoch}:1`, `${epoch}:2`, `${epoch}:5`])
  })

  it('tells a loss of unknown size where a feed without an epoch is called again', async () => {
    await stage.relay(feed.target)
    const call = await feed.call(1)
    const { sink } = await stage.gateway()
    call.open()
    call.send(ticksAt(5))
    await positionsUpTo(sink, 5)
    call.end(0)
    const second = await feed.call(2)
    second.open()
    second.send(ticksAt(7))
    await positionsUpTo(sink, 7)
    expect(sink.events.slice(-4)).toEqual(['push 1', 'lost null', 'session 2', 'push 1'])
    expect(sink.losses).toEqual([{ reason: 'upstream', missed: null }])
  })

  it('begins a new epoch where the positions of the feed go back', async () => {
    await stage.relay(feed.target)
    const call = await feed.call(1)
    const { sink } = await stage.gateway()
    call.open('E')
    call.send(ticksAt(5, 6, 3, 4))
    await positionsUpTo(sink, 4)
    const { epoch, continuous } = sink.sessions.at(-1)!
    expect(epoch).not.toBe('E')
    expect(continuous).toBe(false)
    expect(sink.offsets).toEqual(['E:5', 'E:6', `${epoch}:3`, `${epoch}:4`])
  })

  it('tells the gateways that the feed is down, and that it is back', async () => {
    await stage.relay(feed.target)
    const call = await feed.call(1)
    call.open('E')
    call.send(ticksAt(1))
    const { sink } = await stage.gateway()
    await sink.until(() => sink.states.at(-1)?.[0] === 'live')
    await feed.stop()
    await sink.until(() => sink.states.at(-1)?.[0] === 'down')
    expect(sink.states.at(-1)?.[1]).toBe('the gateway has lost the feed and calls it again')
    await feed.start()
    ;(await feed.call(2)).open('E')
    await sink.until(() => sink.states.at(-1)?.[0] === 'live')
  })

  it('goes on after the last tick in the stream when the relay is started anew', async () => {
    const first = await stage.relay(feed.target)
    const call = await feed.call(1)
    const { sink } = await stage.gateway()
    call.open('E')
    call.send(ticksAt(1, 2, 3))
    await positionsUpTo(sink, 3)
    await stage.stopRelay(first)
    await stage.relay(feed.target)
    const second = await feed.call(2)
    expect(Number(second.request.fromPosition)).toBe(4)
    second.open('E')
    second.send(ticksAt(4, 5))
    await positionsUpTo(sink, 5)
    expect(sink.offsets).toEqual([1, 2, 3, 4, 5].map(position => `E:${position}`))
    expect(sink.losses).toEqual([])
  })

  it('has one active relay: the other one takes over at once when the first is stopped', async () => {
    const first = await stage.relay(feed.target)
    await feed.call(1)
    const second = await stage.relay(feed.target)
    expect([first.status().role, second.status().role]).toEqual(['active', 'standby'])
    await stage.stopRelay(first)
    await feed.call(2)
    expect(second.status().role).toBe('active')
    expect(feed.calls).toHaveLength(2)
  })

  it('changes the limits of a stream that is there', async () => {
    const limits = async () => {
      const { config } = await stage.administer(({ manager }) => manager.streams.info(stage.stream))
      return [config.max_age / 1e6, config.max_bytes]
    }
    await stage.stopRelay(await stage.relay(feed.target))
    expect(await limits()).toEqual([3_600_000, 64 * 1024 * 1024])
    await stage.relay(feed.target, { retention: { maxAgeMs: 10_000, maxBytes: 1024 * 1024, replicas: 1 } })
    expect(await limits()).toEqual([10_000, 1024 * 1024])
  })

  it('refuses a stream that is not one of a relay', async () => {
    await expect(
      (async () => {
        const { connect, jetstreamManager } = await import('../../src/sources/nats/nats-js.js')
        const connection = await connect({ servers: stage.server.url })
        await (await jetstreamManager(connection)).streams.add({ name: stage.stream, subjects: ['other.>'] })
        await connection.close()
        await stage.relay(feed.target)
      })(),
    ).rejects.toMatchObject({
      code: 'config_invalid',
      message: expect.stringContaining('RINGCAST_NATS_STREAM'),
    })
  })
})
