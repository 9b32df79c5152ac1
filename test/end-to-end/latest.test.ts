/**
 * Clients that want the latest ticks only, over real sockets: what they are not sent is counted, exactly.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ServerMessage, SubscribedMessage, TickJson, TicksMessage } from '../../src/protocol/messages.js'
import { HandlerServer, type TestClient } from '../support/handler-server.js'
import { TickClient } from '../support/tick-client.js'
import { quote, trade } from '../support/ticks.js'

const SYMBOLS = ['A', 'B', 'C']
const KINDS = { quote, trade }
/** Ticks that are pushed in one go. */
const CHUNK = 300

let server: HandlerServer
/** Gets every tick. */
let witness: TickClient
let fed: Fed

/** What the feed has sent: the nth tick of each symbol and kind has the sequence n. */
class Fed {
  /** The symbol and kind of each tick, by its offset. */
  readonly keys: string[] = ['']
  private readonly counts = new Map<string, number>()

  push(symbol: string, kind: keyof typeof KINDS): void {
    const key = `${symbol} ${kind}`
    const sequence = (this.counts.get(key) ?? 0) + 1
    if (!server.handler.broadcastTick(KINDS[kind](symbol, sequence))) throw new Error('the queue is full')
    this.counts.set(key, sequence)
    this.keys.push(key)
  }

  /** Uneven, so that no two symbols have the same number of ticks. */
  pushMany(count: number): void {
    for (let tick = 0; tick < count; tick++) {
      const number = this.keys.length
      this.push(SYMBOLS[(number % 7) % 3]!, number % 5 < 3 ? 'quote' : 'trade')
    }
  }

  get offset(): number {
    return this.keys.length - 1
  }

  /** Ticks of each symbol and kind up to an offset. */
  upTo(offset: number): Map<string, number> {
    const counts = new Map<string, number>()
    for (const key of this.keys.slice(1, offset + 1)) counts.set(key, (counts.get(key) ?? 0) + 1)
    return counts
  }
}

const keyOf = ({ kind, symbol }: TickJson) => `${symbol} ${kind}`

/** Reads all that a client got, and checks it against what the feed has sent. */
class Account {
  /** Sequence of the last tick of each symbol and kind. */
  readonly last = new Map<string, number>()
  readonly delivered = new Map<string, number>()
  merged = 0
  private readonly deliveries = new Map<string, 'every' | 'latest'>()
  private seq = 0

  /** @param isSlow whether it may have skipped messages: then a snapshot says from which number it goes on */
  constructor(messages: readonly ServerMessage[], isSlow = false) {
    for (const [index, message] of messages.entries()) {
      if (message.type === 'subscribed') this.subscribed(message, index === 0)
      else if (message.type === 'snapshot') {
        if (isSlow) expect(message.seq).toBeGreaterThan(this.seq)
        else expect(message.seq).toBe(this.seq)
        this.seq = message.seq
        for (const tick of message.ticks) this.last.set(keyOf(tick), Number(tick.sequence))
        this.expectUpTo(message.offset)
      } else if (message.type === 'ticks') this.ticks(message)
      else expect(message).toBe('a message of another type')
    }
  }

  private subscribed({ delivery, offset, seq, symbols }: SubscribedMessage, isFirst: boolean): void {
    if (isFirst) for (const [key, count] of fed.upTo(offset)) this.last.set(key, count)
    // What a client was subscribed to it has got up to here.
    else this.expectUpTo(offset)
    for (const symbol of symbols) this.deliveries.set(symbol, delivery)
    this.seq = seq
  }

  private ticks(message: TicksMessage): void {
    expect(message.seq).toBe(++this.seq)
    const isLatest = this.deliveries.get(message.ticks[0]!.symbol) === 'latest'
    let merged = 0
    for (const tick of message.ticks) {
      const key = keyOf(tick)
      const before = this.last.get(key) ?? 0
      const sequence = Number(tick.sequence)
      expect(this.deliveries.get(tick.symbol)).toBe(isLatest ? 'latest' : 'every')
      if (isLatest) expect(sequence).toBeGreaterThan(before)
      else expect(sequence).toBe(before + 1)
      merged += sequence - before - 1
      this.last.set(key, sequence)
      this.delivered.set(key, (this.delivered.get(key) ?? 0) + 1)
    }
    expect(message.merged ?? 0).toBe(merged)
    this.merged += merged
    if (isLatest) this.expectUpTo(message.offset, 'latest')
  }

