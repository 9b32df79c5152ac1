import { afterEach, describe, expect, it } from 'vitest'
import { ForeignFeedLoader } from '../../src/app/foreign-feed-loader.js'
import { type Config, parseConfig } from '../../src/config/config.js'
import { REMINDER_MS } from '../../src/sources/grpc/feed-log.js'
import { AcmeFeed, type AcmeFeedOptions } from '../support/acme-feed.js'
import { FakeClock } from '../support/fake-clock.js'

let feed: AcmeFeed
const clock = new FakeClock()
const logged: string[] = []

afterEach(async () => {
  logged.length = 0
  await feed.stop()
})

async function begin(options: AcmeFeedOptions, ...argv: string[]) {
  feed = new AcmeFeed(options)
  await feed.start()
  const method = '--upstream-method=acme.md.MarketData/Subscribe'
  const words = [`--upstream=${feed.target}`, method, '--tick-symbol=ticker', ...argv]
  const parsed = parseConfig({ env: {}, argv: words, availableParallelism: 1 })
  const log = (_details: object, message: string) => void logged.push(message)
  return new ForeignFeedLoader({
    config: (parsed as { config: Config }).config,
    call: { target: feed.target, tls: false, metadata: {} },
    request: undefined,
    clock,
    log: { debug: log, info: log, warn: log, error: log },
    random: () => 0.5,
  })
}

describe('the schema of a feed', () => {
  it('is loaded with the settings of the user', async () => {
    const loader = await begin(
      {},
      '--tick-time=time_ms:ms',
      '--tick-kind=event',
      '--tick-sequence=header.seq',
    )
    const { schema, method } = await loader.load(new AbortController().signal)
    expect(method.path).toBe('/acme.md.MarketData/Subscribe')
    expect(schema.mapping).toEqual({
      repeated: undefined,
      symbol: 'ticker',
      kind: 'event',
      time: { path: 'time_ms', unit: 'ms' },
      sequence: 'header.seq',
      position: undefined,
    })
  })

  it('waits for a feed that is down, says so once, and tells why it is not ready', async () => {
    const loader = await begin({})
    await feed.stop()
    const loaded = loader.load(new AbortController().signal)
    for (let tries = 0; tries < 3; tries++) {
      await clock.until(() => clock.timerCount > 0)
      expect(loader.status()).toMatchObject({
        state: 'connecting',
        lastError: expect.stringContaining('UNAVAILABLE'),
      })
      if (tries === 2) await feed.start()
      clock.advance(10_000)
    }
    expect((await loaded).schema.message).toBe('acme.md.Update')
    expect(logged).toEqual([
      expect.stringMatching(
        /^the feed at localhost:\d+ does not tell its types: UNAVAILABLE: .*: trying until it does$/,
      ),
    ])
    expect(clock.delaysMs).toEqual([50, 100, 200])
  })

  it('is told of again every few minutes while it cannot be reached', async () => {
    const loader = await begin({})
    await feed.stop()
    const abort = new AbortController()
    const loaded = loader.load(abort.signal)
    for (let tries = 0; tries < 3; tries++) {
      await clock.until(() => clock.timerCount > 0)
      clock.advance(REMINDER_MS / 2)
    }
    await clock.until(() => clock.timerCount > 0)
    abort.abort()
    await expect(loaded).rejects.toBe(abort.signal.reason)
    expect(logged.slice(1)).toEqual([
      expect.stringMatching(/^no feed at localhost:\d+ for 5 min, still trying: /),
    ])
  })

  it('is not waited for after an abort', async () => {
    const loader = await begin({})
    await feed.stop()
    const abort = new AbortController()
    const loaded = loader.load(abort.signal)
    await clock.until(() => clock.timerCount > 0)
    abort.abort()
    await expect(loaded).rejects.toBe(abort.signal.reason)
    expect(clock.timerCount).toBe(0)
  })

  it('is refused under the names of the variables', async () => {
    const loader = await begin({}, '--tick-symbol=tickr', '--tick-position=side')
    await expect(loader.load(new AbortController().signal)).rejects.toMatchObject({
      code: 'schema_invalid',
      message:
        'RINGCAST_TICK_SYMBOL=tickr: acme.md.Update has no field tickr; did you mean ticker?\n' +
        'RINGCAST_TICK_POSITION=side: side of acme.md.Update is enum acme.md.Update.Side: name an integer',
    })
  })

  it('is asked for in a file where the feed has no reflection', async () => {
    const loader = await begin({ reflection: false })
    await expect(loader.load(new AbortController().signal)).rejects.toThrow(
      `RINGCAST_UPSTREAM_PROTO: the feed at ${feed.target} has no gRPC server reflection: give its .proto file or a descriptor set`,
    )
  })
})
