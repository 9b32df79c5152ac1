/** From a feed through `ringcast relay` and NATS to gateways and their clients, each a process. */
import { afterEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import type { ServerMessage } from '../../src/protocol/messages.js'
import { AcmeFeed } from '../support/acme-feed.js'
import { NatsServer, noNatsServer } from '../support/nats-server.js'
import { Ringcast } from '../support/ringcast-process.js'
import { Watched } from '../support/watched.js'

const ACME = {
  RINGCAST_UPSTREAM_METHOD: 'acme.md.MarketData/SubscribeBatches',
  RINGCAST_TICK_REPEATED: 'updates',
  RINGCAST_TICK_SYMBOL: 'event.symbol',
  RINGCAST_TICK_KIND: 'event',
  RINGCAST_TICK_SEQUENCE: 'header.seq',
}

class Client extends Watched {
  readonly messages: ServerMessage[] = []
  private readonly socket: WebSocket

  constructor(url: string) {
    super()
    this.socket = new WebSocket(url)
    this.socket.on('message', data => {
      this.messages.push(JSON.parse(String(data)) as ServerMessage)
      this.changed()
    })
  }

  get ticks(): object[] {
    return this.messages.flatMap(message => (message.type === 'ticks' ? message.ticks : []))
  }

  close(): void {
    this.socket.terminate()
  }
}

describe.skipIf(noNatsServer !== undefined)('gateways behind NATS', () => {
  const server = new NatsServer()
  const feed = new AcmeFeed()
  const processes: Ringcast[] = []
  const clients: Client[] = []

  afterEach(async () => {
    for (const client of clients.splice(0)) client.close()
    await Promise.all(processes.splice(0).map(each => each.kill('SIGKILL')))
    await feed.stop()
    await server.stop()
  })

  function start(args: string[], env: Record<string, string> = {}): Ringcast {
    const ringcast = new Ringcast(args, { env: { RINGCAST_NATS: server.url, ...env } })
    processes.push(ringcast)
    return ringcast
  }

  it('serve ticks of a schema that only the relay knows', async () => {
    await Promise.all([server.start(), feed.start()])
    const gateways = [start([]), start([])]
    const relay = start(['relay'], { RINGCAST_UPSTREAM: feed.target, ...ACME })
    const { adminUrl } = (await relay.line('relaying'))!
    const call = await feed.call(1)
    for (const gateway of gateways) {
      const client = new Client((await gateway.streaming()).webSocketUrl)
      clients.push(client)
      await client.until(() => client.messages.some(({ type }) => type === 'subscribed'))
    }
    await Promise.all(gateways.map(gateway => gateway.line(`connected to NATS at ${server.url.slice(7)}`)))
    const update = (seq: number) => ({ header: { seq }, trade: { symbol: 'A', price: seq } })
    for (const client of clients) {
      // A gateway begins with the next tick.
      const isLive = () =>
        client.messages.some(message => message.type === 'status' && message.feed === 'live')
      await client.until(isLive)
    }
    call.send({ updates: [update(1), update(2)], count: 2 })
    call.send({ updates: [update(3)], count: 1 })
    for (const client of clients) {
      await client.until(() => client.ticks.length === 3)
      expect(client.ticks).toMatchObject(
        [1, 2, 3].map(seq => ({ symbol: 'A', kind: 'trade', sequence: seq })),
      )
    }
    const ready = await fetch(`${adminUrl}/readyz`)
    expect([ready.status, await ready.json()]).toEqual([
      200,
      { ready: true, checks: { nats: 'ok', upstream: 'ok' } },
    ])
    const metrics = await (await fetch(`${adminUrl}/metrics.json`)).json()
    expect(metrics).toMatchObject({
      role: 'active',
      offset: 3,
      counters: { ticksReceived: 3, ticksWritten: 3 },
    })
    await relay.kill('SIGTERM')
    expect(await relay.ended()).toBe(0)
    await clients[0]!.until(() => {
      const last = clients[0]!.messages.filter(({ type }) => type === 'status').at(-1)
      return last?.type === 'status' && last.feed === 'down'
    })
  })
})