  /** It has got all up to the offset, or what stands for it. */
  private expectUpTo(offset: number, delivery?: 'latest'): void {
    const isWanted = ([key]: [string, number]) => {
      const of = this.deliveries.get(key.split(' ')[0]!)
      return of !== undefined && (delivery === undefined || of === delivery)
    }
    expect(sorted([...this.last].filter(isWanted))).toEqual(sorted([...fed.upTo(offset)].filter(isWanted)))
  }
}

function sorted(entries: [string, number][]): [string, number][] {
  return entries.sort(([a], [b]) => (a < b ? -1 : 1))
}

const sum = (counts: ReadonlyMap<string, number>) =>
  [...counts.values()].reduce((total, count) => total + count, 0)

beforeEach(async () => {
  fed = new Fed()
  server = await HandlerServer.start({ tickLogBytes: 1 << 22, frameRingBytes: 1 << 23 })
  witness = await TickClient.connect(server.url())
})

afterEach(() => server.stop())

/** Feeds chunk by chunk, each when the one before has gone all the way, until it holds. */
async function feedUntil(holds: () => boolean, chunk = CHUNK): Promise<void> {
  while (!holds()) {
    fed.pushMany(chunk)
    await witness.until(() => witness.ticks.length === fed.offset)
  }
}

/** Ends the feed, and waits until the client has all of it. */
async function finish(...clients: TestClient[]): Promise<void> {
  for (const symbol of SYMBOLS) fed.push(symbol, 'quote')
  const last = [...fed.upTo(fed.offset)].filter(([key]) => key.endsWith('quote'))
  for (const client of clients) {
    const ticks = () => new Set(client.ticks)
    await client.until(() => last.every(([key, count]) => ticks().has(`${key.split(' ')[0]}${count}`)))
  }
}

const ticksMessages = ({ messages }: TestClient) => messages.filter(message => message.type === 'ticks')

const ALL = `symbols=${SYMBOLS.join(',')}`

describe('a client that wants the latest', () => {
  it('is told with each message how many ticks it stands for, so that all add up', async () => {
    const client = await server.connect(`?${ALL}&delivery=latest&interval=5&snapshot=false`)
    await feedUntil(() => ticksMessages(client).length >= 10)
    await finish(client)
    const { delivered, last, merged } = new Account(client.messages)
    expect(sorted([...last])).toEqual(sorted([...fed.upTo(fed.offset)]))
    expect(merged).toBeGreaterThan(0)
    expect(sum(delivered) + merged).toBe(fed.offset)
  })

  it('gets messages no more often than it asked for', async () => {
    const intervalMs = 30
    const client = await server.connect(`?${ALL}&delivery=latest&interval=${intervalMs}&stamps=true`)
    await feedUntil(() => ticksMessages(client).length >= 5)
    const published = ticksMessages(client).map(message => message.published!)
    // Both are cut to whole microseconds.
    for (let index = 1; index < published.length; index++)
      expect(published[index]! - published[index - 1]!).toBeGreaterThanOrEqual(intervalMs * 1000 - 1)
  })

  it('as often as it takes it, has ticks merged that come faster', async () => {
    const client = await server.connect(`?${ALL}&delivery=latest&snapshot=false`)
    // In one go: the lane gets further than the main thread can write.
    fed.pushMany(5000)
    await finish(client)
    const { delivered, merged } = new Account(client.messages)
    expect(merged).toBeGreaterThan(0)
    expect(sum(delivered) + merged).toBe(fed.offset)
  })

  it('as often as it takes it, gets a tick that comes alone at once', async () => {
    const client = await server.connect('?symbols=A&delivery=latest&snapshot=false')
    for (let sequence = 1; sequence <= 20; sequence++) {
      fed.push('A', 'trade')
      await client.until(() => client.ticks.length === sequence)
    }
    const { delivered, merged } = new Account(client.messages)
    expect([sum(delivered), merged]).toEqual([20, 0])
  })

  it('at several intervals beside every tick, has each counted by itself', async () => {
    const client = await server.connect('?symbols=A&delivery=latest&interval=4&snapshot=false')
    client.socket.send('{"type":"subscribe","id":1,"symbols":["B"],"delivery":"latest","interval":0}')
    client.socket.send('{"type":"subscribe","id":2,"symbols":["C"],"delivery":"every"}')
    await client.until(() => client.messages.some(message => 'id' in message && message.id === 2))
    await feedUntil(() => client.ticks.filter(tick => tick.startsWith('A')).length >= 10)
    await finish(client)
    const counts = fed.upTo(fed.offset)
    for (const symbol of SYMBOLS) {
      const merged = mergedOf(client, symbol)
      const delivered = client.ticks.filter(tick => tick.startsWith(symbol)).length
      expect(delivered + merged).toBe(counts.get(`${symbol} quote`)! + counts.get(`${symbol} trade`)!)
      if (symbol === 'C') expect(merged).toBe(0)
    }
  })

  it('and its snapshot begins with what is known, from which on all adds up', async () => {
    fed.pushMany(100)
    const client = await server.connect(`?${ALL}&delivery=latest&interval=1`)
    const before = fed.upTo(100)
    await feedUntil(() => ticksMessages(client).length >= 3)
    await finish(client)
    expect(client.messages[1]).toMatchObject({ type: 'snapshot', offset: 100 })
    expect((client.messages[1] as TicksMessage).ticks).toHaveLength(before.size)
    const { delivered, merged } = new Account(client.messages)
    expect(sum(delivered) + merged).toBe(fed.offset - 100)
  })
})

