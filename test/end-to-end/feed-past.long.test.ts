/** Clients that resume from ticks which have left the tick log, out of a feed over gRPC that holds them. */
import { afterEach, beforeEach, expect, it } from 'vitest'
import { GrpcSource } from '../../src/sources/grpc/grpc-source.js'
import { FakeClock } from '../support/fake-clock.js'
import { FeedStage } from '../support/feed-stage.js'
import { RecordedLog } from '../support/recorded-log.js'
import { gapsOf, got, isLive, liveOf } from '../support/replay-stage.js'
import { UNAVAILABLE } from '../support/scripted-feed.js'
import { sequences } from '../support/ticks.js'
import { until } from '../support/until.js'

const stage = new FeedStage()

beforeEach(() => stage.newFeed())
afterEach(() => stage.clear())

it('what came before the gateway is given from the feed, without a seam', async () => {
  const { feed } = stage
  feed.upTo(1_000)
  const server = await stage.begunGateway()
  const client = await stage.connect(server, '?resume=run:0')
  await client.until(isLive(client))
  feed.upTo(1_100)
  await client.until(() => client.ticks.length >= 1_100)
  expect(got(client)).toEqual(sequences(1, 1_100))
  expect(client.subscribed).toMatchObject({ resumed: true, epoch: 'run', offset: 0 })
  expect(liveOf(client)).toMatchObject({ replayed: { from: 1, ticks: 1_001 } })
  expect([client.gaps, client.silentErrors]).toEqual([[], []])
  expect(server.count('historyTicks')).toBeGreaterThan(0)
  expect(server.count('historyReadings')).toBe(0)
  // The feed is left as soon as it is not needed.
  await until(() => feed.openReadings === 0)
  expect(feed.readings.map(({ request }) => request)).toEqual([{ symbols: [], fromPosition: 1 }])
})

it('the tick log is joined exactly, wherever the client begins and however the feed repeats', async () => {
  const { feed } = stage
  feed.ticksPerMessage = 7
  feed.repeats = 9
  feed.upTo(100)
  const server = await stage.begunGateway()
  feed.upTo(110)
  await stage.untilRead(server)
  for (const offset of [0, 1, 6, 7, 8, 97, 98, 99, 100, 101, 110]) {
    const client = await stage.connect(server, `?resume=run:${offset}`)
    await client.until(isLive(client))
    expect([offset, got(client)]).toEqual([offset, sequences(offset + 1, 110)])
    expect([client.gaps, client.silentErrors]).toEqual([[], []])
  }
})

it('a feed that has only the method Stream is read again, too', async () => {
  const { feed } = stage
  feed.server.methods = new Set(['Stream'])
  feed.upTo(50)
  const server = await stage.begunGateway()
  const client = await stage.connect(server, '?resume=run:20')
  await client.until(isLive(client))
  expect(got(client)).toEqual(sequences(21, 51))
  expect([client.gaps, client.silentErrors]).toEqual([[], []])
})

it('what has left the tick log while the gateway ran is read from the feed, and the rest from the log', async () => {
  const { feed } = stage
  feed.ticksPerMessage = 100
  const server = await stage.begunGateway({ tickLogBytes: 512 * 1024 })
  for (let position = 5_000; position <= 50_000; position += 5_000) {
    feed.upTo(position)
    await stage.untilRead(server)
  }
  const client = await stage.connect(server, '?resume=run:10')
  await client.until(isLive(client))
  expect(got(client)).toEqual(sequences(11, 50_000))
  expect([client.gaps, client.silentErrors]).toEqual([[], []])
  // The log holds some 24,000 of them. The later half of that was not asked for twice.
  expect(server.count('historyTicks')).toBeLessThan(41_000)
})

