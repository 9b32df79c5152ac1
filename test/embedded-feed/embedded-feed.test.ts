import { execFile } from 'node:child_process'
import { createReadStream } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { createGunzip } from 'node:zlib'
import { afterEach, expect, it } from 'vitest'
import type { RingcastError } from '../../src/common/errors.js'
import { EmbeddedFeed, type EmbeddedFeedOptions } from '../../src/embedded-feed/embedded-feed.js'
import { GrpcSource } from '../../src/sources/grpc/grpc-source.js'
import { RecordingSink } from '../support/recording-sink.js'
import { recordedTicksPath } from '../support/test-ticks.js'

const started: { stop(): Promise<void> }[] = []

afterEach(async () => {
  for (const part of started.splice(0).reverse()) await part.stop()
})

async function startFeed(options: EmbeddedFeedOptions): Promise<EmbeddedFeed> {
  const feed = await EmbeddedFeed.start(options)
  started.push(feed)
  return feed
}

function startSource(feed: EmbeddedFeed, sink: RecordingSink): GrpcSource {
  const source = new GrpcSource({ target: `127.0.0.1:${feed.port}` })
  started.push(source)
  source.start(sink)
  return source
}

it('pushes synthetic ticks to a source at its pace', async () => {
  const feed = await startFeed({ rate: 20_000, symbols: 10 })
  const sink = new RecordingSink()
  startSource(feed, sink)
  await sink.until(() => sink.ticks.length > 2_000)
  const positions = sink.positions
  expect(positions).toEqual(positions.map((_, i) => positions[0]! + i))
})

it('loses no tick for one paused and resumed reader at full speed', async () => {
  const feed = await startFeed({ rate: 0, historyTicks: 16_384 })
  const sink = new RecordingSink()
  const first = startSource(feed, sink)
  sink.onPush = () => {
    if (sink.messageCount % 50 === 0) {
      first.pause()
      setImmediate(() => first.resume())
    }
  }
  await sink.until(() => sink.ticks.length > 40_000)
  expect(sink.positions).toEqual(Array.from({ length: sink.ticks.length }, (_, i) => i + 1))
})

it('replays the recorded file, every tick of it and in order', async ({ skip }) => {
  skip(recordedTicksPath === undefined, 'RINGCAST_TEST_TICKS names no recording')
  let tellEnd: (ticks: number) => void = () => {}
  const ended = new Promise<number>(resolve => (tellEnd = resolve))
  const feed = await startFeed({ replay: recordedTicksPath!, speed: 0, loop: false, onEnd: tellEnd })
  const sink = new RecordingSink()
  startSource(feed, sink)
  await sink.until(() => sink.ticks.length >= 222_708)
  expect(await ended).toBe(222_708)
  let row = -1
  const mismatches: string[] = []
  for await (const line of createInterface({
    input: createReadStream(recordedTicksPath!).pipe(createGunzip()),
  })) {
    if (row >= 0) {
      const tick = sink.ticks[row]!
      const quote = [tick.bid, tick.bidSize, tick.ask, tick.askSize, '', ''].join(',')
      const trade = ['', '', '', '', tick.last, tick.lastSize].join(',')
      const values = tick.kind === 1 ? `Q,${tick.sequence},${quote}` : `T,${tick.sequence},${trade}`
      if (`${tick.sourceTimeNs},${tick.symbol},${values}` !== line || tick.position !== row + 1)
        mismatches.push(line)
    }
    row++
  }
  expect(row).toBe(222_708)
  expect(mismatches).toEqual([])
})

it('rejects the start with the reason', async () => {
  await expect(EmbeddedFeed.start({ replay: '/no/such/file.csv' })).rejects.toMatchObject({
    name: 'RingcastError',
    code: 'feed_file_invalid',
    message: expect.stringContaining('/no/such/file.csv'),
  })
  await expect(EmbeddedFeed.start({ symbols: 0 })).rejects.toMatchObject({ code: 'option_invalid' })
  const other = createServer()
  const taken = await new Promise<number>(resolve => {
    other.listen(0, '127.0.0.1', () => resolve((other.address() as { port: number }).port))
  })
  await expect(EmbeddedFeed.start({ listen: `127.0.0.1:${taken}` })).rejects.toMatchObject({
    code: 'listen_failed',
  })
  await new Promise(resolve => other.close(resolve))
})

it('reports a failure after the start, when the good ticks are sent', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ringcast-feed-'))
  const path = join(folder, 'ticks.csv')
  await writeFile(
    path,
    'receive_time_ns,symbol,kind,sequence,bid_price,bid_size,ask_price,ask_size,last_price,last_size\n' +
      '1723161255090169999,A,T,7,,,,,1.5,1\n1723161255090169999,A,T,8,,,,,oops,1\n',
  )
  const sink = new RecordingSink()
  let tellFailure: (error: RingcastError) => void = () => {}
  const failed = new Promise<RingcastError>(resolve => (tellFailure = resolve))
  const feed = await startFeed({ replay: path, speed: 0, onFailure: tellFailure })
  startSource(feed, sink)
  expect(await failed).toMatchObject({
    code: 'feed_file_invalid',
    message: expect.stringContaining('line 3'),
  })
  await sink.until(() => sink.ticks.length === 1)
  await feed.stop()
  await rm(folder, { recursive: true })
})

it('leaves nothing behind that keeps the process alive', async () => {
  const script = `
    import { EmbeddedFeed } from '${new URL('../../src/embedded-feed/embedded-feed.js', import.meta.url)}'
    import { GrpcSource } from '${new URL('../../src/sources/grpc/grpc-source.js', import.meta.url)}'
    const feed = await EmbeddedFeed.start({ rate: 0 })
    const source = new GrpcSource({ target: '127.0.0.1:' + feed.port })
    let pushed = 0
    await new Promise(resolve => source.start({
      push: () => ++pushed === 100 && resolve(), sessionStarted() {}, lose() {}, setSourceState() {}, lastPosition: () => 0,
    }))
    await source.stop()
    const atStop = pushed
    await feed.stop()
    process.on('exit', () => process.stdout.write(String(pushed - atStop)))
  `
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
    timeout: 10_000,
  })
  expect(stdout).toBe('0')
})