/** What the messages with ticks of one symbol stand for. */
function mergedOf(client: TestClient, symbol: string): number {
  return ticksMessages(client)
    .filter(({ ticks }) => ticks.every(tick => tick.symbol === symbol))
    .reduce((total, { merged }) => total + (merged ?? 0), 0)
}

describe('a client that goes from every tick to the latest and back', () => {
  const subscribe = (id: number, rest: object) =>
    JSON.stringify({ type: 'subscribe', id, symbols: SYMBOLS, ...rest })

  /** While ticks come, has them delivered in another way, and takes some of them so. */
  async function change(client: TestClient, id: number, rest: object): Promise<void> {
    client.socket.send(subscribe(id, rest))
    await feedUntil(() => client.messages.some(message => 'id' in message && message.id === id))
    const before = ticksMessages(client).length
    await feedUntil(() => ticksMessages(client).length >= before + 2)
  }

  it('misses nothing and gets nothing twice where its delivery changes', async () => {
    const client = await server.connect(`?${ALL}`)
    await feedUntil(() => client.ticks.length > 0)
    for (let round = 0; round < 3; round++) {
      const id = round * 3
      await change(client, id + 1, { delivery: 'latest', interval: 5, snapshot: false })
      await change(client, id + 2, { delivery: 'latest', interval: 0, snapshot: round === 1 })
      await change(client, id + 3, { delivery: 'every' })
    }
    await finish(client)
    const { last, delivered, merged } = new Account(client.messages)
    expect(sorted([...last])).toEqual(sorted([...fed.upTo(fed.offset)]))
    expect(merged).toBeGreaterThan(0)
    expect(sum(delivered) + merged).toBe(fed.offset)
  })

  it('is given what waits for an interval that will never be over', async () => {
    const client = await server.connect(`?${ALL}&delivery=latest&interval=60000&snapshot=false`)
    fed.pushMany(CHUNK)
    await witness.until(() => witness.ticks.length === fed.offset)
    expect(client.ticks).toEqual([])
    client.socket.send(subscribe(1, { delivery: 'every' }))
    await client.until(() => client.messages.some(message => 'id' in message && message.id === 1))
    await finish(client)
    const { delivered, merged } = new Account(client.messages)
    expect(merged).toBeGreaterThan(0)
    expect(sum(delivered) + merged).toBe(fed.offset)
  })
})

describe('a client that wants the latest and does not read', () => {
  it('gets a snapshot of what has changed and no gap, from which on all adds up', async () => {
    await server.stop()
    // Few bytes come of many ticks, and the kernel keeps less for this kind of socket.
    server = await HandlerServer.startOnUnixSocket()
    witness = await TickClient.connect(server.url())
    const client = await server.connect(`?${ALL}&delivery=latest&snapshot=false`)
    client.socket.pause()
    await feedUntil(() => server.count('writesBlocked') > 0, 10)
    const blockedAt = fed.offset
    await feedUntil(() => fed.offset > blockedAt + CHUNK)
    client.socket.resume()
    await client.until(() => client.messages.some(({ type }) => type === 'snapshot'))
    await feedUntil(() => client.messages.at(-1)!.type === 'ticks')
    await finish(client)
    const { last } = new Account(client.messages, true)
    expect(sorted([...last])).toEqual(sorted([...fed.upTo(fed.offset)]))
    expect(server.count('skippedAhead')).toBe(1)
  })
})
