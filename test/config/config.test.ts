import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RingcastError } from '../../src/common/errors.js'
import { type Config, handlerOptions, parseConfig } from '../../src/config/config.js'
import { settingsTable } from '../../src/config/help.js'

type Env = Record<string, string | undefined>
type Key = keyof Config

const KiB = 1024
const MiB = 1024 * 1024

const DEFAULTS: Config = {
  host: '::',
  port: 8080,
  demo: 'auto',
  processes: 1,
  tlsCert: undefined,
  proxyProtocol: false,
  tlsKey: undefined,
  tlsClientCa: undefined,
  maxPendingConnections: undefined,
  maxClients: 1000,
  maxSymbolsPerClient: 1000,
  subscriptionsMax: 120_000,
  maxCommandsPerSecond: 50,
  clientWorkPerSecond: 128 * KiB,
  addressWorkPerSecond: 256 * KiB,
  totalWorkPerSecond: 2 * MiB,
  maxMessageBytes: 80 * KiB,
  compression: false,
  compressionMinBytes: KiB,
  compressionLevel: 6,
  retryAfterS: 5,
  historyReaders: 4,
  historyQueue: 64,
  connectionsPerSecond: 200,
  clientMaxAgeMs: 0,
  auth: 'none',
  authSecretFile: undefined,
  authJwks: undefined,
  authIssuer: undefined,
  authAudience: [],
  authClockToleranceMs: 5000,
  authTimeoutMs: 5000,
  authMessages: true,
  allowedOrigins: [],
  maxClientsPerAddress: undefined,
  maxClientsPerUser: undefined,
  addressConnectionsPerSecond: undefined,
  trustedProxies: [],
  proxyHeader: 'x-forwarded-for',
  pingIntervalMs: 30_000,
  pongTimeoutMs: 10_000,
  readTimeoutMs: 60_000,
  writeTimeoutMs: 10_000,
  sweepIntervalMs: 300_000,
  closeTimeoutMs: 2000,
  poolSize: 3,
  queueSize: 16_384,
  tickLogBytes: 64 * MiB,
  frameRingBytes: 64 * MiB,
  latestBytes: 48 * MiB,
  tickBytesMax: KiB,
  turnBytesMax: 256 * KiB,
  passBudgetMs: 4,
  gatherMs: 20,
  laneHangTimeoutMs: 1500,
  upstream: undefined,
  upstreamMode: 'failover',
  upstreamMethod: 'batches',
  upstreamSymbols: [],
  upstreamTls: false,
  upstreamTlsCa: undefined,
  upstreamTlsCert: undefined,
  upstreamTlsKey: undefined,
  upstreamTlsServerName: undefined,
  upstreamMetadata: undefined,
  upstreamWindowBytes: 4 * MiB,
  upstreamKeepaliveMs: 330_000,
  upstreamProxy: true,
  upstreamStallTimeoutMs: 0,
  upstreamBackoffMinMs: 100,
  upstreamBackoffMaxMs: 10_000,
  upstreamProto: undefined,
  upstreamRequest: undefined,
  tickRepeated: undefined,
  tickSymbol: undefined,
  tickKind: undefined,
  tickTime: undefined,
  tickSequence: undefined,
  tickPosition: undefined,
  nats: undefined,
  natsStream: 'ringcast',
  natsCredentials: undefined,
  natsTlsCa: undefined,
  natsTlsCert: undefined,
  natsTlsKey: undefined,
  relayMaxAgeMs: 14_400_000,
  relayMaxBytes: 4096 * MiB,
  relayReplicas: 1,
  relayQueueBytes: 64 * MiB,
  feedListen: 'localhost:50051',
  feedSymbols: 50,
  feedRate: 1000,
  feedSeed: 1,
  feedReplay: undefined,
  feedSpeed: 1,
  feedLoop: true,
  feedHistoryTicks: 262_144,
  adminHost: '127.0.0.1',
  adminPort: 9090,
  adminTokenFile: undefined,
  adminNames: [],
  logLevel: 'info',
  logFormat: 'auto',
  drainDelayMs: undefined,
  drainMs: undefined,
  shutdownTimeoutMs: 10_000,
}

const KEYS = Object.keys(DEFAULTS) as Key[]

const variable = (key: string) => `RINGCAST_${flag(key).slice(2).replaceAll('-', '_').toUpperCase()}`
const flag = (key: string) => `--${key.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)}`

const parse = (env: Env, argv: string[] = []) => parseConfig({ env, argv, availableParallelism: 4 })

function config(env: Env, argv: string[] = []): Config {
  const parsed = parse(env, argv)
  if (!('config' in parsed)) throw new Error(`expected a config, got ${parsed.command}`)
  return parsed.config
}

/** The lines of the error that `act` throws. */
function problems(act: () => unknown, code = 'config_invalid'): string[] {
  try {
    act()
  } catch (error) {
    if (!(error instanceof RingcastError)) throw error
    expect(error.code).toBe(code)
    return error.message.split('\n')
  }
  throw new Error('expected an error')
}

