/**
 * Feeds of another schema, from gRPC to WebSocket: the gateway as a process, with nothing but settings.
 */
import { afterEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { AcmeFeed } from '../support/acme-feed.js'
import { ACME_MAIN, TestFolder } from '../support/acme-proto.js'
import { Ringcast } from '../support/ringcast-process.js'
import { Watched } from '../support/watched.js'

interface Message {
  readonly type: string
  readonly ticks?: readonly Record<string, unknown>[]
  readonly missed?: number | null
}

class JsonClient extends Watched {
  readonly messages: Message[] = []
  readonly socket: WebSocket

  constructor(url: string) {
    super()
    this.socket = new WebSocket(url)
    this.socket.on('message', data => {
      this.messages.push(JSON.parse(String(data)) as Message)
      this.changed()
    })
  }

  get ticks(): Record<string, unknown>[] {
    return this.messages.flatMap(({ ticks = [] }) => ticks)
  }
}

const feed = new AcmeFeed()
let ringcast: Ringcast | undefined
let client: JsonClient | undefined
let adminUrl: string

afterEach(async () => {
  client?.socket.terminate()
  await ringcast?.kill('SIGKILL')
  await feed.stop()
  feed.calls.length = 0
})

async function start(env: Record<string, string>): Promise<JsonClient> {
  ringcast = new Ringcast([], { env: { RINGCAST_UPSTREAM: feed.target, ...env } })
  const { webSocketUrl, adminUrl: url } = await ringcast.streaming()
  adminUrl = url
  client = new JsonClient(webSocketUrl)
  await client.until(() => client!.messages.some(({ type }) => type === 'subscribed'))
  return client
}

const SUBSCRIBE = {
  RINGCAST_UPSTREAM_METHOD: 'acme.md.MarketData/Subscribe',
  RINGCAST_TICK_SYMBOL: 'event.symbol',
  RINGCAST_TICK_KIND: 'event',
  RINGCAST_TICK_TIME: 'time_ms:ms',
  RINGCAST_TICK_SEQUENCE: 'header.seq',
}

describe('a feed of another schema', () => {
  it('is read by its reflection, with its request, and clients get its messages as JSON', async () => {
    await feed.start()
    const request = '{"symbols":["A"],"venue":"NEW_YORK"}'
    const { ticks, until } = bound(await start({ ...SUBSCRIBE, RINGCAST_UPSTREAM_REQUEST: request }))
    const call = await feed.call(1)
    expect(call.request).toEqual({ symbols: ['A'], venue: 'NEW_YORK' })
    call.send({ header: { seq: 7 }, trade: { symbol: 'A', price: 1.5, size: 2 }, time_ms: 1000 })
    call.send({ header: { seq: 8 }, book: { symbol: 'B', bids: [{ price: 1, size: 2 }] }, time_ms: 2000 })
    await until(() => ticks().length === 2)
    expect(ticks()).toMatchObject([
      { symbol: 'A', kind: 'trade', sequence: 7, trade: { price: 1.5, size: 2 } },
      { symbol: 'B', kind: 'book', sequence: 8, book: { bids: [{ price: 1, size: 2 }] } },
    ])
  })

  it('may send batches and have its types in a file', async () => {
    await feed.start()
    const folder = new TestFolder()
    folder.writeAcme()
    const { ticks, until } = bound(
      await start({
        ...SUBSCRIBE,
        RINGCAST_UPSTREAM_METHOD: 'acme.md.MarketData/SubscribeBatches',
        RINGCAST_UPSTREAM_PROTO: `${folder.path}/${ACME_MAIN}`,
        RINGCAST_TICK_REPEATED: 'updates',
      }),
    )
    folder.remove()
    const call = await feed.call(1)
    const update = (seq: number) => ({ header: { seq }, trade: { symbol: 'A', price: seq } })
    call.send({ updates: [update(1), update(2)], count: 2 })
    call.send({ updates: [update(3)], count: 1 })
    await until(() => ticks().length === 3)
    expect(ticks().map(({ sequence }) => sequence)).toEqual([1, 2, 3])
  })

  it('skips and counts a message without a symbol, also an empty one', async () => {
    await feed.start()
    const started = await start(SUBSCRIBE)
    const { ticks, until } = bound(started)
    const call = await feed.call(1)
    for (const message of [{ ticker: 'A' }, {}, { trade: { symbol: 'A' } }, { book: {} }]) call.send(message)
    call.send({ trade: { symbol: 'A', price: 2 } })
    await until(() => ticks().length === 2)
    expect(started.messages.filter(({ type }) => type === 'gap')).toEqual([])
    const { lanes } = (await (await fetch(`${adminUrl}/metrics.json`)).json()) as {
      lanes: { counters: Record<string, number> }[]
    }
    expect(lanes[0]!.counters).toMatchObject({ messagesWithoutSymbol: 3, ticksMalformed: 0 })
  })

  it('may send batches without ticks', async () => {
    await feed.start()
    const settings = {
      RINGCAST_UPSTREAM_METHOD: 'acme.md.MarketData/SubscribeBatches',
      RINGCAST_TICK_REPEATED: 'updates',
    }
    const started = await start({ ...SUBSCRIBE, ...settings })
    const { ticks, until } = bound(started)
    const call = await feed.call(1)
    for (const message of [{}, { updates: [] }, { count: 1 }, { updates: [{}, { trade: { symbol: 'A' } }] }])
      call.send(message)
    await until(() => ticks().length === 1)
    expect(started.messages.filter(({ type }) => type === 'gap')).toEqual([])
  })

  it('tells a gap for a malformed message, and one when the feed is called again', async () => {
    await feed.start()
    const started = await start(SUBSCRIBE)
    const { ticks, until } = bound(started)
    const gaps = () => started.messages.filter(({ type }) => type === 'gap').map(({ missed }) => missed)
    const call = await feed.call(1)
    call.send({ trade: { symbol: 'x'.repeat(65) } })
    call.send({ trade: { symbol: 'A' } })
    await until(() => ticks().length === 1)
    expect(gaps()).toEqual([1])
    call.end()
    const second = await feed.call(2)
    second.send({ trade: { symbol: 'A' } })
    await until(() => ticks().length === 2)
    expect(gaps()).toEqual([1, null])
  })
})

function bound(of: JsonClient) {
  return { ticks: () => of.ticks, until: (isDone: () => boolean) => of.until(isDone) }
}
