/** What clients of a gateway behind NATS are told, with a real server of NATS. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { NatsSource } from '../../src/sources/nats/nats-source.js'
import { HandlerServer } from '../support/handler-server.js'
import { noNatsServer } from '../support/nats-server.js'
import { RelayStage } from '../support/relay-stage.js'
import { type ScriptedCall, ScriptedFeed, ticksAt } from '../support/scripted-feed.js'
import { TickClient } from '../support/tick-client.js'

describe.skipIf(noNatsServer !== undefined)('a client of a gateway behind NATS', () => {
  const stage = new RelayStage()
  const gateways: HandlerServer[] = []
  const clients: TickClient[] = []
  let feed: ScriptedFeed

  beforeAll(() => stage.server.start())
  afterAll(() => stage.server.stop())
  beforeEach(async () => {
    stage.newStream()
    feed = new ScriptedFeed()
    await feed.start()
  })
  afterEach(async () => {
    await Promise.all(clients.splice(0).map(client => client.close()))
    await Promise.all(gateways.splice(0).map(gateway => gateway.stop()))
    await stage.clear()
    await feed.stop()
  })

  /** Clients of so many gateways, which have been told that the feed is live. */
  async function begin(
    count: number,
    epoch?: string,
  ): Promise<{ call: ScriptedCall; clients: TickClient[] }> {
    await stage.relay(feed.target)
    const call = await feed.call(1)
    call.open(epoch)
    for (let index = 0; index < count; index++) {
      const gateway = await HandlerServer.start()
      gateways.push(gateway)
      gateway.handler.attachSource(new NatsSource({ ...stage.nats, schema: undefined }))
      let isLive = false
      const client = await TickClient.connect(gateway.url(), message => {
        if (message.type === 'status') isLive = message.feed === 'live'
      })
      clients.push(client)
      await client.until(() => isLive)
    }
    return { call, clients }
  }

  const sequences = (client: TickClient) => client.ticks.map(({ sequence }) => sequence)

  it('gets each tick once, and is told a hole once, at each of two gateways', async () => {
    const { call, clients } = await begin(2, 'E')
    call.send(ticksAt(1, 2))
    call.send(ticksAt(6, 7))
    for (const client of clients) {
      await client.until(() => client.ticks.length === 4)
      expect(sequences(client)).toEqual([1, 2, 6, 7])
      expect(client.gaps.map(({ missed, reason }) => [missed, reason])).toEqual([[3, 'upstream']])
      expect(client.silentErrors).toEqual([])
    }
  })

  it('is told a hole of ticks without positions once', async () => {
    const { call, clients } = await begin(1, 'E')
    const [client] = clients as [TickClient]
    const tick = (sequence: number) => ({ ...ticksAt(sequence)[0]!, position: 0 })
    call.sendBatch(1, [tick(1), tick(2)])
    call.sendBatch(6, [tick(6)])
    await client.until(() => client.ticks.length === 3)
    expect(client.gaps.map(({ missed, reason }) => [missed, reason])).toEqual([[3, 'upstream']])
    expect(client.silentErrors).toEqual([])
  })

  it('is told of a loss of unknown size, and of no number, when a feed without an epoch is called again', async () => {
    const { call, clients } = await begin(1)
    const [client] = clients as [TickClient]
    call.send(ticksAt(1, 2))
    await client.until(() => client.ticks.length === 2)
    call.end(0)
    const second = await feed.call(2)
    second.open()
    second.send(ticksAt(5))
    await client.until(() => client.ticks.length === 3)
    expect(sequences(client)).toEqual([1, 2, 5])
    expect(client.gaps.length).toBeGreaterThan(0)
    expect(client.gaps.every(({ missed, reason }) => missed === null && reason === 'upstream')).toBe(true)
  })
})
