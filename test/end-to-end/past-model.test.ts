/** Clients that resume from random places of a random stream, compared with what was written into it. */
import { randomInt } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { Random } from '../../src/common/random.js'
import { extent } from '../support/extent.js'
import { noNatsServer } from '../support/nats-server.js'
import { PastStage } from '../support/past-stage.js'
import { endHistoryThread, type PastClient } from '../support/replay-stage.js'
import { until } from '../support/until.js'

/** What stands in the stream, in its order. `epoch` and `offset` are those behind it. */
interface Written {
  readonly epoch: string
  readonly offset: number
  readonly symbol?: string
  /** Ticks that are missing: with offsets, or without. */
  readonly lost?: { readonly missed: number | null; readonly from: number; readonly to: number }
  readonly begins?: true
}

const SYMBOLS = ['A', 'B', 'C']

describe.skipIf(noNatsServer !== undefined)('clients of the past', () => {
  const stage = new PastStage()
  const seed = randomInt(2 ** 31)
  const random = new Random(seed)
  const below = (end: number) => random.below(end)

  beforeAll(() => stage.nats.start())
  afterAll(() => stage.nats.stop())
  beforeEach(() => stage.newStream())
  afterEach(() => stage.clear())

  /** Writes random things, and notes them. */
  async function write(written: Written[], count: number): Promise<void> {
    const { stored } = stage
    for (let index = 0; index < count; index++) {
      const kind = below(40)
      const { epoch, offset } = stored
      if (kind === 0 && offset > 0) {
        const missed = below(2) === 0 ? null : 1 + below(5)
        await stored.loss(missed)
        written.push({ epoch, offset, lost: { missed, from: offset + 1, to: offset } })
      } else if (kind === 1 && offset > 0) {
        const holes = 1 + below(9)
        stored.hole(holes)
        const to = stored.offset
        written.push({ epoch, offset: to, lost: { missed: holes, from: offset + 1, to } })
      } else if (kind === 2) {
        stored.beginEpoch(`${stored.epoch}x`, 1 + below(100))
        written.push({ epoch: stored.epoch, offset: stored.offset, begins: true })
      }
      const symbols = Array.from({ length: 1 + below(60) }, () => SYMBOLS[below(SYMBOLS.length)]!)
      const first = stored.offset + 1
      await stored.ticks(symbols)
      for (const [at, symbol] of symbols.entries())
        written.push({ epoch: stored.epoch, offset: first + at, symbol })
    }
  }

  /** The ticks and losses that a client is to be told behind a place. */
  function expected(written: readonly Written[], from: number, symbols: readonly string[]): string[] {
    return written
      .slice(from)
      .filter(({ symbol }) => symbol === undefined || symbols.includes(symbol))
      .map(({ begins, epoch, lost, offset, symbol }) => {
        if (lost !== undefined) return `${lost.missed} lost ${lost.from}-${lost.to}`
        return begins ? `begins ${epoch}` : `${symbol}${offset}`
      })
  }

  function told(client: PastClient): string[] {
    return client.all.flatMap(message => {
      if (message.type === 'ticks') return message.ticks.map(({ sequence, symbol }) => `${symbol}${sequence}`)
      if (message.type !== 'gap') return []
      if (message.epoch !== undefined) return `begins ${message.epoch}`
      return `${message.missed} lost ${message.from}-${message.to}`
    })
  }

  it(
    `get each tick once, in order, and each loss with its numbers (seed ${seed})`,
    async () => {
      const written: Written[] = []
      await write(written, extent(150, 600))
      const server = await stage.begunGateway({ tickLogBytes: 64 * 1024, historyReaders: 2 })
      written.push({ epoch: stage.stored.epoch, offset: stage.stored.offset, symbol: 'A' })
      const clients: { client: PastClient; from: number; symbols: string[] }[] = []
      for (let round = 0; round < extent(8, 40); round++) {
        for (let count = 0; count < 3; count++) {
          // Behind a tick. What follows it, and has the same offset, is told.
          let from = below(written.length)
          while (written[from]!.symbol === undefined) from--
          const { epoch, offset } = written[from]!
          const symbols = SYMBOLS.filter(() => below(2) === 0)
          if (symbols.length === 0) symbols.push('B')
          const query = `?symbols=${symbols}&resume=${epoch}:${offset}`
          clients.push({ client: await stage.connect(server, query), from: from + 1, symbols })
        }
        if (below(3) === 0) endHistoryThread(server)
        await write(written, 10)
      }
      await stage.stored.ticks(SYMBOLS)
      for (const [at, symbol] of SYMBOLS.entries())
        written.push({ epoch: stage.stored.epoch, offset: stage.stored.offset - 2 + at, symbol })
      const last = stage.stored.offset
      await until(() => server.handler.getMetrics().offset === last)
      for (const { client, from, symbols } of clients) {
        const due = expected(written, from, symbols)
        await client.until(
          () =>
            client.state.isLive &&
            client.ticks.at(-1)?.symbol === symbols.at(-1) &&
            Number(client.ticks.at(-1)!.sequence) > last - 3,
        )
        expect(told(client)).toEqual(due)
        expect([client.subscribed?.resumed, client.silentErrors]).toEqual([true, []])
      }
      expect(server.count('historyTicks')).toBeGreaterThan(0)
    },
    extent(60_000, 300_000),
  )
})
