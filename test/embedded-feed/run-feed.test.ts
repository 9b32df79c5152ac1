import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { type FeedOptions, type RunningFeed, runFeed } from '../../src/embedded-feed/run-feed.js'
import { SyntheticTicks } from '../../src/embedded-feed/synthetic-ticks.js'
import { GrpcSource } from '../../src/sources/grpc/grpc-source.js'
import { FakeClock } from '../support/fake-clock.js'
import { RecordingSink } from '../support/recording-sink.js'

const EPOCH_US = 1_700_000_000_000_000
const started: { stop(): Promise<void> }[] = []
let clock: FakeClock
let folder: string
let threeSecondsPath: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ringcast-run-'))
  threeSecondsPath = join(folder, 'ticks.csv')
  const rows = [0, 1, 2, 3].map(second => `${1_700_000_000 + second}000000000,A,T,${second + 1},,,,,1.5,1`)
  const header =
    'receive_time_ns,symbol,kind,sequence,bid_price,bid_size,ask_price,ask_size,last_price,last_size'
  await writeFile(threeSecondsPath, `${[header, ...rows].join('\n')}\n`)
})

afterAll(async () => {
  await rm(folder, { recursive: true })
})

beforeEach(() => {
  clock = new FakeClock(EPOCH_US)
})

afterEach(async () => {
  for (const part of started.splice(0).reverse()) await part.stop()
})

async function start(options: FeedOptions): Promise<RunningFeed> {
  const feed = await runFeed({ listen: '127.0.0.1:0', clock, ...options })
  started.push(feed)
  return feed
}

function read(feed: RunningFeed): RecordingSink {
  const sink = new RecordingSink()
  connect(feed, sink)
  return sink
}

function connect(feed: RunningFeed, sink: RecordingSink): GrpcSource {
  const source = new GrpcSource({ target: `127.0.0.1:${feed.port}`, windowBytes: 65_535 })
  started.push(source)
  source.start(sink)
  return source
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise(resolve => setImmediate(resolve))
}

/** How many ticks of the default seed are due by then. */
function dueBy(dueMs: (firstMs: number) => number, rate: number): number {
  const supply = new SyntheticTicks({ symbols: 100, rate, seed: 1, startUs: EPOCH_US })
  supply.next()
  const limitMs = dueMs(supply.dueMs)
  let count = 0
  while (supply.dueMs <= limitMs) {
    count++
    supply.next()
  }
  return count
}

it('makes each tick when it is due', async () => {
  const feed = await start({ rate: 500 })
  for (const ms of [10, 100, 1000, 10_000]) {
    clock.advance(ms - clock.nowMs())
    expect(feed.tickCount()).toBe(dueBy(() => ms, 500))
  }
})

it('makes at most a quarter of a second of missed ticks after a delay', async () => {
  const feed = await start({ rate: 500 })
  clock.jump(10_000)
  clock.advance(0)
  expect(feed.tickCount()).toBe(dueBy(firstMs => firstMs + 250, 500))
})

it('makes a burst in several turns of the event loop, and sends ticks between them', async () => {
  const feed = await start({ rate: 10_000_000, historyTicks: 1024 })
  clock.advance(2)
  const atOnce = feed.tickCount()
  expect(atOnce).toBeGreaterThan(1000)
  clock.jump(20)
  clock.advance(0)
  expect(feed.tickCount() - atOnce).toBeLessThanOrEqual(2_048)
  await turns(100)
  expect(feed.tickCount()).toBe(dueBy(() => clock.nowMs(), 10_000_000))
})

it('holds its ticks for a paused reader when holdForReader is set', async () => {
  const feed = await start({ rate: 100_000, historyTicks: 1024, holdForReader: true })
  clock.advance(1000)
  expect(feed.tickCount()).toBe(0)
  const sink = new RecordingSink()
  const source = connect(feed, sink)
  sink.onPush = () => source.pause()
  while (sink.messageCount === 0) {
    clock.advance(2)
    await turns(1)
  }
  for (let count = -1; count < feed.tickCount(); ) {
    count = feed.tickCount()
    clock.advance(100)
    await turns(50)
  }
  sink.onPush = () => {}
  source.resume()
  const held = feed.tickCount()
  while (sink.ticks.length < held + 10_000) {
    clock.advance(2)
    await turns(1)
  }
  expect(sink.positions).toEqual(sink.positions.map((_, i) => i + 1))
})

