/**
 * Every setting of Ringcast. Any thread.
 * Variables, flags, --help, docs/settings.md and the types are made from this file. Rules between two settings stand
 * in setting-relations.ts.
 */
import { accessSettings, tokenSettings } from './access-settings.js'
import { adminSettings } from './admin-settings.js'
import { embeddedFeedSettings } from './embedded-feed-settings.js'
import { feedMethod, fieldPath, jsonOrFile, metadataOrFile, timePath } from './feed-setting-types.js'
import { historySettings, natsSettings, relaySettings } from './nats-settings.js'
import { drain, ofProcess } from './process-settings.js'
import {
  byteSize,
  choice,
  duration,
  filePath,
  flag,
  host,
  hostOrUnset,
  remoteAddresses,
  ringSize,
  type Setting,
  symbols,
  type ValueOf,
  whole,
  wholeOfMachine,
  wholeOrAuto,
  wholeOrUnset,
} from './setting-types.js'
import { GiB, KiB, MiB, millisecondsText, secondsText } from './units.js'

const listening = {
  host: host('Address on which to accept clients; :: means all, 0.0.0.0 all of IPv4', { initial: '::' }),
  port: whole('Port for WebSocket clients; 0: any free one', { min: 0, max: 65_535, initial: 8080 }),
  demo: choice('Serve a page with prices at / of that port; auto: with the embedded feed', {
    of: ['auto', 'true', 'false'],
    initial: 'auto',
  }),
  processes: wholeOrAuto('Gateways on this port, a process each; auto: one for two processors', {
    min: 1,
    max: 64,
    initial: 1,
  }),
  proxyProtocol: flag('Connections begin with the PROXY protocol, version 1 or 2, of a trusted proxy', {
    initial: false,
  }),
  tlsCert: filePath('File of the certificates (PEM) to serve clients over TLS; read again when it changes'),
  tlsKey: filePath('File of the private key (PEM) of that certificate'),
  tlsClientCa: filePath(
    'File of certificates (PEM): clients need a certificate that one of these has signed',
  ),
  maxPendingConnections: wholeOrUnset(
    'Connections not yet clients; the next ends the oldest; unset: max clients, at least 1000',
    { min: 1, max: 100_000 },
  ),
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
  subscriptionsMax: whole('Most symbols and prefixes that all clients together may have', {
    min: 1,
    max: 10_000_000,
    initial: 120_000,
  }),
  maxCommandsPerSecond: whole('Most messages that one client may send in a second, pings included', {
    min: 1,
    max: 100_000,
    initial: 50,
  }),
  clientWorkPerSecond: byteSize('Work that one client may ask for in a second, as docs/limits.md counts it', {
    min: KiB,
    max: GiB,
    initial: 128 * KiB,
  }),
  addressWorkPerSecond: byteSize('Work that all clients of one address may ask for in a second', {
    min: KiB,
    max: GiB,
    initial: 256 * KiB,
  }),
  totalWorkPerSecond: byteSize('Work that all clients together may ask for in a second', {
    min: KiB,
    max: GiB,
    initial: 2 * MiB,
  }),
  maxMessageBytes: byteSize('Longest message that a client may send', {
    min: 256,
    max: MiB,
    // A subscribe of 1,000 symbols of any length fits.
    initial: 80 * KiB,
  }),
  connectionsPerSecond: whole('Clients let in in a second; more wait, up to 10 s, or get a 503', {
    min: 1,
    max: 100_000,
    initial: 200,
  }),
  clientMaxAgeMs: duration('Age at which a client is sent away, 10 % more or less; 0: none', {
    initial: 0,
    min: 0,
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
  retryAfterS: whole('Least Retry-After of a 429 or 503, in seconds; up to twice, more under load', {
    min: 0,
    max: 86_400,
    initial: 5,
    form: secondsText,
  }),
  ...historySettings,
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
    // Of all symbols that a lane remembers, with two kinds each. The system hands out the memory as symbols come.
    initial: 48 * MiB,
  }),
  tickBytesMax: byteSize('Longest tick of the feed; a longer one is told as lost, as malformed', {
    min: KiB,
    max: 64 * KiB,
    initial: KiB,
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
    initial: 1500,
    min: 100,
  }),
}

