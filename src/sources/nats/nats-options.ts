/** How a server of NATS is reached, and which stream is meant. Main thread. */
import type { Clock } from '../../common/clock.js'

/** Certificates and keys are in PEM. */
export interface NatsTls {
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
}

export interface NatsOptions {
  /** URLs, such as nats://host:4222, of servers of one cluster. They may hold a name and a password, or a token. */
  readonly servers: readonly string[]
  /** Name of the stream, and how subjects and the bucket begin. */
  readonly stream: string
  /** What the connection is called in the lists of the server. */
  readonly name: string
  /** Of a file of credentials (JWT and seed). */
  readonly credentials?: Uint8Array | undefined
  /** undefined: TLS where the server offers it or a URL begins with tls://, with the certificates that Node trusts. */
  readonly tls?: NatsTls | undefined
  readonly clock: Clock
  readonly log: NatsLog
}

/** Takes what an operator must know of NATS. */
export interface NatsLog {
  info(message: string): void
  warn(message: string): void
}

/** The subject of all that a relay writes into the stream, one after the other. */
export function ticksSubject(stream: string): string {
  return `${stream}.ticks`
}

/** The subject on which the active relay says that it lives. Not stored. */
export function aliveSubject(stream: string): string {
  return `${stream}.relay`
}

/** The key-value bucket of the relays' lease and of the schema. */
export function bucketOf(stream: string): string {
  return `${stream}-relay`
}
