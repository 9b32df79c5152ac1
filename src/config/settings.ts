/**
 * Every setting of Ringcast, once: variables, flags, --help, docs/settings.md and the types come from here. Any thread.
 * Each value is checked by itself, and the rules between settings by `withRelations`.
 */
import { z } from 'zod'
import { LOG_LEVELS } from '../common/log.js'
import {
  byteSize,
  choice,
  decimal,
  duration,
  filePath,
  flag,
  host,
  listenAddress,
  powerOfTwo,
  remoteAddress,
  ringSize,
  symbols,
  whole,
  wholeOfMachine,
} from './setting-types.js'
import { GiB, KiB, MiB, millisecondsText, secondsText } from './units.js'

const listening = {
  host: host('Address on which to accept WebSocket clients; 0.0.0.0 and :: mean all', { initial: '0.0.0.0' }),
  port: whole('Port for WebSocket clients; 0: any free one', { min: 0, max: 65_535, initial: 8080 }),
}

const clients = {
  maxClients: whole('Most clients at a time; any more are refused with 503', {
    min: 1,
    max: 100_000,
    initial: 1000,
  }),
  maxSymbolsPerClient: whole('Most symbols and prefixes that one client may have', {
    min: 1,
    max: 100_000,
    initial: 1000,
  }),
  maxCommandsPerSecond: whole('Most messages that one client may send in a second, pings included', {
    min: 1,
    max: 100_000,
    initial: 50,
  }),
  maxMessageBytes: byteSize('Longest message that a client may send', {
    min: 256,
    max: MiB,
    initial: 16 * KiB,
  }),
  compression: flag('Compress ticks for clients that offer permessage-deflate', { initial: false }),
  compressionMinBytes: byteSize('Shortest message that is compressed', {
    min: 0,
    max: 16 * MiB,
    initial: KiB,
  }),
  compressionLevel: whole('Effort of compression: 1 takes the least time, 9 leaves the fewest bytes', {
    min: 1,
    max: 9,
    initial: 6,
  }),
  retryAfterS: whole('Retry-After header of a 503, in seconds', {
    min: 0,
    max: 86_400,
    initial: 5,
    form: secondsText,
  }),
}

const timeouts = {
  pingIntervalMs: duration('How often each client is pinged', { initial: 30_000 }),
  pongTimeoutMs: duration('How long a client may take to answer a ping', { initial: 10_000 }),
  readTimeoutMs: duration('How long a client may send nothing at all, not even pongs', { initial: 60_000 }),
  writeTimeoutMs: duration('How long a client may accept no bytes before it is closed as a slow consumer', {
    initial: 10_000,
  }),
  sweepIntervalMs: duration('How often to look for clients whose connection died without an event', {
    initial: 300_000,
  }),
  closeTimeoutMs: duration('How long a close handshake may take', { initial: 2000 }),
}

const lanes = {
  poolSize: wholeOfMachine('Lanes: worker threads that decode, encode and frame ticks', {
    min: 1,
    max: 100,
    defaultText: 'processors - 1, at least 1',
  }),
  queueSize: whole('Ticks that the slowest lane may be behind before the feed is paused', {
    min: 1,
    max: 16_777_216,
    initial: 16_384,
  }),
  tickLogBytes: ringSize('Size of the tick log, which replacement lanes and resuming clients read', {
    min: 64 * KiB,
    max: GiB,
    initial: 64 * MiB,
  }),
  frameRingBytes: ringSize('Size of the frame ring of each lane, from which slow clients catch up', {
    min: 64 * KiB,
    max: GiB,
    initial: 64 * MiB,
  }),
  latestBytes: byteSize('Memory of each lane for latest ticks, for snapshots and delivery=latest', {
    min: 64 * KiB,
    max: GiB,
    initial: 16 * MiB,
  }),
  turnBytesMax: byteSize('Most bytes that a lane collects for one audience before it publishes them', {
    min: KiB,
    max: 16 * MiB,
    initial: 256 * KiB,
  }),
  passBudgetMs: whole('How long the transmitter may hold the event loop at a time', {
    min: 1,
    max: 1000,
    initial: 4,
    form: millisecondsText,
  }),
  gatherMs: whole('How long ticks are held back when one write for each would cost too much; 0: never', {
    min: 0,
    max: 1000,
    initial: 20,
    form: millisecondsText,
  }),
  laneHangTimeoutMs: duration('How long a lane that has work may make no progress before it is replaced', {
    initial: 5000,
    min: 100,
  }),
}