/** For each setting: right values with their texts, and texts that break its rule. */
const whole = (min: number, max: number) => ({
  right: fc.integer({ min, max }),
  wrong: [String(min - 1), String(max + 1), `${min}.5`, 'abc', '1e3', '0x10', ' ', '99999999999999999999'],
})
const duration = (min = 1) => whole(min, 86_400_000)
const size = (min: number, max: number) => ({
  right: fc.integer({ min, max }),
  wrong: [String(min - 1), String(max + 1), '64MB', '1.5MiB', 'KiB', '-1KiB'],
})
const powerOfTwo = (min: number, max: number) => ({
  right: fc.integer({ min: Math.log2(min), max: Math.log2(max) }).map(exponent => 2 ** exponent),
  wrong: [String(min / 2), String(max * 2), String(min + 1), String(min * 3), '0', '-2', 'abc'],
})
const hosts = {
  right: fc.constantFrom('localhost', '0.0.0.0', '::', '::1', 'fe80::1', '127.0.0.1', 'a.example'),
  wrong: ['a b', 'localhost:80', 'http://a', '[::1]'],
}
const addresses = {
  right: fc.constantFrom('localhost:50051', '[::1]:1', '10.0.0.1:65535', 'a.example:443'),
  wrong: ['localhost', 'localhost:', 'localhost:65536', ':1', '::1:1', 'http://a:1', 'a:b', 'a:-1'],
}
const fieldPaths = {
  right: fc.constantFrom('symbol', 'header.symbol', '_a.b_1'),
  wrong: ['.', 'a.', '.a', 'a..b', 'a b', '1a', 'a-b', 'a:ns'],
}
const paths = { right: fc.constantFrom('/etc/ca.pem', 'a b.csv', './x=y'), wrong: ['a\0b'] }
const booleans = { right: fc.boolean(), wrong: ['yes', '2', 'tru', ' '] }
const port = whole(0, 65_535)

