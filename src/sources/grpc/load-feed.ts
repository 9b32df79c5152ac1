/**
 * Loads what a feed of another schema is called and read with: from a file of its types, or by its reflection.
 * Main thread.
 */
import { RingcastError } from '../../common/errors.js'
import type { protobuf } from '../../common/protobufjs.js'
import { checkOptions, type OptionRule } from '../../config/option-check.js'
import {
  checkForeignFeed,
  type FeedFault,
  type ForeignFeed,
  type LoadedFeed,
} from '../schema/foreign-feed.js'
import type { MappingPaths } from '../schema/mapping-check.js'
import { loadTypesFile } from '../schema/types-file.js'
import { callRules } from './call-rules.js'
import type { Tls } from './grpc-credentials.js'
import type { CallMetadata } from './grpc-target.js'
import { reflectedTypes } from './reflected-types.js'
import { ReflectionFailure } from './reflection-stream.js'

export type { LoadedFeed }

/** Where the types of a feed are. */
export interface TypesOptions {
  /** 'host:port'. Called only without `proto`. */
  readonly target: string
  /** Default false. */
  readonly tls?: Tls
  readonly metadata?: CallMetadata
  /** See GrpcSourceOptions. Default true. */
  readonly proxy?: boolean
  /** Path of a `.proto` file or a descriptor set. Default: the feed is asked by gRPC server reflection. */
  readonly proto?: string | undefined
  /** Ends the call to the feed. */
  readonly signal?: AbortSignal | undefined
}

export interface LoadFeedOptions extends TypesOptions, ForeignFeed {}

export type OptionName = FeedFault['option'] | 'proto'

const WINDOW_BYTES = 1024 * 1024

const isText = (value: unknown) => typeof value === 'string'
const rules: Readonly<Record<keyof LoadFeedOptions, OptionRule>> = {
  ...callRules,
  method: {
    rule: 'must be the name of a method, such as acme.md.MarketData/Subscribe',
    isRequired: true,
    holds: value => typeof value === 'string' && /^\/?[\w.]+\/\w+$/.test(value),
  },
  request: {
    rule: "must be an object, JSON of the request's protobuf message",
    holds: value => typeof value === 'object' && value !== null && !Array.isArray(value),
  },
  mapping: {
    rule: 'must be an object of paths with at least a symbol, such as { symbol: "header.symbol" }',
    isRequired: true,
    holds: isMapping,
  },
  proto: { rule: 'must be the path of a file', holds: isText },
  signal: { rule: 'must be an AbortSignal', holds: value => value instanceof AbortSignal },
}
const MAPPING_KEYS: ReadonlySet<string> = new Set<keyof MappingPaths>([
  'repeated',
  'symbol',
  'kind',
  'time',
  'sequence',
  'position',
])

/**
 * @param nameOf how the user knows an option, for messages
 * @throws RingcastError `option_invalid` or `schema_invalid`, with one line for each fault; `feed_unreachable` when the
 *   feed did not reply
 */
export async function loadFeed(
  options: LoadFeedOptions,
  nameOf: (option: OptionName) => string = option => option,
): Promise<LoadedFeed> {
  checkOptions(options, rules, 'the options of loadFeed')
  const [service] = options.method.replace(/^\//, '').split('/')
  return feedOfTypes(await loadTypes(options, service, nameOf('proto')), options, nameOf)
}

/** @throws RingcastError `schema_invalid`, with one line for each fault */
export function feedOfTypes(
  types: protobuf.Root,
  foreign: ForeignFeed,
  nameOf: (option: OptionName) => string,
): LoadedFeed {
  const { feed, faults } = checkForeignFeed(types, foreign)
  if (feed !== undefined) return feed
  const lines = faults.map(({ option, given, problem }) => `${named(nameOf(option), given)}: ${problem}`)
  throw new RingcastError('schema_invalid', lines.join('\n'))
}

/**
 * @param service the service that reflection is asked for; undefined: all
 * @param protoName how the user knows the option `proto`
 * @throws RingcastError as `loadFeed`
 */
export async function loadTypes(
  options: TypesOptions,
  service: string | undefined,
  protoName: string,
): Promise<protobuf.Root> {
  const { target, tls = false, metadata = {}, proxy = true, proto, signal } = options
  try {
    if (proto !== undefined) return loadTypesFile(proto)
    const callTarget = { target, tls, metadata, proxy, windowBytes: WINDOW_BYTES, keepaliveMs: 0 }
    return await reflectedTypes(callTarget, service, signal)
  } catch (cause) {
    if (cause instanceof ReflectionFailure) {
      const message = `the feed at ${target} does not tell its types: ${cause.message}`
      throw new RingcastError('feed_unreachable', message, { cause })
    }
    if (!(cause instanceof RingcastError)) throw cause
    throw new RingcastError(cause.code, `${named(protoName, proto)}: ${cause.message}`, { cause })
  }
}

function isMapping(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const entries = Object.entries(value).filter(([, path]) => path !== undefined)
  return 'symbol' in value && entries.every(([key, path]) => MAPPING_KEYS.has(key) && isText(path))
}

function named(name: string, given: string | undefined): string {
  return given === undefined ? name : `${name}=${given}`
}
