/**
 * Loads what a feed of another schema is called and read with: from a file of its types, or by its reflection.
 * Main thread.
 */
import { RingcastError } from '../../common/errors.js'
import type { protobuf } from '../../common/protobufjs.js'
import {
  checkForeignFeed,
  type FeedFault,
  type ForeignFeed,
  type LoadedFeed,
} from '../schema/foreign-feed.js'
import { loadTypesFile } from '../schema/types-file.js'
import type { Tls } from './grpc-credentials.js'
import type { CallMetadata } from './grpc-target.js'
import { reflectedTypes } from './reflected-types.js'
import { ReflectionFailure } from './reflection-stream.js'

export type { LoadedFeed }

export interface LoadFeedOptions extends ForeignFeed {
  /** 'host:port'. Called only without `proto`. */
  readonly target: string
  /** Default false. */
  readonly tls?: Tls
  readonly metadata?: CallMetadata
  /** Path of a `.proto` file or a descriptor set. Default: the feed is asked by gRPC server reflection. */
  readonly proto?: string | undefined
  /** Ends the call to the feed. */
  readonly signal?: AbortSignal | undefined
}

type OptionName = FeedFault['option'] | 'proto'

const WINDOW_BYTES = 1024 * 1024

/**
 * @param nameOf how the user knows an option, for messages
 * @throws RingcastError `schema_invalid`, with one line for each fault; `feed_unreachable` when the feed did not answer
 */
export async function loadFeed(
  options: LoadFeedOptions,
  nameOf: (option: OptionName) => string = option => option,
): Promise<LoadedFeed> {
  const { feed, faults } = checkForeignFeed(await typesOf(options, nameOf('proto')), options)
  if (feed !== undefined) return feed
  const lines = faults.map(({ option, given, problem }) => `${named(nameOf(option), given)}: ${problem}`)
  throw new RingcastError('schema_invalid', lines.join('\n'))
}

async function typesOf(options: LoadFeedOptions, protoName: string): Promise<protobuf.Root> {
  const { target, tls = false, metadata = {}, method, proto, signal } = options
  try {
    if (proto !== undefined) return loadTypesFile(proto)
    const [service] = method.replace(/^\//, '').split('/')
    const callTarget = { target, tls, metadata, windowBytes: WINDOW_BYTES, keepaliveMs: 0 }
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

function named(name: string, given: string | undefined): string {
  return given === undefined ? name : `${name}=${given}`
}