it('losses are told with the numbers that live clients were told', async () => {
  const { feed } = stage
  const first = await stage.begunGateway()
  const live = await stage.connect(first, '?resume=run:0')
  feed.upTo(20)
  feed.malformed()
  feed.upTo(40)
  feed.hole(5)
  feed.malformed()
  feed.malformed()
  feed.upTo(60)
  feed.hole(3)
  const server = await stage.begunGateway()
  await live.until(() => got(live).at(-1) === feed.position)
  for (const [offset, gaps] of [
    [0, 5],
    [20, 5],
    [22, 4],
    [40, 4],
  ] as const) {
    const client = await stage.connect(server, `?resume=run:${offset}`)
    await client.until(isLive(client))
    expect(gapsOf(client)).toEqual(gapsOf(live).slice(-gaps))
    expect(got(client)).toEqual(got(live).filter(position => position > offset))
    expect(client.silentErrors).toEqual([])
  }
  expect(gapsOf(live)).toEqual([
    ['malformed', 21, 20, 1],
    ['malformed', 41, 40, 1],
    ['malformed', 41, 40, 1],
    ['upstream', 41, 47, 5],
    ['upstream', 61, 63, 3],
  ])
  // The feed does not say whether it has lost what is missing at once, or does not hold it any more.
  const client = await stage.connect(server, '?resume=run:60')
  await client.until(isLive(client))
  expect(gapsOf(client)).toEqual([['resume', 61, 63, 3]])
})

it('what the feed does not hold any more is a gap with exact numbers', async () => {
  const { feed } = stage
  feed.upTo(100)
  const server = await stage.begunGateway()
  feed.dropBefore(31)
  for (const offset of [0, 5, 29, 30]) {
    const client = await stage.connect(server, `?resume=run:${offset}`)
    await client.until(isLive(client))
    expect(gapsOf(client)).toEqual(offset === 30 ? [] : [['resume', offset + 1, 30, 30 - offset]])
    expect(client.subscribed).toMatchObject({ resumed: true, offset })
    expect(got(client)).toEqual(sequences(31, 101))
    expect(client.silentErrors).toEqual([])
  }
  // It holds nothing but what the log holds, too.
  feed.dropBefore(101)
  const client = await stage.connect(server, '?resume=run:5')
  await client.until(isLive(client))
  expect(gapsOf(client)).toEqual([['resume', 6, 100, 95]])
  expect(got(client)).toEqual([101])
})

it('a feed that counts anew meanwhile has nothing of what was asked for', async () => {
  const { feed } = stage
  feed.upTo(100)
  const server = await stage.begunGateway()
  // The gateway has not noticed yet.
  feed.epoch = 'next-run'
  const client = await stage.connect(server, '?resume=run:5')
  expect(client.subscribed).toMatchObject({ resumed: false, epoch: 'run', offset: 101 })
  expect(gapsOf(client)).toEqual([['resume', 102, 101, null]])
  expect(feed.readings.length).toBe(1)
})

it('a feed is not asked for another epoch than its own, nor for a time', async () => {
  const { feed } = stage
  feed.upTo(100)
  const server = await stage.begunGateway()
  const other = await stage.connect(server, '?resume=another:5')
  expect(other.subscribed).toMatchObject({ resumed: false, epoch: 'run', offset: 101 })
  expect(gapsOf(other)).toEqual([['resume', 102, 101, null]])
  const early = await stage.connect(server, '?since=-1h')
  await early.until(isLive(early))
  expect(got(early)).toEqual([101])
  expect(gapsOf(early)).toEqual([['resume', 101, 100, null]])
  expect(feed.readings.length).toBe(0)
})

it('a call that is cut in the midst is made again from where the client is', async () => {
  const { feed } = stage
  feed.upTo(3_000)
  const server = await stage.begunGateway()
  let cuts = 0
  feed.sends = (call, position) => {
    if (position < 1_000 * (cuts + 1)) return true
    // What was written reaches the gateway, and then the connection dies.
    if (cuts++ > 1) return true
    call.stream.write(Buffer.alloc(0), () => call.stream.session?.destroy())
    return false
  }
  const client = await stage.connect(server, '?resume=run:0')
  await client.until(isLive(client))
  expect(cuts).toBeGreaterThanOrEqual(2)
  expect(got(client)).toEqual(sequences(1, 3_001))
  expect([client.gaps, client.silentErrors]).toEqual([[], []])
})

