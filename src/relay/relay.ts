/**
 * Reads one feed and writes its ticks into a JetStream stream, for many gateways. Main thread.
 * Of several relays of one stream one is active. The others wait for its lease, and read no feed.
 *
 *   start ─► connecting ─► standby ─► active ─► standby: another relay has written, or messages are lost
 *                             ▲          └──── a lost connection alone changes nothing
 */
import { randomBytes } from 'node:crypto'
import { Backoff } from '../common/backoff.js'
import type { Timer } from '../common/clock.js'
import { RingcastError } from '../common/errors.js'
import type { KV, NatsConnection } from '../sources/nats/nats-js.js'
import { NatsLink, reasonOf } from '../sources/nats/nats-link.js'
import { aliveSubject, type NatsOptions, ticksSubject } from '../sources/nats/nats-options.js'
import { ALIVE_PERIOD_MS } from '../sources/nats/relay-watch.js'
import { schemaHash, writeSchema } from '../sources/nats/schema-record.js'
import { TickStream } from '../sources/nats/tick-stream.js'
import type { TickSchema } from '../ticks/tick-schema.js'
import { Lease } from './lease.js'
import { RelayTerm, type RelayTermOptions } from './relay-term.js'
import { type Retention, setUpBucket, setUpStream } from './stream-setup.js'
import type { WriterEnd } from './stream-writer.js'

export interface RelayOptions extends Omit<RelayTermOptions, 'schema' | 'clock' | 'log'> {
  readonly nats: NatsOptions
  readonly retention: Retention
  /** Of the ticks in the stream, see `relayedSchema`; undefined: quotes and trades. */
  readonly schema: TickSchema | undefined
}

export interface RelayStatus {
  readonly role: 'connecting' | 'standby' | 'active'
  /** "ok", or why the stream cannot be written or watched. */
  readonly nats: string
  /** "ok", or why no ticks come. A relay that waits reads no feed, and is fine. */
  readonly upstream: string
}

/** How often a relay that waits looks at the lease. */
const LOOK_MS = 250
const BACKOFF_MIN_MS = 100
const BACKOFF_MAX_MS = 2_000

/** What belongs to one connection. */
interface Ground {
  readonly connection: NatsConnection
  readonly stream: TickStream
  readonly bucket: KV
}

export class Relay {
  private readonly options: RelayOptions
  /** Names the process. */
  private readonly id = randomBytes(6).toString('base64url')
  /** Hash of the schema. */
  private readonly schema: string | undefined
  private readonly link: NatsLink
  private readonly lease: Lease
  private readonly backoff = new Backoff(BACKOFF_MIN_MS, BACKOFF_MAX_MS, Math.random)
  private ground: Ground | undefined
  private connection: NatsConnection | undefined
  private term: RelayTerm | undefined
  private termCount = 0
  /** Sequence of a message of ours that the stream has had. */
  private storedSequence = 0
  private timer: Timer | undefined
  private step: Promise<void> = Promise.resolve()
  private isStopped = false
  private natsError: string | undefined = 'connecting'
  private isReady = false
  private ready: (error?: RingcastError) => void = () => {}

  constructor(options: RelayOptions) {
    this.options = options
    this.schema = schemaHash(options.schema)
    this.lease = new Lease(this.id, options.nats.clock)
    this.link = new NatsLink(options.nats, {
      up: connection => this.connected(connection),
      down: reason => this.disconnected(reason),
    })
  }