const VALUES: Record<Key, { right: fc.Arbitrary<unknown>; wrong: string[] }> = {
  host: hosts,
  port,
  demo: { right: fc.constantFrom('auto', 'true', 'false'), wrong: ['yes', 'on'] },
  processes: whole(1, 64),
  tlsCert: paths,
  proxyProtocol: booleans,
  tlsKey: paths,
  tlsClientCa: paths,
  maxPendingConnections: whole(1, 100_000),
  maxClients: whole(1, 100_000),
  maxSymbolsPerClient: whole(1, 100_000),
  subscriptionsMax: whole(1, 10_000_000),
  maxCommandsPerSecond: whole(1, 100_000),
  clientWorkPerSecond: size(KiB, 1024 * MiB),
  addressWorkPerSecond: size(KiB, 1024 * MiB),
  totalWorkPerSecond: size(KiB, 1024 * MiB),
  maxMessageBytes: size(256, MiB),
  compression: booleans,
  compressionMinBytes: size(0, 16 * MiB),
  compressionLevel: whole(1, 9),
  retryAfterS: whole(0, 86_400),
  historyReaders: whole(0, 64),
  historyQueue: whole(0, 100_000),
  connectionsPerSecond: whole(1, 100_000),
  clientMaxAgeMs: duration(0),
  auth: { right: fc.constant('jwt'), wrong: ['JWT', 'basic', ' '] },
  authSecretFile: paths,
  authJwks: {
    right: fc.constantFrom(
      '/etc/keys.json',
      'https://id.example/keys?a=1',
      'http://127.0.0.1:1/k',
      'http://[::1]/k',
    ),
    wrong: [
      'a\0b',
      'http://id.example/keys',
      'ftp://id.example/keys',
      'https://',
      'https://u@a/',
      'http://localhost.evil/',
    ],
  },
  authIssuer: { right: fc.constantFrom('https://id.example/', 'x'), wrong: [] },
  authAudience: {
    right: fc.array(fc.constantFrom('ticks', 'https://a'), { minLength: 1 }),
    wrong: [',', 'a,,b'],
  },
  authClockToleranceMs: duration(0),
  authTimeoutMs: duration(100),
  authMessages: booleans,
  allowedOrigins: {
    right: fc.array(fc.constantFrom('https://a.example', 'http://[::1]:80', 'app://x'), { minLength: 1 }),
    wrong: ['*', 'a.example', 'https://a.example/', 'https://A.example', 'https://a,', 'https://u@a'],
  },
  maxClientsPerAddress: whole(1, 100_000),
  maxClientsPerUser: whole(1, 100_000),
  addressConnectionsPerSecond: whole(1, 100_000),
  trustedProxies: {
    right: fc.array(fc.constantFrom('unix', '10.0.0.0/8', '192.0.2.1', '::1', 'fd00::/8'), { minLength: 1 }),
    wrong: ['all', '10.0.0.0/33', '10.0.0/8', '::1/129', '10.0.0.0/8/8', 'proxy.example', '10.0.0.0/'],
  },
  proxyHeader: { right: fc.constantFrom('x-forwarded-for', 'forwarded'), wrong: ['Forwarded', 'via'] },
  pingIntervalMs: duration(),
  pongTimeoutMs: duration(),
  readTimeoutMs: duration(),
  writeTimeoutMs: duration(),
  sweepIntervalMs: duration(),
  closeTimeoutMs: duration(),
  poolSize: whole(1, 100),
  queueSize: whole(1, 2 ** 24),
  tickLogBytes: powerOfTwo(64 * KiB, 1024 * MiB),
  frameRingBytes: powerOfTwo(64 * KiB, 1024 * MiB),
  latestBytes: size(64 * KiB, 1024 * MiB),
  tickBytesMax: size(KiB, 64 * KiB),
  turnBytesMax: size(KiB, 16 * MiB),
  passBudgetMs: whole(1, 1000),
  gatherMs: whole(0, 1000),
  laneHangTimeoutMs: duration(100),
  upstream: {
    right: fc.uniqueArray(addresses.right, { minLength: 1 }),
    wrong: [...addresses.wrong, 'localhost:0', 'a:1,a:1', 'a:1,,b:1'],
  },
  upstreamMode: { right: fc.constantFrom('failover', 'both'), wrong: ['a/b', 'BOTH', ' '] },
  upstreamMethod: {
    right: fc.constantFrom('batches', 'single', 'ringcast.v1.TickFeed/Stream'),
    wrong: ['batch', 'Single', ' ', 'a.B', 'a.B/', '/C', 'a.B/C/D', 'ringcast.v1.TickFeed/Batches'],
  },
  upstreamSymbols: {
    right: fc.array(fc.constantFrom('BTCUSDT', 'ETH-PERP', '\ufeffA', 'ü'.repeat(32)), {
      minLength: 1,
      maxLength: 3,
    }),
    wrong: [',', 'A,,B', 'x'.repeat(65), 'ü'.repeat(33)],
  },
  upstreamTls: booleans,
  upstreamTlsCa: paths,
  upstreamTlsCert: paths,
  upstreamTlsKey: paths,
  upstreamTlsServerName: hosts,
  upstreamMetadata: {
    right: fc.constantFrom('authorization=Bearer x=y', 'a=1,b-bin=AAE=', '@/run/token'),
    wrong: ['token', '=x', 'a=1,b', 'A b=c', 'a=\u00fc', 'b-bin=?', 'grpc-timeout=1', ',', '@'],
  },
  upstreamWindowBytes: size(64 * KiB, 1024 * MiB),
  upstreamKeepaliveMs: duration(),
  upstreamProxy: booleans,
  upstreamStallTimeoutMs: duration(0),
  upstreamBackoffMinMs: duration(),
  upstreamBackoffMaxMs: duration(),
  upstreamProto: paths,
  upstreamRequest: {
    right: fc.constantFrom('{}', '{"symbols":["A"]}', '@request.json'),
    wrong: ['symbols', '[]', '1', 'null', '{', '@'],
  },
  tickRepeated: fieldPaths,
  tickSymbol: fieldPaths,
  tickKind: fieldPaths,
  tickTime: {
    right: fc.constantFrom('time:ns', 'a.b:us', 'a:ms', 'a:s', 'received'),
    wrong: [...fieldPaths.wrong.slice(0, -1), 'a:min', 'a:', 'a:ns:ns', ':ns'],
  },
  tickSequence: fieldPaths,
  tickPosition: fieldPaths,
  nats: {
    right: fc.uniqueArray(
      fc.constantFrom('nats://a.example:4222', 'tls://[::1]', 'nats://u:p@10.0.0.1', 'nats://b:1'),
      { minLength: 1 },
    ),
    wrong: ['a.example:4222', 'http://a:1', 'nats://', 'nats://a:65536', 'nats://a,nats://a', 'nats://a b'],
  },
  natsStream: { right: fc.constantFrom('ringcast', 'A-1_b'), wrong: ['a.b', 'a b', '*', 'x'.repeat(33)] },
  natsCredentials: paths,
  natsTlsCa: paths,
  natsTlsCert: paths,
  natsTlsKey: paths,
  relayMaxAgeMs: whole(10_000, 365 * 86_400_000),
  relayMaxBytes: size(MiB, 64 * 1024 * 1024 * MiB),
  relayReplicas: whole(1, 5),
  relayQueueBytes: size(MiB, 4096 * MiB),
  feedListen: {
    right: fc.constantFrom('localhost:0', '[::]:50051', '0.0.0.0:65535'),
    wrong: addresses.wrong,
  },
  feedSymbols: whole(1, 10_000),
  feedRate: whole(0, 10_000_000),
  feedSeed: whole(0, 2 ** 32 - 1),
  feedReplay: paths,
  feedSpeed: {
    right: fc.integer({ min: 0, max: 400_000_000 }).map(quarters => quarters / 400),
    wrong: ['-0.5', '1000001', 'fast', 'Infinity', 'NaN', '1e3', '.'],
  },
  feedLoop: booleans,
  feedHistoryTicks: powerOfTwo(1024, 2 ** 24),
  adminHost: hosts,
  adminPort: port,
  adminTokenFile: paths,
  adminNames: {
    right: fc.array(fc.constantFrom('gateway', 'a.example'), { minLength: 1 }),
    wrong: ['a b', 'a:1', ',', 'a,,b'],
  },
  logFormat: {
    right: fc.constantFrom('auto', 'json', 'text'),
    wrong: ['pretty', 'JSON', '1'],
  },
  logLevel: {
    right: fc.constantFrom('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'),
    wrong: ['all'],
  },
  drainDelayMs: duration(0),
  drainMs: duration(0),
  shutdownTimeoutMs: duration(),
}

