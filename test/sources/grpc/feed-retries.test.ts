/**
 * Feeds as they are in the wild: what they do to the source, and what the source does then.
 */
import { readFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ACCEPTED_AFTER_MS } from '../../../src/sources/grpc/call-progress.js'
import { GrpcCall } from '../../../src/sources/grpc/grpc-call.js'
import { GrpcSource, type GrpcSourceOptions } from '../../../src/sources/grpc/grpc-source.js'
import { loadFeed } from '../../../src/sources/grpc/load-feed.js'
import { tickFeedCall } from '../../../src/sources/grpc/tick-feed-service.js'
import { FakeClock } from '../../support/fake-clock.js'
import { RecordingSink } from '../../support/recording-sink.js'
import { OK, ScriptedFeed, ticksAt, UNAVAILABLE } from '../../support/scripted-feed.js'

const DATA_LOSS = 15
const DAY_MS = 86_400_000
const PROXY_VARIABLES = ['grpc_proxy', 'https_proxy', 'http_proxy', 'no_grpc_proxy', 'no_proxy']

const proxies = new Map(PROXY_VARIABLES.map(name => [name, process.env[name]]))
let feed: ScriptedFeed
let clock: FakeClock
let sink: RecordingSink
let logged: string[]
/** Called with each line. */
let onInfo: () => void
let source: GrpcSource

beforeEach(async () => {
  for (const name of PROXY_VARIABLES) delete process.env[name]
  feed = new ScriptedFeed()
  clock = new FakeClock()
  sink = new RecordingSink()
  logged = []
  onInfo = () => {}
  await feed.start()
})

afterEach(async () => {
  await source?.stop()
  await feed.stop()
  for (const [name, value] of proxies) {
    if (value === undefined) delete process.env[name]
    else process.env[name] = value
  }
})

function start(options: Partial<GrpcSourceOptions> = {}): GrpcSource {
  source = new GrpcSource({
    target: feed.target,
    clock,
    random: () => 0.5,
    log: {
      info: text => {
        logged.push(`info ${text.replace(feed.target, 'X')}`)
        onInfo()
      },
      warn: text => logged.push(`warn ${text.replace(feed.target, 'X')}`),
    },
    ...options,
  })
  source.start(sink)
  return source
}

/** Waits until so many waits for the next call have begun, and lets the last one end. */
async function letRetry(number: number): Promise<void> {
  await clock.until(() => clock.delaysMs.length === number)
  clock.advance(clock.delaysMs.at(-1)!)
}

describe('a feed that ends each stream after a while', () => {
  it('is called again at once, without a warning, and the log tells of it once a minute', async () => {
    start()
    for (let number = 1; number <= 9; number++) {
      const call = await feed.call(number)
      call.open('a')
      call.send(ticksAt(number))
      await sink.until(() => sink.ticks.length === number)
      expect(source.status()).toMatchObject({ state: 'live', lastError: undefined })
      clock.advance(15_000)
      call.end(number % 2 === 0 ? OK : UNAVAILABLE)
      await letRetry(number)
    }
    expect(clock.delaysMs).toEqual(Array(9).fill(0))
    expect(logged).toEqual([
      'info the feed at X is live, session 1',
      'info the stream of X has ended and is called again at once: UNAVAILABLE: ',
      'info the stream of X has ended 4 times in 60 s and is called again at once: UNAVAILABLE: ',
      'info the stream of X has ended 4 times in 60 s and is called again at once: UNAVAILABLE: ',
    ])
  })

  it('is not called more often than the shortest backoff allows when it ends them after one tick', async () => {
    start({ backoffMinMs: 100 })
    for (let number = 1; number <= 20; number++) {
      const call = await feed.call(number)
      call.open('a')
      call.send(ticksAt(number))
      await sink.until(() => sink.ticks.length === number)
      clock.advance(30)
      call.end(UNAVAILABLE)
      await letRetry(number)
    }
    expect(clock.delaysMs).toEqual(Array(20).fill(70))
    expect(logged.filter(line => line.startsWith('warn'))).toEqual([])
  })

  it('is called less and less often while a message of it fails in the source', async () => {
    start({ backoffMinMs: 100 })
    for (let number = 1; number <= 4; number++) {
      sink.onPush = () => {}
      const call = await feed.call(number)
      call.open('a')
      call.send(ticksAt(number))
      await sink.until(() => sink.ticks.length === number * 2 - 1)
      sink.onPush = () => {
        throw new Error('no room')
      }
      call.send(ticksAt(number))
      await letRetry(number)
    }
    expect(clock.delaysMs).toEqual([50, 100, 200, 400])
    expect(logged.filter(line => line.startsWith('warn'))).toHaveLength(1)
  })
})

