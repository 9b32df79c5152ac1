/** Clients that resume from ticks which have left the tick log, out of a real server of NATS. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { SubscribedMessage } from '../../src/protocol/messages.js'
import { noNatsServer } from '../support/nats-server.js'
import { PastStage } from '../support/past-stage.js'
import { gapsOf, got, isLive, liveOf } from '../support/replay-stage.js'
import { TickClient } from '../support/tick-client.js'
import { sequences } from '../support/ticks.js'
import { until } from '../support/until.js'

describe.skipIf(noNatsServer !== undefined)('the past that the stream holds', () => {
  const stage = new PastStage()

  beforeAll(() => stage.nats.start())
  afterAll(() => stage.nats.stop())
  beforeEach(() => stage.newStream())
  afterEach(() => stage.clear())

  it('is given from the first tick of the stream on, without a seam', async () => {
    const { stored } = stage
    await stored.upTo(1_000)
    const server = await stage.begunGateway()
    const client = await stage.connect(server, '?resume=E:0')
    await client.until(isLive(client))
    await stored.upTo(1_100)
    await client.until(() => client.ticks.length >= 1_100)
    expect(got(client)).toEqual(sequences(1, 1_100))
    expect(client.subscribed).toMatchObject({ resumed: true, epoch: 'E', offset: 0 })
    expect(liveOf(client)).toMatchObject({ replayed: { from: 1, ticks: 1_001 } })
    expect([client.gaps, client.silentErrors]).toEqual([[], []])
    expect(server.count('historyTicks')).toBeGreaterThan(0)
    expect(server.count('historyReadings')).toBe(0)
  })

  it('joins the tick log exactly, wherever the client begins, in the midst of a message too', async () => {
    const { stored } = stage
    await stored.upTo(100, 7)
    const server = await stage.begunGateway()
    await stored.upTo(110, 4)
    for (const offset of [0, 1, 6, 7, 8, 97, 98, 99, 100, 101, 102, 110]) {
      const client = await stage.connect(server, `?resume=E:${offset}`)
      await client.until(isLive(client))
      expect([offset, got(client)]).toEqual([offset, sequences(offset + 1, 110)])
      expect([client.gaps, client.silentErrors]).toEqual([[], []])
    }
  })

  it('tells a hole at the oldest tick of the log, and losses without offsets, with their numbers', async () => {
    const { stored } = stage
    await stored.upTo(10)
    await stored.loss(3, 'malformed')
    await stored.upTo(20)
    await stored.loss(null)
    await stored.upTo(30)
    const server = await stage.gateway()
    stored.hole(5)
    await stored.upTo(50)
    await until(() => server.handler.getMetrics().offset === 50)
    const client = await stage.connect(server, '?resume=E:4')
    await client.until(isLive(client))
    expect(got(client)).toEqual([...sequences(5, 30), ...sequences(36, 50)])
    expect(gapsOf(client)).toEqual([
      ['malformed', 11, 10, 3],
      ['upstream', 21, 20, null],
      ['upstream', 31, 35, 5],
    ])
    expect(client.silentErrors).toEqual([])
  })

  it('goes through the epochs of the stream, and tells that each begins', async () => {
    const { stored } = stage
    await stored.upTo(50)
    stored.beginEpoch('F', 7)
    await stored.upTo(40)
    stored.beginEpoch('G')
    await stored.upTo(20)
    const server = await stage.begunGateway()
    for (const [resume, ticks, epochs] of [
      ['E:30', [...sequences(31, 50), ...sequences(7, 40), ...sequences(1, 21)], ['E', 'F', 'G']],
      ['F:39', [40, ...sequences(1, 21)], ['F', 'G']],
      // What a client has that was told the beginning of an epoch and no tick of it.
      ['F:6', [...sequences(7, 40), ...sequences(1, 21)], ['F', 'G']],
      ['G:0', sequences(1, 21), ['G']],
    ] as const) {
      const client = await stage.connect(server, `?resume=${resume}`)
      await client.until(isLive(client))
      expect([resume, got(client), client.epochs]).toEqual([resume, ticks, epochs])
      expect(client.gaps.map(({ missed }) => missed)).toEqual(epochs.slice(1).map(() => null))
      expect(client.silentErrors).toEqual([])
    }
  })

  it('is gone where the stream does not hold the epoch', async () => {
    await stage.stored.upTo(50)
    const server = await stage.begunGateway()
    const client = await stage.connect(server, '?resume=another:3')
    expect(client.subscribed).toMatchObject({ resumed: false, epoch: 'E', offset: 51 })
    expect(gapsOf(client)).toEqual([['resume', 52, 51, null]])
  })

  it('is a gap with exact numbers where the stream has removed it', async () => {
    const { stored } = stage
    await stored.upTo(100, 10)
    await stored.removeBefore(4)
    await stored.remove(7)
    const server = await stage.begunGateway()
    const client = await stage.connect(server, '?resume=E:5')
    await client.until(isLive(client))
    expect(gapsOf(client)).toEqual([
      ['resume', 6, 30, 25],
      ['resume', 61, 70, 10],
    ])
    expect(got(client)).toEqual([...sequences(31, 60), ...sequences(71, 101)])
    expect(client.silentErrors).toEqual([])
  })

  it('begins at a time', async () => {
    const { stored } = stage
    await stored.upTo(50)
    const sinceMs = Date.now() + 2
    await until(() => Date.now() > sinceMs)
    await stored.upTo(100)
    const server = await stage.begunGateway()
    const since = new Date(sinceMs).toISOString()
    const client = await stage.connect(server, `?since=${since}`)
    await client.until(isLive(client))
    expect(got(client)).toEqual(sequences(51, 101))
    expect([client.gaps, client.silentErrors]).toEqual([[], []])
    // Nobody knows what came before the stream.
    const early = await stage.connect(server, '?since=-20h')
    await early.until(isLive(early))
    expect(got(early)).toEqual(sequences(1, 101))
    expect(early.subscribed).toMatchObject({ offset: 0, resumed: true })
    expect(gapsOf(early)).toEqual([['resume', 1, 0, null]])
  })

  it('is given for the entries of a command, and the others get nothing twice', async () => {
    const { stored } = stage
    for (let round = 0; round < 100; round++) await stored.ticks(['A', 'B', 'C'])
    const server = await stage.begunGateway()
    const client = await stage.connect(server, '?symbols=A')
    await stored.ticks(['A', 'B', 'C'])
    await client.until(() => client.ticks.length === 1)
    client.socket.send('{"type":"subscribe","id":1,"symbols":["A","B"],"resume":"E:30"}')
    await client.until(isLive(client))
    await stored.ticks(['A', 'B', 'C'])
    await client.until(() => got(client).includes(306))
    const reply = client.all.findLast(({ type }) => type === 'subscribed') as SubscribedMessage
    expect(reply).toMatchObject({ offset: 30, reached: 304, resumed: true })
    const ofB = client.ticks.flatMap(({ sequence, symbol }) => (symbol === 'B' ? Number(sequence) : []))
    expect(ofB).toEqual([...sequences(10, 99).map(index => index * 3 + 2), 303, 306])
    const ofA = client.ticks.flatMap(({ sequence, symbol }) => (symbol === 'A' ? Number(sequence) : []))
    expect(ofA).toEqual([302, 305])
    expect([client.gaps, client.silentErrors]).toEqual([[], []])
  })

  it('brings a client of latest ticks nothing but a snapshot', async () => {
    await stage.stored.upTo(100)
    const server = await stage.begunGateway()
    const client = await stage.connect(server, '?resume=E:5&delivery=latest')
    await client.until(isLive(client))
    expect(client.ticks).toEqual([])
    expect(client.all.map(({ type }) => type).slice(0, 3)).toEqual(['subscribed', 'snapshot', 'live'])
  })

  it('is refused to clients beyond the bound, who may do without it', async () => {
    await stage.stored.upTo(100)
    const server = await stage.begunGateway({ historyReaders: 1, historyQueue: 0 })
    const reader = await stage.connect(server, '?symbols=')
    const other = await stage.connect(server, '?symbols=B')
    // The reading hangs.
    stage.nats.signal('SIGSTOP')
    reader.socket.send('{"type":"subscribe","id":1,"symbols":["A"],"resume":"E:5"}')
    await until(() => server.count('historyReadings') === 1)
    const refused = await server.refusal('/ws/ticks?resume=E:5')
    expect(refused).toMatchObject({ status: 503, body: { code: 'history_busy' } })
    other.socket.send('{"type":"subscribe","id":2,"symbols":["A"],"resume":"E:5"}')
    await other.until(() => other.all.some(({ type }) => type === 'error'))
    expect(other.all.at(-1)).toMatchObject({ id: 2, code: 'history_busy', retryAfterMs: expect.any(Number) })
    stage.nats.signal('SIGCONT')
    await reader.until(isLive(reader))
    expect(got(reader)).toEqual(sequences(6, 101))
    expect(server.count('refusedHistory')).toBe(1)
  })

  it('stands still while its client does not read, and then goes on where the tick log has moved away', async () => {
    const { stored } = stage
    await stored.upTo(40_000, 500)
    const server = await stage.begunGateway({ tickLogBytes: 256 * 1024, writeTimeoutMs: 600_000 })
    const client = await stage.connect(server, '?resume=E:0&batch=false')
    client.socket.pause()
    await until(() => server.count('writesBlocked') > 0)
    // In parts for which the small tick log has room.
    for (let offset = 42_000; offset <= 60_000; offset += 2_000) {
      await stored.upTo(offset, 100)
      await until(() => server.handler.getMetrics().offset === offset)
      await server.untilRead()
    }
    expect(server.count('historyTicks')).toBeLessThan(60_000)
    client.socket.resume()
    await client.until(isLive(client))
    expect(got(client)).toEqual(sequences(1, 60_000))
    expect([client.gaps, client.silentErrors]).toEqual([[], []])
  })

  it('is left with a goodbye from which the client goes on elsewhere', async () => {
    const { stored } = stage
    await stored.upTo(60_000, 500)
    const server = await stage.begunGateway({ writeTimeoutMs: 600_000 })
    const client = await stage.connect(server, '?resume=E:0&batch=false')
    client.socket.pause()
    await until(() => server.count('writesBlocked') > 0)
    const shutdown = server.handler.shutdown()
    client.socket.resume()
    await client.until(() => false)
    await shutdown
    const goodbye = client.all.at(-1)
    expect(goodbye).toMatchObject({ type: 'goodbye', resume: `E:${got(client).at(-1)}` })
    const next = await TickClient.connect(
      (await stage.begunGateway()).url(`?resume=${(goodbye as { resume: string }).resume}`),
    )
    await next.until(() => next.ticks.length >= 60_002 - client.ticks.length)
    expect([...got(client), ...got(next)]).toEqual(sequences(1, 60_002))
    await next.close()
  })
})
