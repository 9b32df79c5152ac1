/**
 * The rules between two settings. Any thread. Pure.
 * A broken rule is reported on the setting that the user gave, so each rule is worded from both sides.
 */
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

const relations: readonly Relation[] = [
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
  // The embedded feed speaks no TLS. Certificates for a call without TLS are a mistake.
  needs('upstreamTls', 'upstream'),
  needs('upstreamTlsCa', 'upstreamTls'),
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