describe('a quiet feed', () => {
  it('that sends no metadata before its first tick is live when it has not refused the call', async () => {
    start()
    const call = await feed.call(1)
    expect(source.status().state).toBe('connecting')
    clock.advance(ACCEPTED_AFTER_MS - 1)
    expect(source.status().state).toBe('connecting')
    clock.advance(1)
    expect(source.status()).toMatchObject({ state: 'live', lastError: undefined })
    clock.advance(DAY_MS)
    expect(clock.delaysMs).toEqual([])
    call.open('a')
    call.send(ticksAt(1))
    await sink.until(() => sink.ticks.length === 1)
    expect(feed.calls).toHaveLength(1)
  })

  it('is told of by the log when it has not refused the call', async () => {
    const isLogged = new Promise<void>(resolve => {
      onInfo = resolve
    })
    start()
    await isLogged
    expect(logged).toEqual(['info connected to X, waiting for its first tick'])
  })

  it('is connecting again as soon as its connection is gone', async () => {
    start()
    await feed.call(1)
    clock.advance(ACCEPTED_AFTER_MS)
    feed.drop()
    await clock.until(() => clock.delaysMs.length === 1)
    expect(source.status()).toMatchObject({
      state: 'connecting',
      lastError: expect.stringContaining('UNAVAILABLE'),
    })
  })

  it('with a stall timeout is called again at once, and is live with the next tick only', async () => {
    start({ stallTimeoutMs: 5_000 })
    const first = await feed.call(1)
    first.open('a')
    first.send(ticksAt(1))
    await sink.until(() => sink.ticks.length === 1)
    await clock.pass(5_000, 1_000)
    expect(source.status()).toMatchObject({
      state: 'connecting',
      lastError: 'the feed sent nothing for 5000 ms',
    })
    await clock.pass(1, 1)
    const second = await feed.call(2)
    second.open('a')
    await sink.until(() => sink.sessions.length === 2)
    await clock.pass(ACCEPTED_AFTER_MS, 500)
    expect(source.status().state).toBe('connecting')
    second.send(ticksAt(2))
    await sink.until(() => sink.ticks.length === 2)
    expect(source.status()).toMatchObject({ state: 'live', lastError: undefined })
    expect(logged.filter(line => !line.includes('connected')).slice(1)).toEqual([
      'warn no feed at X, trying until there is one: the feed sent nothing for 5000 ms',
      'info the feed at X is live again after 1 s, session 2',
    ])
  })

  it('is probed by the kernel, which no feed forbids', async () => {
    start()
    await feed.call(1)
    const port = [...feed.sessions][0]!.socket!.remotePort!.toString(16).toUpperCase().padStart(4, '0')
    const row = readFileSync('/proc/net/tcp', 'utf8')
      .split('\n')
      .find(line => line.trim().split(/\s+/)[1]?.endsWith(`:${port}`))
    // Timer 2 of the table is that of the keepalive probes.
    expect(row?.trim().split(/\s+/)[5]).toMatch(/^02:/)
  })

  it('is pinged half as often after it has refused the pings', async () => {
    start({ keepaliveMs: 60_000 })
    for (let number = 1; number <= 2; number++) {
      const call = await feed.call(number)
      call.open('a')
      call.send(ticksAt(number))
      await sink.until(() => sink.ticks.length === number)
      const ENHANCE_YOUR_CALM = 11
      for (const session of feed.sessions) session.goaway(ENHANCE_YOUR_CALM, 0, Buffer.from('too_many_pings'))
      await letRetry(number)
    }
    expect(logged.filter(line => line.startsWith('warn'))).toEqual([
      'warn the feed at X ends connections on which it is pinged too often: from now on it is pinged every 120 s',
      'warn the feed at X ends connections on which it is pinged too often: from now on it is pinged every 240 s',
    ])
  })
})

describe('a feed that is not there', () => {
  it('is told of again every few minutes, with its age and the reason', async () => {
    await feed.stop()
    start({ backoffMaxMs: 60_000, backoffMinMs: 60_000, random: () => 0.999 })
    for (let tries = 1; tries <= 12; tries++) await letRetry(tries)
    expect(logged.map(line => line.replace(/: UNAVAILABLE.*/, ''))).toEqual([
      'warn no feed at X, trying until there is one',
      'warn no feed at X for 6 min, still trying',
    ])
    await feed.start()
  })

  it('is a server of something else: the log says what to look at', async () => {
    feed.methods = new Set()
    start()
    await clock.until(() => clock.delaysMs.length === 1)
    const reason =
      'the server does not know ringcast.v1.TickFeed, with either method; is this the address of a tick feed? UNIMPLEMENTED: '
    expect(source.status().lastError).toBe(reason)
    expect(logged).toEqual([`warn no feed at X, trying until there is one: ${reason}`])
  })

  it('is a server that accepts connections and never answers: a call ends after a time', async () => {
    const server = createServer(socket => socket.on('error', () => {}).resume())
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const end = await new Promise(resolve => {
      const target = {
        target: `127.0.0.1:${port}`,
        tls: false,
        windowBytes: 65_535,
        keepaliveMs: 0,
        metadata: {},
      } as const
      new GrpcCall(
        { ...target, proxy: false, connectTimeoutMs: 50 },
        tickFeedCall('batch', { symbols: [], fromPosition: 0 }),
        {
          connected: () => resolve('connected'),
          accepted: () => resolve('accepted'),
          metadata: () => resolve('metadata'),
          message: () => resolve('message'),
          ended: (outcome, reason) => resolve(`${outcome}: ${reason}`),
          failed: resolve,
        },
      )
    })
    server.close()
    expect(end).toBe('failed: no connection within 50 ms: is this a gRPC server?')
  })
})