const upstream = {
  upstream: remoteAddress('Feed to read, as host:port; unset: the embedded feed'),
  upstreamMethod: choice('Method of the feed to call first; the other one is called if the feed lacks it', {
    of: ['batches', 'single'],
    initial: 'batches',
  }),
  upstreamSymbols: symbols('Symbols to ask the feed for; unset: all'),
  upstreamTls: flag('Call the feed over TLS', { initial: false }),
  upstreamTlsCa: filePath('File of certificates (PEM) to trust for the feed; unset: those of Node'),
  upstreamWindowBytes: byteSize('HTTP/2 flow control window: bytes that the feed may send ahead', {
    min: 64 * KiB,
    max: GiB,
    initial: 4 * MiB,
  }),
  upstreamKeepaliveMs: duration('How often to probe the connection to the feed', { initial: 20_000 }),
  upstreamStallTimeoutMs: duration(
    'How long the feed may send nothing before it is called again; 0: for ever',
    {
      initial: 30_000,
      min: 0,
    },
  ),
  upstreamBackoffMinMs: duration(
    'Upper bound of the wait after the first failed call; it doubles with each failure',
    { initial: 100 },
  ),
  upstreamBackoffMaxMs: duration('Upper bound of the wait after any failed call', { initial: 10_000 }),
}

const feed = {
  feedListen: listenAddress('Where `ringcast feed` listens', { initial: 'localhost:50051' }),
  feedSymbols: whole('Symbols of the synthetic feed', { min: 1, max: 10_000, initial: 50 }),
  feedRate: whole('Mean ticks per second of the synthetic feed, in bursts; 0: as fast as they are read', {
    min: 0,
    max: 10_000_000,
    initial: 1000,
  }),
  feedSeed: whole('Seed of the synthetic feed: the same seed, the same ticks', {
    min: 0,
    max: 4_294_967_295,
    initial: 1,
  }),
  feedReplay: filePath('Recorded ticks (CSV, gzip or not) to replay; unset: synthetic ticks'),
  feedSpeed: decimal('Speed of the replay: 1 as recorded, 2 twice as fast, 0 as fast as it is read', {
    min: 0,
    max: 1_000_000,
    initial: 1,
  }),
  feedLoop: flag('Begin the replay anew at its end', { initial: true }),
  feedHistoryTicks: powerOfTwo('Ticks that the feed keeps for readers that reconnect', {
    min: 1024,
    max: 16_777_216,
    initial: 262_144,
  }),
}

const admin = {
  adminHost: host('Address for health checks and metrics', { initial: '127.0.0.1' }),
  adminPort: whole('Port for health checks and metrics; 0: any free one', {
    min: 0,
    max: 65_535,
    initial: 9090,
  }),
}

const ofProcess = {
  logLevel: choice('Least important log lines to print', {
    of: LOG_LEVELS,
    initial: 'info',
  }),
  shutdownTimeoutMs: duration('How long an orderly stop may take', { initial: 10_000 }),
}

export const feedKeys: readonly string[] = Object.keys(feed)
export const processKeys: readonly string[] = Object.keys(ofProcess)

/** In the order of --help. */
export const settingGroups: readonly { title: string; settings: Readonly<Record<string, z.ZodType>> }[] = [
  { title: 'Clients', settings: { ...listening, ...clients } },
  { title: 'Timeouts', settings: timeouts },
  { title: 'Lanes and memory', settings: lanes },
  { title: 'Upstream', settings: upstream },
  { title: 'Embedded feed', settings: feed },
  { title: 'Admin', settings: admin },
  { title: 'Process', settings: ofProcess },
]

