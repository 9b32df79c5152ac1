/** What goes wrong while clients are given ticks that have left the tick log, out of a real server of NATS. */
import { randomInt } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { Random } from '../../src/common/random.js'
import type { HandlerServer } from '../support/handler-server.js'
import { LaneKiller } from '../support/lane-killer.js'
import { noNatsServer } from '../support/nats-server.js'
import { PastStage } from '../support/past-stage.js'
import { gapsOf, got, isLive, type PastClient } from '../support/replay-stage.js'
import { sequences } from '../support/ticks.js'
import { until } from '../support/until.js'

const PER_MESSAGE = 500
/** The longest symbol: 60,000 ticks are more than a reading and a connection hold. */
const FILL = 'FILL'.padEnd(64, '-')

describe.skipIf(noNatsServer !== undefined)('while a client is given the past', () => {
  const stage = new PastStage()

  beforeAll(() => stage.nats.start())
  afterAll(() => stage.nats.stop())
  beforeEach(() => stage.newStream())
  afterEach(async () => {
    vi.restoreAllMocks()
    await stage.clear()
  })

  /** A client in the midst of its replay: it does not read, and its reading stands still. */
  async function blockedReader(server: HandlerServer, query: string): Promise<PastClient> {
    const client = await stage.connect(server, query)
    client.socket.pause()
    await until(() => server.count('writesBlocked') > 0)
    return client
  }

  it.each([
    ['some of the ticks', 100],
    ['all but the newest', 121],
  ])('the stream removes %s: a gap has their exact number', async (_name, sequence) => {
    const { stored } = stage
    while (stored.offset < 60_000) await stored.ticks(Array.from({ length: PER_MESSAGE }, () => FILL))
    const server = await stage.begunGateway({ writeTimeoutMs: 600_000 })
    const client = await blockedReader(server, '?resume=E:0&batch=false')
    await stored.removeBefore(sequence)
    client.socket.resume()
    await client.until(isLive(client))
    const next = (sequence - 1) * PER_MESSAGE + 1
    const last = got(client).findLast(offset => offset < next)!
    expect(last).toBeGreaterThan(0)
    expect(last).toBeLessThan(next - 1)
    expect(got(client)).toEqual([...sequences(1, last), ...sequences(next, 60_001)])
    expect(gapsOf(client)).toEqual([['resume', last + 1, next - 1, next - 1 - last]])
    expect(client.silentErrors).toEqual([])
  })

  it('its lane is killed: the replay goes on, and ends in the tick log without a seam', async () => {
    const killer = new LaneKiller()
    const { stored } = stage
    await stored.upTo(60_000, PER_MESSAGE)
    const server = await stage.begunGateway({ writeTimeoutMs: 600_000 })
    const client = await blockedReader(server, '?resume=E:0&batch=false')
    const restarts = () => server.count('laneRestarts')
    await new Promise<void>(resolve => killer.begin(1, new Random(1), resolve))
    await until(() => restarts() === 1)
    client.socket.resume()
    await client.until(isLive(client))
    await stored.upTo(60_100)
    await client.until(() => got(client).at(-1) === 60_100)
    expect(got(client)).toEqual(sequences(1, 60_100))
    expect([client.gaps, client.silentErrors]).toEqual([[], []])
  })

  const seed = randomInt(2 ** 31)
  it(`lanes are killed at any moment, and clients come by URL and by command (seed ${seed})`, async () => {
    const killer = new LaneKiller()
    const random = new Random(seed)
    const { stored } = stage
    const symbols = ['A', 'B', 'C']
    const written = ['']
    const write = async (some: readonly string[]) => {
      await stored.ticks(some)
      written.push(...some)
    }
    for (let round = 0; round < 200; round++)
      await write(Array.from({ length: 60 }, () => symbols[random.below(3)]!))
    const server = await stage.begunGateway({ poolSize: 2, tickLogBytes: 64 * 1024 })
    written.push('A')
    /** The offsets of a symbol behind a place. */
    const of = (symbol: string, after: number) =>
      written.flatMap((each, offset) => (each === symbol && offset > after ? offset : []))
    let killing = true
    killer.begin(12, random, () => {
      killing = false
    })
    const clients: { client: PastClient; from: number; ofB: number | undefined }[] = []
    while (killing) {
      const from = random.below(stored.offset)
      const isByCommand = random.below(2) === 0
      const query = isByCommand ? '?symbols=B' : `?symbols=A&resume=E:${from}`
      const client = await stage.connect(server, query)
      clients.push({ client, from, ofB: isByCommand ? client.subscribed!.offset : undefined })
      const command = { type: 'subscribe', id: 1, symbols: ['A'], resume: `E:${from}` }
      if (isByCommand) client.socket.send(JSON.stringify(command))
      await write(symbols)
    }
    await write(symbols)
    for (const { client, from, ofB } of clients) {
      const gotOf = (symbol: string) =>
        client.ticks.flatMap(tick => (tick.symbol === symbol ? Number(tick.sequence) : []))
      await client.until(() => isLive(client)() && gotOf('A').at(-1) === stored.offset - 2)
      expect(gotOf('A')).toEqual(of('A', from))
      if (ofB !== undefined) expect(gotOf('B')).toEqual(of('B', ofB).slice(0, gotOf('B').length))
      expect([gapsOf(client), client.silentErrors]).toEqual([[], []])
    }
    expect(server.count('laneRestarts')).toBe(12)
  })
})
