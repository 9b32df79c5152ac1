/**
 * The rules between two settings. Any thread. Pure.
 * A broken rule is reported on the setting that the user gave, so each rule is worded from both sides.
 */
import { variableOf } from '../common/setting-names.js'
import { isForeignMethod } from './feed-setting-types.js'
import type { Config } from './settings.js'

type Key = keyof Config

export interface Relation {
  readonly first: Key
  readonly second: Key
  /** Called only when each value is right by itself. */
  holds(first: unknown, second: unknown): boolean
  /** The end of a sentence about the first setting. `second` is the name of the other with its value. */
  firstMust(second: string): string
  secondMust(first: string): string
}

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

const atMost = (first: Key, second: Key, divisor = 1): Relation => ({
  first,
  second,
  holds: (a, b) => (a as number) * divisor <= (b as number),
  firstMust: other => `must be at most ${divisor === 1 ? '' : `1/${divisor} of `}${other}`,
  secondMust: other => `must be at least ${divisor === 1 ? '' : `${divisor} times `}${other}`,
})

const needs = (first: Key, second: Key): Relation => ({
  first,
  second,
  holds: (a, b) => a === undefined || a === false || (b !== undefined && b !== false),
  firstMust: other => `has no effect without ${other}: set both or none`,
  secondMust: other => `must be set because of ${other}`,
})

/** A setting for feeds of another schema. */
const needsForeignMethod = (first: Key): Relation => ({
  first,
  second: 'upstreamMethod',
  holds: (a, method) => a === undefined || isForeignMethod(method),
  firstMust: other => `has no effect with ${other}: name a method such as acme.md.MarketData/Subscribe`,
  secondMust: other => `must be a method such as acme.md.MarketData/Subscribe because of ${other}`,
})

/** A setting that a method of another schema cannot do without. */
const foreignMethodNeeds = (second: Key, what: string): Relation => ({
  first: 'upstreamMethod',
  second,
  holds: (method, b) => !isForeignMethod(method) || b !== undefined,
  firstMust: other => `needs ${other}: set it to ${what}`,
  secondMust: other => `must be ${what} because of ${other}`,
})

/** A setting of tokens. */
const needsTokens = (first: Key): Relation => ({
  first,
  second: 'auth',
  holds: (a, auth) => a === undefined || (Array.isArray(a) && a.length === 0) || auth === 'jwt',
  firstMust: () => `has no effect without ${variableOf('auth')}=jwt`,
  secondMust: other => `must be jwt because of ${other}`,
})

const relations: readonly Relation[] = [
  {
    first: 'upstreamMode',
    second: 'upstreamMethod',
    holds: (mode, method) => mode !== 'both' || !isForeignMethod(method),
    firstMust: other =>
      `needs positions and an epoch, which ringcast.v1.TickFeed has, and not ${other}: leave it out`,
    secondMust: other => `must be of ringcast.v1.TickFeed because of ${other}`,
  },
  {
    first: 'processes',
    second: 'upstreamMethod',
    holds: (processes, method) => (processes as number) === 1 || !isForeignMethod(method),
    firstMust: other =>
      `needs a feed with positions and an epoch, so that all processes number the ticks alike, and not ${other}: leave it out`,
    secondMust: other => `must be of ringcast.v1.TickFeed because of ${other}`,
  },
  // Otherwise a client that only listens is closed before its pong can prove it alive.
  less('pingIntervalMs', 'readTimeoutMs'),
  less('pongTimeoutMs', 'readTimeoutMs'),
  // Otherwise the process is ended while close handshakes are under way.
  less('closeTimeoutMs', 'shutdownTimeoutMs'),
  // A ring that a few turns fill leaves a slow client nothing to catch up from.
  atMost('turnBytesMax', 'frameRingBytes', 64),
  // A tick that passes the bound of a turn goes into the same run of frames.
  atMost('tickBytesMax', 'turnBytesMax'),
  // A record of the tick log is at most an eighth of it.
  atMost('tickBytesMax', 'tickLogBytes', 16),
  atMost('upstreamBackoffMinMs', 'upstreamBackoffMaxMs'),
  needsTokens('authSecretFile'),
  needsTokens('authJwks'),
  needsTokens('authIssuer'),
  needsTokens('authAudience'),
  {
    first: 'authSecretFile',
    second: 'authJwks',
    holds: (secret, keys) => secret === undefined || keys === undefined,
    firstMust: other => `excludes ${other}: set one of them`,
    secondMust: other => `excludes ${other}: set one of them`,
  },
  {
    first: 'proxyProtocol',
    second: 'trustedProxies',
    holds: (isOn, proxies) => isOn === false || (proxies as unknown[]).length > 0,
    firstMust: other => `needs ${other}: name the proxies that may connect`,
    secondMust: other => `must name the proxies because of ${other}`,
  },
  needs('tlsCert', 'tlsKey'),
  needs('tlsKey', 'tlsCert'),
  needs('tlsClientCa', 'tlsCert'),
  // The embedded feed speaks no TLS. Certificates for a call without TLS are a mistake.
  needs('upstreamTls', 'upstream'),
  needs('upstreamTlsCa', 'upstreamTls'),
  needs('upstreamTlsCert', 'upstreamTls'),
  needs('upstreamTlsCert', 'upstreamTlsKey'),
  needs('upstreamTlsKey', 'upstreamTlsCert'),
  needs('upstreamTlsServerName', 'upstreamTls'),
  needs('upstreamMetadata', 'upstream'),
  needs('natsCredentials', 'nats'),
  needs('natsTlsCa', 'nats'),
  needs('natsTlsCert', 'natsTlsKey'),
  needs('natsTlsKey', 'natsTlsCert'),
  needs('natsTlsKey', 'nats'),
  foreignMethodNeeds('upstream', 'the address of the feed'),
  foreignMethodNeeds('tickSymbol', "the path of the field that holds a tick's symbol"),
  needsForeignMethod('upstreamProto'),
  needsForeignMethod('upstreamRequest'),
  needsForeignMethod('tickRepeated'),
  needsForeignMethod('tickSymbol'),
  needsForeignMethod('tickKind'),
  needsForeignMethod('tickTime'),
  needsForeignMethod('tickSequence'),
  needsForeignMethod('tickPosition'),
  {
    first: 'upstreamSymbols',
    second: 'upstreamMethod',
    holds: (symbols, method) => (symbols as unknown[]).length === 0 || !isForeignMethod(method),
    firstMust: other => `has no effect with ${other}: name the symbols in ${variableOf('upstreamRequest')}`,
    secondMust: other =>
      `has a request of its own, so ${other} has no effect: name the symbols in the request`,
  },
]

/** The broken rules between settings that both have a value in `values`. */
export function brokenRelations(values: ReadonlyMap<string, unknown>): BrokenRelation[] {
  return relations
    .filter(({ first, second }) => values.has(first) && values.has(second))
    .map(relation => ({
      relation,
      firstValue: values.get(relation.first),
      secondValue: values.get(relation.second),
    }))
    .filter(({ relation, firstValue, secondValue }) => !relation.holds(firstValue, secondValue))
}