/** Other settings with which every right value of the key passes the rules between settings. */
const TLS = { RINGCAST_UPSTREAM: 'localhost:1', RINGCAST_UPSTREAM_TLS: 'true' }
const FOREIGN = {
  RINGCAST_UPSTREAM: 'localhost:1',
  RINGCAST_UPSTREAM_METHOD: 'acme.md.MarketData/Subscribe',
  RINGCAST_TICK_SYMBOL: 'symbol',
}
const NATS = { RINGCAST_NATS: 'nats://localhost:1' }
const RELAY = { ...NATS, RINGCAST_UPSTREAM: 'localhost:1' }
const LOOSE: Partial<Record<Key, Env>> = {
  tickLogBytes: { RINGCAST_TICK_BYTES_MAX: '1KiB' },
  turnBytesMax: { RINGCAST_FRAME_RING_BYTES: '1GiB' },
  frameRingBytes: { RINGCAST_TURN_BYTES_MAX: '1KiB' },
  readTimeoutMs: { RINGCAST_PING_INTERVAL_MS: '1', RINGCAST_PONG_TIMEOUT_MS: '1' },
  pingIntervalMs: { RINGCAST_READ_TIMEOUT_MS: '86400000' },
  pongTimeoutMs: { RINGCAST_READ_TIMEOUT_MS: '86400000' },
  closeTimeoutMs: { RINGCAST_SHUTDOWN_TIMEOUT_MS: '86400000' },
  shutdownTimeoutMs: { RINGCAST_CLOSE_TIMEOUT_MS: '1' },
  upstreamBackoffMinMs: { RINGCAST_UPSTREAM_BACKOFF_MAX_MS: '86400000' },
  upstreamBackoffMaxMs: { RINGCAST_UPSTREAM_BACKOFF_MIN_MS: '1' },
  auth: { RINGCAST_AUTH_JWKS: 'keys.json' },
  authSecretFile: { RINGCAST_AUTH: 'jwt' },
  authJwks: { RINGCAST_AUTH: 'jwt' },
  authIssuer: { RINGCAST_AUTH: 'jwt', RINGCAST_AUTH_JWKS: 'keys.json' },
  authAudience: { RINGCAST_AUTH: 'jwt', RINGCAST_AUTH_JWKS: 'keys.json' },
  tlsCert: { RINGCAST_TLS_KEY: 'key.pem' },
  proxyProtocol: { RINGCAST_TRUSTED_PROXIES: '127.0.0.1' },
  tlsKey: { RINGCAST_TLS_CERT: 'cert.pem' },
  tlsClientCa: { RINGCAST_TLS_CERT: 'cert.pem', RINGCAST_TLS_KEY: 'key.pem' },
  relayMaxAgeMs: RELAY,
  relayMaxBytes: RELAY,
  relayReplicas: RELAY,
  relayQueueBytes: RELAY,
  natsCredentials: NATS,
  natsTlsCa: NATS,
  natsTlsCert: { ...NATS, RINGCAST_NATS_TLS_KEY: 'key.pem' },
  natsTlsKey: { ...NATS, RINGCAST_NATS_TLS_CERT: 'cert.pem' },
  upstreamTls: { RINGCAST_UPSTREAM: 'localhost:1' },
  upstreamTlsCa: TLS,
  upstreamTlsCert: { ...TLS, RINGCAST_UPSTREAM_TLS_KEY: 'key.pem' },
  upstreamTlsKey: { ...TLS, RINGCAST_UPSTREAM_TLS_CERT: 'cert.pem' },
  upstreamTlsServerName: TLS,
  upstreamMetadata: { RINGCAST_UPSTREAM: 'localhost:1' },
  upstreamProto: FOREIGN,
  upstreamRequest: FOREIGN,
  tickRepeated: FOREIGN,
  tickSymbol: FOREIGN,
  tickKind: FOREIGN,
  tickTime: FOREIGN,
  tickSequence: FOREIGN,
  tickPosition: FOREIGN,
  feedSpeed: { RINGCAST_FEED_REPLAY: 'ticks.csv' },
  feedLoop: { RINGCAST_FEED_REPLAY: 'ticks.csv' },
}

/** The settings whose values no message shows. */
const SECRET: ReadonlySet<Key> = new Set(['upstreamMetadata', 'nats'])

