/** Clients that resume from random places of a random feed over gRPC, compared with a client that was there all the time. */
import { randomInt } from 'node:crypto'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { Random } from '../../src/common/random.js'
import { extent } from '../support/extent.js'
import { FeedStage } from '../support/feed-stage.js'
import { endHistoryThread, type PastClient } from '../support/replay-stage.js'
import { until } from '../support/until.js'

const SYMBOLS = ['A', 'B', 'C']

/** A tick or a gap, as a client is told it. */
interface Told {
  readonly text: string
  /** undefined: a gap. */
  readonly symbol: string | undefined
  readonly offset: number
}

const stage = new FeedStage()
const seed = randomInt(2 ** 31)
const random = new Random(seed)
const below = (end: number) => random.below(end)

beforeEach(() => stage.newFeed())
afterEach(() => stage.clear())

/** Makes random ticks, malformed ones and holes among them. */
function make(rounds: number): void {
  const { feed } = stage
  for (let round = 0; round < rounds; round++) {
    const kind = below(20)
    if (kind === 0) feed.hole(1 + below(9))
    else if (kind < 3) feed.malformed()
    feed.upTo(feed.position + 1 + below(60), SYMBOLS)
  }
}

/** Some connections die in the midst of what is sent over them. A call is made again after half a second. */
function cutReadings(cuts: number): void {
  let left = cuts
  stage.feed.sends = call => {
    if (left === 0 || below(60) > 0) return true
    left--
    call.stream.write(Buffer.alloc(0), () => call.stream.session?.destroy())
    return false
  }
}

function told(client: PastClient): Told[] {
  return client.all.flatMap((message): Told[] => {
    if (message.type === 'ticks')
      return message.ticks.map(({ sequence, symbol }) => ({
        text: `${symbol}${sequence}`,
        symbol,
        offset: Number(sequence),
      }))
    if (message.type !== 'gap' || message.missed === 0) return []
    const { from, missed, to } = message
    return [{ text: `${missed} lost ${from}-${to}`, symbol: undefined, offset: to }]
  })
}

it(
  `each client gets what a live one got, tick by tick and gap by gap (seed ${seed})`,
  async () => {
    const { feed } = stage
    feed.ticksPerMessage = 1 + below(30)
    const first = await stage.begunGateway()
    const live = await stage.connect(first, '?resume=run:0')
    make(extent(150, 600))
    await live.until(() => Number(live.ticks.at(-1)?.sequence) === feed.position)
    const server = await stage.begunGateway({ poolSize: 2, tickLogBytes: 64 * 1024, historyReaders: 2 })
    cutReadings(extent(3, 60))
    const clients: { client: PastClient; offset: number; symbols: string[] }[] = []
    for (let round = 0; round < extent(4, 40); round++) {
      for (let count = 0; count < 3; count++) {
        const offset = Number(live.ticks[below(live.ticks.length)]!.sequence)
        const symbols = SYMBOLS.filter(() => below(2) === 0)
        if (symbols.length === 0) symbols.push('B')
        const client = await stage.connect(server, `?symbols=${symbols}&resume=run:${offset}`)
        clients.push({ client, offset, symbols })
      }
      if (below(3) === 0) endHistoryThread(server)
      make(3)
    }
    feed.upTo(feed.position + 3, SYMBOLS)
    const last = feed.position
    await live.until(() => Number(live.ticks.at(-1)?.sequence) === last)
    const all = told(live)
    for (const { client, offset, symbols } of clients) {
      const begin = all.findIndex(each => each.symbol !== undefined && each.offset === offset) + 1
      const due = all
        .slice(begin)
        .filter(({ symbol }) => symbol === undefined || symbols.includes(symbol))
        .map(({ text }) => text)
      await until(() => client.state.isLive && told(client).length >= due.length)
      expect(told(client).map(({ text }) => text)).toEqual(due)
      expect([client.subscribed?.resumed, client.silentErrors]).toEqual([true, []])
    }
    expect(server.count('historyTicks')).toBeGreaterThan(0)
  },
  extent(60_000, 300_000),
)