it('a feed that does not come back ends the replay with a gap, and the client is live', async () => {
  const { feed } = stage
  const clock = new FakeClock()
  feed.upTo(3_000)
  const log = new RecordedLog()
  const server = await stage.begunGateway({}, {}, { clock, log })
  feed.sends = (call, position) => {
    if (position < 1_000) return true
    call.stream.write(Buffer.alloc(0), () => call.stream.session?.destroy())
    feed.answers = refused => {
      refused.end(UNAVAILABLE)
      return false
    }
    return false
  }
  const client = await stage.connect(server, '?resume=run:0')
  await until(() => {
    if (feed.openReadings === 0) clock.advance(20)
    return client.state.isLive
  })
  const last = got(client).at(-1)!
  feed.upTo(3_010)
  await client.until(() => got(client).at(-1) === 3_010)
  expect(got(client)).toEqual([...sequences(1, last), ...sequences(3_002, 3_010)])
  expect(gapsOf(client)).toMatchObject([['resume', last + 1, 3_001, null]])
  expect(client.silentErrors).toEqual([])
  expect(feed.readings.length).toBeGreaterThan(1)
  expect(log.with('old ticks could not be read').length).toBe(1)
})

it('a feed that falls silent in the midst holds up nobody else', async () => {
  const { feed } = stage
  feed.upTo(100)
  const server = await stage.begunGateway({ historyReaders: 1, historyQueue: 0 })
  const live = await stage.connect(server, '')
  feed.answers = () => false
  const reader = await stage.connect(server, '?symbols=')
  reader.socket.send('{"type":"subscribe","id":1,"symbols":["A"],"resume":"run:5"}')
  await until(() => feed.readings.length === 1)
  // Whoever finds no room is told the loss, and need not wait for the feed.
  const other = await stage.connect(server, '?resume=run:5')
  expect(other.subscribed).toMatchObject({ resumed: false })
  expect(gapsOf(other)).toMatchObject([['resume', expect.any(Number), expect.any(Number), null]])
  feed.upTo(110)
  await other.until(() => got(other).at(-1) === 110)
  expect(other.silentErrors).toEqual([])
  await live.until(() => live.ticks.length === 9)
  expect(got(live)).toEqual(sequences(102, 110))
  // Whoever leaves, ends the call.
  await reader.close()
  await until(() => feed.openReadings === 0)
  expect(server.count('historyReadings')).toBe(0)
})

it('a client that leaves in the midst ends the call', async () => {
  const { feed } = stage
  feed.upTo(3_000)
  const server = await stage.begunGateway()
  feed.sends = (_, position) => position < 1_000
  const client = await stage.connect(server, '?resume=run:0')
  await client.until(() => client.ticks.length > 0)
  expect(feed.openReadings).toBe(1)
  client.socket.terminate()
  await until(() => feed.openReadings === 0)
  expect(server.count('historyReadings')).toBe(0)
})

it('a feed that drops ticks while its reader stands still leaves a gap with exact numbers', async () => {
  const { feed } = stage
  feed.upTo(20_000)
  const server = await stage.begunGateway()
  feed.sends = (call, position) => {
    if (position < 5_000) return true
    call.stream.write(Buffer.alloc(0), () => call.stream.session?.destroy())
    feed.dropBefore(8_001)
    feed.sends = () => true
    return false
  }
  const client = await stage.connect(server, '?resume=run:0')
  await client.until(isLive(client))
  const last = got(client).find((position, index, all) => all[index + 1] !== position + 1)!
  expect(got(client)).toEqual([...sequences(1, last), ...sequences(8_001, 20_001)])
  expect(gapsOf(client)).toEqual([['resume', last + 1, 8_000, 8_000 - last]])
  expect(client.silentErrors).toEqual([])
})

it('no reader asks a feed with history off, with symbols, or where no client may read', async () => {
  const { feed } = stage
  feed.upTo(100)
  for (const [options, source] of [
    [{}, { history: false }],
    [{ historyReaders: 0 }, {}],
  ] as const) {
    const server = await stage.begunGateway(options, source)
    const client = await stage.connect(server, '?resume=run:5')
    expect(client.subscribed).toMatchObject({ resumed: false })
    expect(gapsOf(client)).toMatchObject([['resume', expect.any(Number), expect.any(Number), null]])
  }
  expect(feed.readings.length).toBe(0)
  expect(new GrpcSource({ target: 'a:1', symbols: ['A'] }).history()).toBeUndefined()
  const method = { path: '/a.B/C', request: new Uint8Array(0), form: 'batch' } as const
  expect(new GrpcSource({ target: 'a:1', method }).history()).toBeUndefined()
  expect(new GrpcSource({ target: 'a:1' }).history()).toMatchObject({ isFeed: true })
})