const handlerShape = { ...clients, ...timeouts, ...lanes }
const configShape = { ...listening, ...handlerShape, ...upstream, ...feed, ...admin, ...ofProcess }

type Key = keyof typeof configShape

/** A rule between two settings. It is told of the setting that the user set, so it is worded from both sides. */
export interface Relation {
  readonly first: Key
  readonly second: Key
  /** Asked only when both values are right by themselves. */
  holds(first: unknown, second: unknown): boolean
  /** What the first must be; `second` is the other's name with its value. */
  firstMust(second: string): string
  secondMust(first: string): string
}

/** What the zod issue of a broken relation carries as its `params`. */
export interface BrokenRelation {
  readonly relation: Relation
  readonly firstValue: unknown
  readonly secondValue: unknown
}

const less = (first: Key, second: Key): Relation => ({
  first,
  second,
  holds: (a, b) => (a as number) < (b as number),
  firstMust: other => `must be less than ${other}`,
  secondMust: other => `must be more than ${other}`,
})

const atMost = (first: Key, second: Key, part = 1): Relation => ({
  first,
  second,
  holds: (a, b) => (a as number) * part <= (b as number),
  firstMust: other => `must be at most ${part === 1 ? '' : `1/${part} of `}${other}`,
  secondMust: other => `must be at least ${part === 1 ? '' : `${part} times `}${other}`,
})

const needs = (first: Key, second: Key): Relation => ({
  first,
  second,
  holds: (a, b) => a === undefined || a === false || (b !== undefined && b !== false),
  firstMust: other => `has no effect without ${other}: set both or none`,
  secondMust: other => `must be set because of ${other}`,
})

const relations: readonly Relation[] = [
  // Otherwise a client that only listens is cut off before its pong can prove it alive.
  less('pingIntervalMs', 'readTimeoutMs'),
  less('pongTimeoutMs', 'readTimeoutMs'),
  // Otherwise the process is killed while clients are still saying goodbye.
  less('closeTimeoutMs', 'shutdownTimeoutMs'),
  // A client's commands travel in the tick log, between the ticks.
  atMost('maxMessageBytes', 'tickLogBytes', 4),
  // A ring that few turns fill leaves a slow client nothing to catch up from.
  atMost('turnBytesMax', 'frameRingBytes', 64),
  atMost('upstreamBackoffMinMs', 'upstreamBackoffMaxMs'),
  // The embedded feed speaks no TLS, and certificates for a plain-text call are a mistake worth stopping at.
  needs('upstreamTls', 'upstream'),
  needs('upstreamTlsCa', 'upstreamTls'),
]

function withRelations<S extends z.ZodObject>(schema: S): S {
  return schema.superRefine(
    (values, context) => {
      const wrong = new Set(context.issues.map(issue => issue.path?.[0]))
      for (const relation of relations) {
        const { first, second } = relation
        if (!(first in schema.shape && second in schema.shape)) continue
        if (wrong.has(first) || wrong.has(second)) continue
        const broken: BrokenRelation = { relation, firstValue: values[first], secondValue: values[second] }
        if (relation.holds(broken.firstValue, broken.secondValue)) continue
        context.addIssue({ code: 'custom', path: [first], params: broken })
      }
    },
    // Without this zod skips relations as soon as any value is wrong, and the user would find out in two rounds.
    { when: () => true },
  )
}

export const configSchema = withRelations(z.strictObject(configShape))
export const handlerSchema = withRelations(z.strictObject(handlerShape))

type Filled<T> = { readonly [K in keyof T]-?: T[K] }

/** Every setting with its value. Durations are in milliseconds, sizes in bytes; `undefined` where unset. */
export type Config = Filled<z.output<typeof configSchema>>

/** The settings that a user of the library gives, filled. */
export type HandlerOptions = Filled<z.output<typeof handlerSchema>>
