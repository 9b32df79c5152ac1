/** Creates the stream and the bucket, or checks those that are there. Main thread. */
import { RingcastError } from '../common/errors.js'
import { variableOf } from '../common/setting-names.js'
import {
  DiscardPolicy,
  type KV,
  Kvm,
  type NatsConnection,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from '../sources/nats/nats-js.js'
import { bucketOf, ticksSubject } from '../sources/nats/nats-options.js'
import type { StreamState, TickStream } from '../sources/nats/tick-stream.js'

export interface Retention {
  readonly maxAgeMs: number
  readonly maxBytes: number
  /** Servers that hold the stream, 1 to 5. */
  readonly replicas: number
}

const NS_PER_MS = 1_000_000
/** In which the server knows the ids of messages again. */
const DUPLICATES_NS = 120_000 * NS_PER_MS

/**
 * The stream as the settings want it. Retention and replicas of a stream that is there are changed.
 *
 * @throws RingcastError `config_invalid` when a stream of this name is no stream of a relay
 */
export async function setUpStream(stream: TickStream, retention: Retention): Promise<StreamState> {
  const { name } = stream
  const subject = ticksSubject(name)
  const limits = {
    max_age: retention.maxAgeMs * NS_PER_MS,
    max_bytes: retention.maxBytes,
    num_replicas: retention.replicas,
    // The server refuses one that is longer than the age.
    duplicate_window: Math.min(DUPLICATES_NS, retention.maxAgeMs * NS_PER_MS),
  }
  const state = await stream.state()
  if (state === undefined) {
    return await stream.create({
      name,
      subjects: [subject],
      retention: RetentionPolicy.Limits,
      discard: DiscardPolicy.Old,
      storage: StorageType.File,
      ...limits,
    })
  }
  const problem = problemOf(state.config, subject)
  if (problem !== undefined) {
    throw new RingcastError(
      'config_invalid',
      `${variableOf('natsStream')}=${name}: the server has a stream of this name that ${problem}: delete it, or name another one`,
    )
  }
  const isAsWanted = Object.entries(limits).every(
    ([key, value]) => state.config[key as keyof typeof limits] === value,
  )
  return isAsWanted ? state : await stream.update({ ...state.config, ...limits })
}

/** The bucket of the lease and of the schema. */
export async function setUpBucket(connection: NatsConnection, stream: string, replicas: number): Promise<KV> {
  // Direct reads may come from a replica that is behind.
  return await new Kvm(connection).create(bucketOf(stream), { history: 1, replicas, allow_direct: false })
}

function problemOf(config: StreamConfig, subject: string): string | undefined {
  const { discard, retention, sealed, subjects } = config
  if (subjects.length !== 1 || subjects[0] !== subject) return `does not have the one subject ${subject}`
  if (retention !== RetentionPolicy.Limits) return `has the retention ${retention}, not limits`
  if (discard !== DiscardPolicy.Old) return `has the discard policy ${discard}, not old`
  if (sealed === true) return 'is sealed'
  return undefined
}