/** The command of which a setting is a flag. */
const commandOf = (key: Key) => {
  if (key.startsWith('relay')) return ['relay']
  return key === 'feedListen' ? ['feed'] : ['serve']
}

/** A setting that must be less than another cannot have the highest value. */
const hasRoom = (key: Key, value: unknown) => {
  if (key === 'readTimeoutMs' || key === 'shutdownTimeoutMs') return value !== 1
  return !(['pingIntervalMs', 'pongTimeoutMs', 'closeTimeoutMs'].includes(key) && value === 86_400_000)
}

describe('parseConfig', () => {
  it('has a default for every setting', () => {
    expect(parse({})).toEqual({ command: 'serve', config: DEFAULTS })
  })

  it('asks for what a relay cannot do without', () => {
    expect(() => parse({}, ['relay'])).toThrow(
      'RINGCAST_NATS: must be set for ringcast relay, such as nats://nats.example:4222\n' +
        'RINGCAST_UPSTREAM: must be set for ringcast relay, such as feed.example:50051',
    )
  })

  it('refuses flags of another source beside NATS, and of a gateway on a relay', () => {
    const env = { RINGCAST_NATS: 'nats://u:secret@a' }
    expect(() => parse(env, ['--upstream=a:1'])).toThrow(
      '--upstream=a:1: has no effect beside RINGCAST_NATS=…, which is read in its place: set one of them',
    )
    expect(() => parse(env, ['relay', '--upstream=a:1', '--port=1'])).toThrow(
      '--port=1: has no effect on ringcast relay: leave it out',
    )
  })

  it('lets a gateway and a relay share their variables', () => {
    const env = { RINGCAST_NATS: 'nats://a', RINGCAST_UPSTREAM: 'a:1', RINGCAST_RELAY_REPLICAS: '3' }
    expect(parse(env)).toMatchObject({ command: 'serve', config: { nats: ['nats://a'] } })
    expect(parse(env, ['relay'])).toMatchObject({ command: 'relay', config: { relayReplicas: 3 } })
  })

  it.each([
    [1, 1],
    [2, 1],
    [8, 7],
    [400, 100],
  ])('gives a machine of %i processors %i lanes', (availableParallelism, poolSize) => {
    const parsed = parseConfig({ env: {}, argv: [], availableParallelism })
    expect(parsed).toMatchObject({ config: { poolSize } })
  })

  describe.each(KEYS)('%s', key => {
    const { right, wrong } = VALUES[key]
    const loose = LOOSE[key] ?? {}
    const command = commandOf(key)
    const text = (value: unknown) => (Array.isArray(value) ? value.join(',') : String(value))

    it('has the same value from a variable and from each form of its flag', () => {
      fc.assert(
        fc.property(right, value => {
          fc.pre(hasRoom(key, value))
          expect(config({ ...loose, [variable(key)]: text(value) })[key]).toEqual(value)
          expect(config(loose, [...command, `${flag(key)}=${text(value)}`])[key]).toEqual(value)
          const spaced =
            typeof value === 'boolean'
              ? [`--${value ? '' : 'no-'}${flag(key).slice(2)}`]
              : [flag(key), text(value)]
          expect(config(loose, [...command, ...spaced])[key]).toEqual(value)
        }),
        { numRuns: 30 },
      )
    })

    it('refuses a wrong value and tells the rule', () => {
      for (const text of wrong) {
        const shown = SECRET.has(key) ? '…' : text.includes('\0') ? JSON.stringify(text) : text
        const [line, ...rest] = problems(() => parse({ ...loose, [variable(key)]: text }))
        expect(rest).toEqual([])
        expect(line!.startsWith(`${variable(key)}=${shown}: must be `)).toBe(true)
        const [flagLine] = problems(() => parse(loose, [...command, `${flag(key)}=${text}`]))
        expect(flagLine).toBe(line!.replace(variable(key), flag(key)))
      }
    })

    it('has its default when its variable is empty', () => {
      expect(config({ [variable(key)]: '' })).toEqual(DEFAULTS)
    })
  })

  it('has defaults that pass their own checks', () => {
    const set = Object.entries(DEFAULTS).filter(([, value]) => value !== undefined && String(value) !== '')
    const env = Object.fromEntries(set.map(([key, value]) => [variable(key), String(value)]))
    expect(config(env)).toEqual(DEFAULTS)
  })

  it('ignores an empty variable, even one with an unknown name', () => {
    expect(config({ RINGCAST_NONSENSE: '', RINGCAST_PORT: undefined })).toEqual(DEFAULTS)
  })

  it('reads sizes with a unit', () => {
    expect(config({ RINGCAST_TICK_LOG_BYTES: '128MiB' }).tickLogBytes).toBe(128 * MiB)
    expect(config({ RINGCAST_FRAME_RING_BYTES: '1 gib' }).frameRingBytes).toBe(1024 * MiB)
    expect(config({}, ['--turn-bytes-max', '64KiB']).turnBytesMax).toBe(64 * KiB)
    expect(config({}, ['--max-message-bytes', '4096B']).maxMessageBytes).toBe(4096)
  })

  it('prefers a flag to a variable, even to a wrong one', () => {
    expect(config({ RINGCAST_PORT: 'abc' }, ['--port', '81']).port).toBe(81)
    expect(config({ RINGCAST_PORT: '80' }, ['--port=81', '--port=82']).port).toBe(82)
  })

  it('puts the default back with an empty flag', () => {
    expect(config({ RINGCAST_UPSTREAM: 'a:1', RINGCAST_PORT: '80' }, ['--upstream=', '--port='])).toEqual(
      DEFAULTS,
    )
  })

  it('reads the command', () => {
    expect(parse({}, ['serve']).command).toBe('serve')
    expect(parse({}, ['--feed-rate', '5', 'feed', '--feed-seed=2'])).toMatchObject({
      command: 'feed',
      config: { feedRate: 5, feedSeed: 2 },
    })
    expect(problems(() => parse({}, ['fed']))).toEqual(['fed: unknown; did you mean feed?'])
    expect(problems(() => parse({}, ['serve', 'feed']))).toEqual(['feed: only one command at a time'])
  })

  it.each(['--help', '-h'])('shows the help for %s, even beside wrong settings', word => {
    const parsed = parse({ RINGCAST_PORT: 'abc' }, ['--nonsense', word])
    if (parsed.command !== 'help') throw new Error(parsed.command)
    expect(parsed.text).toContain('max-clients ')
    expect(Math.max(...parsed.text.split('\n').map(line => line.length))).toBeLessThanOrEqual(130)
  })

  it.each(['--version', '-V'])('shows the version for %s', word => {
    expect(parse({ RINGCAST_PORT: 'abc' }, [word])).toEqual({ command: 'version' })
  })

  it('reports every fault at once, under the names that the user gave', () => {
    const env = {
      RINGCAST_PORT: 'abc',
      RINGCAST_MAX_CLIENT: '5',
      RINGCAST_PONG_TIMEOUT_MS: '70000',
      OTHER: 'x',
    }
    const argv = ['--prot', '9000', '--log-level=loud', '--admin-port', '--no-feed-loop=true', 'stream']
    expect(problems(() => parse(env, argv))).toEqual([
      '--prot: unknown; did you mean --port?',
      '--admin-port: needs a value',
      '--no-feed-loop: takes no value',
      'stream: unknown',
      'RINGCAST_MAX_CLIENT: unknown; did you mean RINGCAST_MAX_CLIENTS?',
      'RINGCAST_PORT=abc: must be a whole number from 0 to 65535',
      '--log-level=loud: must be trace, debug, info, warn, error, fatal or silent',
      'RINGCAST_PONG_TIMEOUT_MS=70000: must be less than RINGCAST_READ_TIMEOUT_MS (60000)',
    ])
  })

  it.each([
    [['--colour'], '--colour: unknown'],
    [['-p', '80'], '-p: unknown'],
    [['-port=80'], '-port: unknown; did you mean --port?'],
    [['--maxClients=5'], '--maxClients: unknown; did you mean --max-clients?'],
    [['--no-port'], '--no-port: unknown'],
    [['--no-feed-lop'], '--no-feed-lop: unknown; did you mean --no-feed-loop?'],
    [['--port'], '--port: needs a value'],
  ])('refuses %j', (argv, line) => {
    expect(problems(() => parse({}, argv))).toEqual([line])
  })

  it('leaves out the value of an unknown variable, which may be a secret', () => {
    expect(problems(() => parse({ RINGCAST_TOKEN: 'hunter2' }))).toEqual(['RINGCAST_TOKEN: unknown'])
  })

  it('explains the variables that Kubernetes sets for a service named ringcast', () => {
    const env = { RINGCAST_SERVICE_HOST: '10.0.0.1', RINGCAST_PORT: 'tcp://10.0.0.1:8080' }
    expect(problems(() => parse(env)).join('\n')).toContain('enableServiceLinks: false')
  })

  it('reports each fault on one line of bounded length', () => {
    const lines = problems(() => parse({ RINGCAST_PORT: 'a\nb', RINGCAST_HOST: `${'x'.repeat(500)} y` }))
    expect(lines).toHaveLength(2)
    expect(Math.max(...lines.map(line => line.length))).toBeLessThan(200)
  })

  describe('rules between settings', () => {
    it.each<[Env, string]>([
      [
        { RINGCAST_READ_TIMEOUT_MS: '30000' },
        'RINGCAST_READ_TIMEOUT_MS=30000: must be more than RINGCAST_PING_INTERVAL_MS (30000)',
      ],
      [
        { RINGCAST_PING_INTERVAL_MS: '60000' },
        'RINGCAST_PING_INTERVAL_MS=60000: must be less than RINGCAST_READ_TIMEOUT_MS (60000)',
      ],
      [
        {
          RINGCAST_PONG_TIMEOUT_MS: '9000',
          RINGCAST_READ_TIMEOUT_MS: '9000',
          RINGCAST_PING_INTERVAL_MS: '1',
        },
        'RINGCAST_PONG_TIMEOUT_MS=9000: must be less than RINGCAST_READ_TIMEOUT_MS (9000)',
      ],
      [
        { RINGCAST_SHUTDOWN_TIMEOUT_MS: '2000' },
        'RINGCAST_SHUTDOWN_TIMEOUT_MS=2000: must be more than RINGCAST_CLOSE_TIMEOUT_MS (2000)',
      ],
      [
        { RINGCAST_FRAME_RING_BYTES: '8MiB' },
        'RINGCAST_FRAME_RING_BYTES=8MiB: must be at least 64 times RINGCAST_TURN_BYTES_MAX (256KiB)',
      ],
      [
        { RINGCAST_UPSTREAM_BACKOFF_MIN_MS: '10001' },
        'RINGCAST_UPSTREAM_BACKOFF_MIN_MS=10001: must be at most RINGCAST_UPSTREAM_BACKOFF_MAX_MS (10000)',
      ],
      [
        { RINGCAST_UPSTREAM_TLS: 'true' },
        'RINGCAST_UPSTREAM_TLS=true: has no effect without RINGCAST_UPSTREAM (unset): set both or none',
      ],
      [
        { RINGCAST_UPSTREAM: 'a:1', RINGCAST_UPSTREAM_TLS_CA: '/ca.pem' },
        'RINGCAST_UPSTREAM_TLS_CA=/ca.pem: has no effect without RINGCAST_UPSTREAM_TLS (false): set both or none',
      ],
      [
        { RINGCAST_UPSTREAM: 'a:1', RINGCAST_TICK_KIND: 'side' },
        'RINGCAST_TICK_KIND=side: has no effect with RINGCAST_UPSTREAM_METHOD (batches): name a method such as acme.md.MarketData/Subscribe',
      ],
      [
        { RINGCAST_UPSTREAM: 'a:1', RINGCAST_UPSTREAM_METHOD: 'a.B/C' },
        "RINGCAST_UPSTREAM_METHOD=a.B/C: needs RINGCAST_TICK_SYMBOL (unset): set it to the path of the field that holds a tick's symbol",
      ],
      [
        { RINGCAST_TICK_SYMBOL: 'symbol', RINGCAST_UPSTREAM_METHOD: 'a.B/C' },
        'RINGCAST_UPSTREAM_METHOD=a.B/C: needs RINGCAST_UPSTREAM (unset): set it to the address of the feed',
      ],
      [
        { ...FOREIGN, RINGCAST_UPSTREAM_SYMBOLS: 'A,B' },
        'RINGCAST_UPSTREAM_SYMBOLS=A,B: has no effect with RINGCAST_UPSTREAM_METHOD (acme.md.MarketData/Subscribe): name the symbols in RINGCAST_UPSTREAM_REQUEST',
      ],
      [
        { ...TLS, RINGCAST_UPSTREAM_TLS_CERT: 'cert.pem' },
        'RINGCAST_UPSTREAM_TLS_CERT=cert.pem: has no effect without RINGCAST_UPSTREAM_TLS_KEY (unset): set both or none',
      ],
      [
        { RINGCAST_UPSTREAM_METADATA: 'authorization=secret' },
        'RINGCAST_UPSTREAM_METADATA=…: has no effect without RINGCAST_UPSTREAM (unset): set both or none',
      ],
    ])('%j', (env, line) => {
      expect(problems(() => parse(env))).toEqual([line])
    })

    it('names the other setting as it was given, or in the style of the first', () => {
      expect(
        problems(() => parse({ RINGCAST_TURN_BYTES_MAX: '2MiB' }, ['--frame-ring-bytes', '64MiB'])),
      ).toEqual(['RINGCAST_TURN_BYTES_MAX=2MiB: must be at most 1/64 of --frame-ring-bytes (64MiB)'])
      expect(problems(() => parse({}, ['--turn-bytes-max', '2MiB']))).toEqual([
        '--turn-bytes-max=2MiB: must be at most 1/64 of --frame-ring-bytes (64MiB)',
      ])
    })

    it('accepts each limit itself', () => {
      const env = {
        RINGCAST_FRAME_RING_BYTES: '16MiB',
        RINGCAST_UPSTREAM_BACKOFF_MIN_MS: '10000',
        RINGCAST_PONG_TIMEOUT_MS: '59999',
        RINGCAST_PING_INTERVAL_MS: '59999',
      }
      expect(() => parse(env)).not.toThrow()
    })

    it('are not checked for a setting that is wrong by itself', () => {
      expect(problems(() => parse({ RINGCAST_FRAME_RING_BYTES: '3MiB' }))).toHaveLength(1)
    })
  })
})