  /**
   * Resolves when stream and bucket are there and right, however long that takes.
   *
   * @throws RingcastError `config_invalid` when a stream of this name is no stream of a relay; the reason of the signal
   */
  start(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted()
      const onAbort = () => reject(signal.reason)
      signal.addEventListener('abort', onAbort, { once: true })
      this.ready = error => {
        signal.removeEventListener('abort', onAbort)
        if (error === undefined) resolve()
        else reject(error)
      }
      this.link.start()
    })
  }

  status(): RelayStatus {
    const source = this.term?.status()
    return {
      role: this.term?.isReading === true ? 'active' : this.isReady ? 'standby' : 'connecting',
      nats: this.natsError ?? 'ok',
      upstream: source === undefined || source.state === 'live' ? 'ok' : (source.lastError ?? 'connecting'),
    }
  }

  metrics(): unknown {
    return { role: this.status().role, ...this.term?.offset, counters: { ...this.options.counters } }
  }

  /** Writes what came, gives the lease back, and ends. Without NATS, what came is lost when `signal` says so. */
  async stop(signal: AbortSignal): Promise<void> {
    this.isStopped = true
    this.timer?.cancel()
    await Promise.race([this.step, aborted(signal)])
    const { ground, term } = this
    if (term !== undefined) {
      await Promise.race([term.finish(), aborted(signal)])
      await term.stop()
      this.storedSequence = term.storedSequence
    }
    if (ground !== undefined) {
      const release = this.lease.release(ground.bucket, this.storedSequence)
      await Promise.race([release.catch(() => {}), aborted(signal)])
    }
    await this.link.stop()
  }

  private connected(connection: NatsConnection): void {
    this.connection = connection
    this.inStep(() => this.setUp(connection))
  }

  private disconnected(reason: string): void {
    this.connection = undefined
    this.ground = undefined
    this.natsError = reason
    this.timer?.cancel()
    this.term?.disconnected()
  }

  /** One thing after the other. Each ends by setting the timer of the next one, or by `connected`. */
  private inStep(action: () => Promise<void>): void {
    this.timer?.cancel()
    this.step = this.step.then(async () => {
      if (!this.isStopped) await action()
    })
  }

  private later(delayMs: number, action: () => Promise<void>): void {
    if (this.isStopped) return
    this.timer?.cancel()
    this.timer = this.options.nats.clock.after(delayMs, () => this.inStep(action))
  }

  private async setUp(connection: NatsConnection): Promise<void> {
    const { nats, retention } = this.options
    if (connection !== this.connection) return
    try {
      const stream = await TickStream.open(connection, nats.stream, ticksSubject(nats.stream))
      await setUpStream(stream, retention)
      const bucket = await setUpBucket(connection, nats.stream, retention.replicas)
      if (connection !== this.connection) return
      this.ground = { connection, stream, bucket }
      this.natsError = undefined
      this.backoff.startOver()
      this.term?.connected(stream)
    } catch (error) {
      this.setUpFailed(connection, error)
      return
    }
    this.isReady = true
    this.ready()
    this.later(0, () => this.act())
  }

  private setUpFailed(connection: NatsConnection, error: unknown): void {
    if (connection !== this.connection) return
    if (error instanceof RingcastError && !this.isReady) this.ready(error)
    const reason = reasonOf(error)
    if (reason !== this.natsError) this.options.nats.log.warn(`the stream is not ready: ${reason}`)
    this.natsError = reason
    this.later(this.backoff.nextDelayMs(), () => this.setUp(connection))
  }

  /** Renews the lease, or looks whether it can be taken. */
  private async act(): Promise<void> {
    const { ground } = this
    if (ground === undefined) return
    try {
      if (this.term === undefined) await this.tryBegin(ground)
      else await this.goOn(ground, this.term)
    } catch (error) {
      // Stream or bucket may have been deleted.
      this.setUpFailed(ground.connection, error)
      return
    }
    if (ground === this.ground)
      this.later(this.term === undefined ? LOOK_MS : ALIVE_PERIOD_MS, () => this.act())
  }

  private async tryBegin(ground: Ground): Promise<void> {
    const { nats } = this.options
    const before = await this.lease.tryTake(ground.bucket)
    this.natsError = undefined
    if (before === undefined) return
    await setUpStream(ground.stream, this.options.retention)
    await writeSchema(ground.bucket, this.options.schema)
    const term = await RelayTerm.open(
      { ...this.options, schema: this.schema, clock: nats.clock, log: nats.log },
      ground.stream,
      {
        relay: `${this.id}-${++this.termCount}`,
        lease: { storedSequence: Math.max(before.storedSequence, this.storedSequence) },
        ended: end => this.termEnded(term, end),
      },
    )
    this.term = term
    await term.begin()
    if (this.term !== term) return
    nats.log.info('this relay is active')
    this.tellAlive(ground)
  }

  private async goOn(ground: Ground, term: RelayTerm): Promise<void> {
    this.tellAlive(ground)
    this.storedSequence = term.storedSequence
    const isHeld = await this.lease.renew(ground.bucket, this.storedSequence)
    this.natsError = undefined
    if (!isHeld) this.endTerm(term, 'another relay holds the lease')
  }

  private termEnded(term: RelayTerm, end: WriterEnd): void {
    if (end === 'fenced') this.lease.lose()
    const why = end === 'fenced' ? 'another relay has written' : 'the server has lost stored messages'
    this.endTerm(term, why)
  }

  private endTerm(term: RelayTerm, why: string): void {
    if (this.term !== term) return
    this.term = undefined
    this.storedSequence = term.storedSequence
    this.options.nats.log.warn(`this relay is no longer active: ${why}`)
    term.stop().catch((error: unknown) => this.options.nats.log.warn(reasonOf(error)))
  }

  private tellAlive({ connection }: Ground): void {
    connection.publish(aliveSubject(this.options.nats.stream), this.id)
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise(resolve => {
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