const upstream = {
  upstream: remoteAddresses(
    'Feed to read, as host:port, or several endpoints of it; unset: the embedded feed',
  ),
  upstreamMode: choice('With several endpoints: the first that answers, or all of them at once', {
    of: ['failover', 'both'],
    initial: 'failover',
  }),
  upstreamMethod: feedMethod('Method of the feed to call; batches and single stand in for one another'),
  upstreamSymbols: symbols('Symbols to ask the feed for; unset: all'),
  upstreamTls: flag('Call the feed over TLS', { initial: false }),
  upstreamTlsCa: filePath('File of certificates (PEM) to trust for the feed; unset: those of Node'),
  upstreamTlsCert: filePath('File of the certificate (PEM) that the gateway shows to the feed (mTLS)'),
  upstreamTlsKey: filePath('File of the private key (PEM) of that certificate'),
  upstreamTlsServerName: hostOrUnset('Name in the certificate of the feed; unset: the host of the feed'),
  upstreamMetadata: metadataOrFile('Metadata to send with each call, such as a token; never logged'),
  upstreamWindowBytes: byteSize('HTTP/2 flow control window: bytes that the feed may send ahead', {
    min: 64 * KiB,
    max: GiB,
    initial: 4 * MiB,
  }),
  upstreamKeepaliveMs: duration('How often to ping the feed; many feeds forbid less than 300000', {
    initial: 330_000,
  }),
  upstreamProxy: flag('Reach the feed through the proxy that grpc_proxy, https_proxy or http_proxy names', {
    initial: true,
  }),
  upstreamStallTimeoutMs: duration(
    'For a feed that is never silent: silence after which it is called again; 0: none',
    { initial: 0, min: 0 },
  ),
  upstreamBackoffMinMs: duration(
    'Upper bound of the wait after the first failed call; it doubles with each failure',
    { initial: 100 },
  ),
  upstreamBackoffMaxMs: duration('Upper bound of the wait after any failed call', { initial: 10_000 }),
}

const schema = {
  upstreamProto: filePath(
    'Types of the feed: a .proto file or a descriptor set; unset: by gRPC server reflection',
  ),
  upstreamRequest: jsonOrFile('Request of the call, as JSON of its protobuf message; unset: an empty one'),
  tickRepeated: fieldPath('Repeated field that holds ticks; unset: a message is a tick'),
  tickSymbol: fieldPath('Field of a tick that holds its symbol; the paths of this group begin at the tick'),
  tickKind: fieldPath('Enum, string or oneof that tells the kind of a tick; unset: all are of one kind'),
  tickTime: timePath('When the tick was made: an integer, a string of one, or a google.protobuf.Timestamp'),
  tickSequence: fieldPath('Integer, or string of one, that rises per symbol and kind'),
  tickPosition: fieldPath('Integer that counts all ticks of the feed without holes, see docs/feed.md'),
}

export const feedKeys: readonly string[] = Object.keys(embeddedFeedSettings)
export const processKeys: readonly string[] = Object.keys(ofProcess)
/** What a gateway that reads a stream does not use. */
export const upstreamKeys: readonly string[] = Object.keys({ ...upstream, ...schema })
export const relayKeys: readonly string[] = Object.keys(relaySettings)
/** What `ringcast relay` uses. */
export const relayCommandKeys: readonly string[] = [
  ...upstreamKeys,
  ...Object.keys({ ...natsSettings, ...relaySettings, ...adminSettings, ...ofProcess }),
  'tickBytesMax',
]

/** The settings that a user of the library may give. */
export const handlerSettings = { ...clients, ...accessSettings, ...timeouts, ...lanes }
export const configSettings = {
  ...listening,
  ...tokenSettings,
  ...handlerSettings,
  ...upstream,
  ...schema,
  ...natsSettings,
  ...relaySettings,
  ...embeddedFeedSettings,
  ...adminSettings,
  ...drain,
  ...ofProcess,
}

export type SettingTable = Readonly<Record<string, Setting>>

/** In the order of --help. */
export const settingGroups: readonly { title: string; settings: SettingTable }[] = [
  { title: 'Clients', settings: { ...listening, ...clients } },
  { title: 'Access', settings: { ...tokenSettings, ...accessSettings } },
  { title: 'Timeouts', settings: timeouts },
  { title: 'Lanes and memory', settings: lanes },
  { title: 'Upstream', settings: upstream },
  { title: 'Upstream of another schema', settings: schema },
  { title: 'NATS', settings: natsSettings },
  { title: 'Relay', settings: relaySettings },
  { title: 'Embedded feed', settings: embeddedFeedSettings },
  { title: 'Admin', settings: adminSettings },
  { title: 'Process', settings: { ...drain, ...ofProcess } },
]

/** The value of each setting of a table. */
export type ValuesOf<S extends SettingTable> = { readonly [K in keyof S]: ValueOf<S[K]> }

/** Every setting with its value. Durations are in milliseconds, sizes in bytes; `undefined`: unset. */
export type Config = ValuesOf<typeof configSettings>

/** The value of each setting that a user of the library may give. */
export type HandlerOptions = ValuesOf<typeof handlerSettings>