describe('settings without effect', () => {
  const REPLAY = { RINGCAST_FEED_REPLAY: 'x.csv' }
  const UPSTREAM = { RINGCAST_UPSTREAM: 'a:1' }

  it.each<[Env, string[], string[]]>([
    [
      { ...UPSTREAM, ...REPLAY },
      [],
      [
        'RINGCAST_FEED_REPLAY=x.csv: has no effect beside RINGCAST_UPSTREAM=a:1, which is read in place of the embedded feed: set one of them',
      ],
    ],
    [
      { RINGCAST_FEED_RATE: '5' },
      ['--upstream', 'a:1'],
      [
        'RINGCAST_FEED_RATE=5: has no effect beside --upstream=a:1, which is read in place of the embedded feed: set one of them',
      ],
    ],
    [
      REPLAY,
      ['--feed-seed=2', '--feed-symbols=3'],
      ['--feed-symbols=3', '--feed-seed=2'].map(
        given =>
          `${given}: has no effect beside RINGCAST_FEED_REPLAY=x.csv, which is sent in place of synthetic ticks: set one of them`,
      ),
    ],
    [
      {},
      ['--no-feed-loop'],
      ['--no-feed-loop: has no effect without --feed-replay (unset): set both or none'],
    ],
    [
      { RINGCAST_FEED_SPEED: '2' },
      ['feed'],
      ['RINGCAST_FEED_SPEED=2: has no effect without RINGCAST_FEED_REPLAY (unset): set both or none'],
    ],
    [
      {},
      ['feed', '--port', '5', '--compression', '--upstream=a:1'],
      ['--port=5', '--compression=true', '--upstream=a:1'].map(
        given => `${given}: has no effect on ringcast feed: leave it out`,
      ),
    ],
    [{}, ['--feed-listen=a:1'], ['--feed-listen=a:1: has no effect without the command feed: leave it out']],
  ])('are refused: %j %j', (env, argv, lines) => {
    expect(problems(() => parse(env, argv))).toEqual(lines)
  })

  it.each<[string, Env, string[]]>([
    ['that say the same as the default', { ...UPSTREAM, RINGCAST_FEED_RATE: '1000' }, []],
    ['that put the default back', { ...UPSTREAM, ...REPLAY }, ['--feed-replay=']],
    ['of another command in the environment', { RINGCAST_FEED_LISTEN: 'a:1' }, []],
    [
      'of the gateway in the environment of a feed',
      { ...UPSTREAM, RINGCAST_PORT: '80' },
      ['feed', '--feed-rate=5'],
    ],
    ['of a process', {}, ['feed', '--log-level=warn', '--shutdown-timeout-ms=900', '--close-timeout-ms=500']],
    ['of the upstream that hold for the embedded feed, too', { RINGCAST_UPSTREAM_METHOD: 'single' }, []],
    ['of a replay', REPLAY, ['--feed-speed=2', '--no-feed-loop', '--feed-history-ticks=1024']],
  ])('are not those %s', (_, env, argv) => {
    expect(() => parse(env, argv)).not.toThrow()
  })

  it('are reported only when their values are right', () => {
    expect(problems(() => parse({ ...UPSTREAM, RINGCAST_FEED_RATE: 'fast' }))).toEqual([
      'RINGCAST_FEED_RATE=fast: must be a whole number from 0 to 10000000',
    ])
  })
})