describe('a feed that cannot send what follows the last tick', () => {
  /** Ends calls with `end` as long as they ask for a position. Returns the call that does not. */
  async function refuse(end: (number: number) => Promise<void>, from: number) {
    for (let number = from; ; number++) {
      const call = await feed.call(number)
      if (call.request.fromPosition === 0) return call
      expect(call.request.fromPosition).toBe(2)
      await end(number)
      await letRetry(number)
    }
  }

  it('because the message is too long is read from its next tick on, in the same session of positions', async () => {
    start()
    const first = await feed.call(1)
    first.open('a')
    first.send(ticksAt(1))
    await sink.until(() => sink.ticks.length === 1)
    first.end(UNAVAILABLE)
    await letRetry(1)
    const last = await refuse(async number => {
      const call = await feed.call(number)
      call.open('a')
      call.sendBytes(new Uint8Array(17 * 1024 * 1024))
    }, 2)
    expect(feed.calls).toHaveLength(5)
    last.open('a')
    last.send(ticksAt(900))
    await sink.until(() => sink.ticks.length === 2)
    expect(sink.sessions.at(-1)).toMatchObject({ continuous: true })
    expect(logged.filter(line => line.includes('position'))).toEqual([
      expect.stringMatching(
        /^warn the feed cannot send what follows position 1: .*RESOURCE_EXHAUSTED.*17825792/,
      ),
    ])
    last.end(UNAVAILABLE)
    await letRetry(5)
    expect((await feed.call(6)).request.fromPosition).toBe(901)
  })

  it('because it has lost that is read from its next tick on', async () => {
    start({ symbols: ['BTCUSDT'] })
    const first = await feed.call(1)
    first.open('a')
    first.send(ticksAt(1))
    await sink.until(() => sink.ticks.length === 1)
    first.end(UNAVAILABLE)
    await letRetry(1)
    const last = await refuse(async number => {
      const call = await feed.call(number)
      call.open('a')
      call.end(DATA_LOSS)
    }, 2)
    expect(last.request).toEqual({ symbols: ['BTCUSDT'], fromPosition: 0 })
  })
})

describe('a proxy of the environment', () => {
  it.each(['grpc_proxy', 'https_proxy', 'http_proxy'])(
    'in %s is named when it fails, without its password',
    async name => {
      process.env[name] = 'http://user:secret@127.0.0.1:9'
      start()
      await clock.until(() => clock.delaysMs.length === 1)
      expect(source.status().lastError).toMatch(
        'UNAVAILABLE: No connection established (through the proxy 127.0.0.1:9 of grpc_proxy, https_proxy or http_proxy)',
      )
      expect(logged.join()).not.toContain('secret')
    },
  )

  it('is named when the types of a feed cannot be asked for through it', async () => {
    process.env.http_proxy = 'http://user:secret@127.0.0.1:9'
    const mapping = {
      repeated: undefined,
      symbol: 's',
      kind: undefined,
      time: undefined,
      sequence: undefined,
    }
    const options = {
      target: feed.target,
      method: 'a.B/C',
      request: {},
      mapping: { ...mapping, position: undefined },
    }
    await expect(loadFeed(options)).rejects.toMatchObject({
      message: expect.stringMatching(/established \(through the proxy 127\.0\.0\.1:9 of/),
    })
  })

  it('is not used for hosts of no_proxy', async () => {
    process.env.http_proxy = 'http://127.0.0.1:9'
    process.env.no_proxy = '127.0.0.1'
    start()
    await feed.call(1)
  })

  it('is not used when the option says so', async () => {
    process.env.http_proxy = 'http://127.0.0.1:9'
    start({ proxy: false })
    await feed.call(1)
  })
})

describe('a proxy in front of a feed', () => {
  it.each([
    [502, 'UNAVAILABLE: Received HTTP status code 502: "text/html" came in place of gRPC, as from a proxy'],
    [504, 'UNAVAILABLE: Received HTTP status code 504: "text/html" came in place of gRPC, as from a proxy'],
    [200, '"text/html" came in place of gRPC: is this the address of a gRPC server?'],
  ])(
    'that replies with a page and status %i is not the feed: nothing is lost by that',
    async (status, error) => {
      start()
      const first = await feed.call(1)
      first.open('a')
      first.send(ticksAt(1))
      await sink.until(() => sink.ticks.length === 1)
      first.end(UNAVAILABLE)
      await letRetry(1)
      const second = await feed.call(2)
      second.refuseAsProxy(status)
      await letRetry(2)
      const third = await feed.call(3)
      expect(Number(third.request.fromPosition)).toBe(2)
      expect(source.status().lastError).toBe(error)
      third.open('a')
      third.send(ticksAt(2))
      await sink.until(() => sink.ticks.length === 2)
      expect(sink.sessions).toMatchObject([{ number: 1 }, { number: 2, continuous: true }])
    },
  )
})