it('makes no ticks without a reader when holdForReader is set', async () => {
  const feed = await start({ rate: 100_000, historyTicks: 16_384, holdForReader: true })
  const sink = new RecordingSink()
  const source = connect(feed, sink)
  while (sink.messageCount === 0) {
    clock.advance(2)
    await turns(1)
  }
  await source.stop()
  for (let count = -1; count < feed.tickCount(); ) {
    count = feed.tickCount()
    await turns(50)
    clock.advance(100)
  }
  expect(feed.tickCount()).toBeLessThan(16_384)
})

it('stamps synthetic ticks with the time at which they are sent', async () => {
  const feed = await start({ rate: 500, waitForReader: true })
  const timers = clock.timerCount
  const sink = read(feed)
  await clock.until(() => clock.timerCount > timers)
  clock.advance(1000)
  await sink.until(() => sink.ticks.length === feed.tickCount())
  const timesUs = sink.ticks.map(tick => Number(BigInt(tick.sourceTimeNs) / 1000n) - EPOCH_US)
  expect(timesUs.length).toBeGreaterThan(0)
  // The pump's period is 2 ms of a clock that moves in whole ones.
  expect(timesUs.filter(us => us % 2000 !== 0)).toEqual([])
  expect(timesUs).toEqual([...timesUs].sort((a, b) => a - b))
})

it('replays at the requested speed, and reports the end of the file', async () => {
  let tellEnd: (ticks: number) => void = () => {}
  const ended = new Promise<number>(resolve => (tellEnd = resolve))
  const feed = await start({
    replay: threeSecondsPath,
    speed: 10,
    loop: false,
    onEnd: tellEnd,
  })
  const counts = [0, 98, 2, 98, 2, 98].map(ms => {
    clock.advance(ms)
    return feed.tickCount()
  })
  expect(counts).toEqual([1, 1, 2, 2, 3, 3])
  clock.advance(2)
  expect(feed.tickCount()).toBe(4)
  expect(await ended).toBe(4)
})

it('begins with the first subscriber when waitForReader is set', async () => {
  const feed = await start({ replay: threeSecondsPath, waitForReader: true })
  clock.advance(60_000)
  expect(feed.tickCount()).toBe(0)
  const timers = clock.timerCount
  const sink = read(feed)
  await clock.until(() => clock.timerCount > timers)
  clock.advance(2000)
  await sink.until(() => sink.ticks.length === 3)
  expect(sink.positions).toEqual([1, 2, 3])
})

it('at rate 0 makes ticks only for a subscriber that can take them', async () => {
  const feed = await start({ rate: 0 })
  expect(feed.tickCount()).toBe(0)
  const sink = new RecordingSink()
  const source = connect(feed, sink)
  sink.onPush = () => source.pause()
  await sink.until(() => sink.ticks.length > 0)
  let count = -1
  while (count < feed.tickCount()) {
    count = feed.tickCount()
    await turns(50)
  }
  expect(count).toBeLessThan(20_000)
  sink.onPush = () => {}
  source.resume()
  await sink.until(() => sink.ticks.length > count + 10_000)
  expect(sink.positions).toEqual(sink.positions.map((_, i) => i + 1))
})

it('frees its port and its timers when it stops', async () => {
  const feed = await start({ rate: 100 })
  await feed.stop()
  expect(clock.timerCount).toBe(0)
  const again = await start({ rate: 100, listen: `127.0.0.1:${feed.port}` })
  expect(again.port).toBe(feed.port)
})

it('refuses a speed that is no number from 0 up', async () => {
  for (const speed of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
    await expect(start({ replay: threeSecondsPath, speed })).rejects.toMatchObject({ code: 'option_invalid' })
  }
})