describe('handlerOptions', () => {
  it('has the defaults of the config, without the settings of sockets, upstream and process', () => {
    const options = handlerOptions({ maxClients: 5 }, 4)
    expect(options).toEqual({
      ...Object.fromEntries(Object.keys(options).map(key => [key, DEFAULTS[key as Key]])),
      maxClients: 5,
    })
    expect(Object.keys(options)).toHaveLength(40)
    expect(options).not.toHaveProperty('port')
    expect(options).not.toHaveProperty('logLevel')
  })

  it('works without options', () => {
    expect(handlerOptions().maxClients).toBe(1000)
    expect(handlerOptions().poolSize).toBeGreaterThanOrEqual(1)
  })

  it('reports every fault at once, unknown names included', () => {
    const wrong = {
      maxClient: 5,
      port: 80,
      maxClients: '5',
      pingIntervalMs: 1.5,
      frameRingBytes: 8 * MiB,
      poolSize: null,
    }
    const lines = problems(() => handlerOptions(wrong as object), 'option_invalid')
    expect(lines.sort()).toEqual([
      'frameRingBytes=8388608: must be at least 64 times turnBytesMax (256KiB)',
      'maxClient: unknown; did you mean maxClients?',
      'maxClients="5": must be a whole number from 1 to 100000',
      'pingIntervalMs=1.5: must be a whole number from 1 to 86400000',
      'poolSize=null: must be a whole number from 1 to 100',
      'port: unknown',
    ])
  })

  it('takes the default for undefined', () => {
    expect(handlerOptions({ maxClients: undefined } as object).maxClients).toBe(1000)
  })
})

describe('settingsTable', () => {
  it('has a row of four cells for every variable', () => {
    const rows = settingsTable()
      .split('\n')
      .filter(line => line.startsWith('| `'))
    expect(rows.map(row => /`(\w+)`/.exec(row)![1]).sort()).toEqual(KEYS.map(variable).sort())
    for (const row of rows) expect(row.split(/(?<!\\)\|/)).toHaveLength(6)
  })
})
