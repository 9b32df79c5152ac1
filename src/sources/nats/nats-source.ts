/**
 * Reads the ticks that a relay has written into a JetStream stream. Main thread.
 * No tick is decoded: the headers of a message say its epoch, and the offset of its first tick.
 *
 *   start ─► connecting ─► find the place to read from ─► reading ─► ended ─► after a moment: find the place …
 */
import { Backoff } from '../../common/backoff.js'
import type { Timer } from '../../common/clock.js'
import { RingcastError } from '../../common/errors.js'
import type { TickSink } from '../../ingest/tick-sink.js'
import type { HistoryOrigin } from '../../ticks/stream-history.js'
import type { SourceStatus, TickSource } from '../tick-source.js'
import type { NatsHistoryOptions } from './nats-history.js'
import type { NatsConnection } from './nats-js.js'
import { NatsLink, reasonOf } from './nats-link.js'
import { type NatsOptions, ticksSubject } from './nats-options.js'
import { RelayWatch } from './relay-watch.js'
import { StreamPlace } from './stream-place.js'
import { StreamReader } from './stream-reader.js'
import { TickStream } from './tick-stream.js'

export interface NatsSourceOptions extends NatsOptions {
  /** Hash of the schema that the sink reads ticks with; undefined: quotes and trades. */
  readonly schema: string | undefined
}

const HISTORY_MODULE = new URL('./nats-history.js', import.meta.url).href
const BACKOFF_MIN_MS = 100
const BACKOFF_MAX_MS = 2_000

// What clients are told while no ticks come.
export const NOT_CONNECTED = 'the gateway does not read the stream of ticks yet'
const STREAM_LOST = 'the gateway has lost the stream of ticks and reads it again'
const NO_RELAY = 'no relay writes ticks into the stream'

export class NatsSource implements TickSource {
  private readonly options: NatsSourceOptions
  private readonly link: NatsLink
  private readonly watch: RelayWatch
  private readonly backoff = new Backoff(BACKOFF_MIN_MS, BACKOFF_MAX_MS, Math.random)
  private sink: TickSink | undefined
  private place: StreamPlace | undefined
  private connection: NatsConnection | undefined
  private reader: StreamReader | undefined
  private opening: Promise<void> = Promise.resolve()
  private retryTimer: Timer | undefined
  /** Rises with each connection, each reader and `stop`. An answer to an older attempt is ignored. */
  private attempt = 0
  private hasRead = false
  private isPaused = false
  private isStopped = false
  private lastError: string | undefined

  constructor(options: NatsSourceOptions) {
    this.options = options
    this.watch = new RelayWatch(options.clock, () => this.tellState())
    this.link = new NatsLink(options, {
      up: connection => this.connected(connection),
      down: reason => this.disconnected(reason),
    })
  }

  /** @throws RingcastError `source_attached` when the source was started before */
  start(sink: TickSink): void {
    if (this.sink !== undefined)
      throw new RingcastError('source_attached', 'a NatsSource is started once: make another one')
    this.sink = sink
    if (this.isStopped) return
    const { log, schema } = this.options
    this.place = new StreamPlace(sink, schema, log, () => this.tellState())
    this.tellState()
    this.link.start()
  }

  pause(): void {
    this.isPaused = true
    this.reader?.pause()
  }

  resume(): void {
    this.isPaused = false
    this.reader?.resume()
  }

  status(): SourceStatus {
    const reason = this.outage()
    return {
      state: this.isStopped ? 'stopped' : reason === undefined ? 'live' : 'connecting',
      reconnects: Math.max(0, (this.place?.sessionCount ?? 0) - 1),
      lastError: reason === undefined ? undefined : (this.lastError ?? reason),
    }
  }

  history(): HistoryOrigin {
    const { credentials, name, schema, servers, stream, tls } = this.options
    const options: NatsHistoryOptions = { credentials, name: `${name} history`, schema, servers, stream, tls }
    return { module: HISTORY_MODULE, options }
  }

  async stop(): Promise<void> {
    this.isStopped = true
    this.dropReader()
    this.watch.stop()
    await this.opening
    await this.link.stop()
  }

  private connected(connection: NatsConnection): void {
    this.connection = connection
    this.watch.listen(connection, this.options.stream)
    this.dropReader()
    this.read(connection)
  }

  private disconnected(reason: string): void {
    this.connection = undefined
    this.dropReader()
    this.lastError = reason
    this.tellState()
  }

  private read(connection: NatsConnection): void {
    const attempt = ++this.attempt
    this.opening = this.open(connection, attempt).catch((error: unknown) => {
      if (attempt === this.attempt) this.ended(connection, reasonOf(error))
    })
  }

  private async open(connection: NatsConnection, attempt: number): Promise<void> {
    const { clock, stream: name } = this.options
    const place = this.place!
    const stream = await TickStream.open(connection, name, ticksSubject(name))
    const start = await place.find(stream)
    if (attempt !== this.attempt) return
    const reader = await StreamReader.open(stream, start, () => this.isPaused, clock, {
      message: stored => place.take(stored),
      ended: reason => {
        if (attempt === this.attempt) this.ended(connection, reason)
      },
    })
    if (attempt !== this.attempt) {
      reader.stop()
      return
    }
    this.reader = reader
    this.hasRead = true
    this.lastError = undefined
    this.backoff.startOver()
    this.tellState()
  }

  /** The reading has ended: it begins anew in a moment. */
  private ended(connection: NatsConnection, reason: string): void {
    this.dropReader()
    if (reason !== this.lastError)
      this.options.log.warn(`the stream ${this.options.stream} is not read: ${reason}`)
    this.lastError = reason
    this.tellState()
    this.retryTimer = this.options.clock.after(this.backoff.nextDelayMs(), () => {
      if (this.connection === connection) this.read(connection)
    })
  }

  private dropReader(): void {
    this.attempt++
    this.retryTimer?.cancel()
    this.reader?.stop()
    this.reader = undefined
  }

  private tellState(): void {
    if (this.isStopped) return
    const reason = this.outage()
    if (reason === undefined) this.sink!.setSourceState('live')
    else this.sink!.setSourceState('down', reason)
  }

  /** Why no ticks come, for clients; undefined: they come. */
  private outage(): string | undefined {
    if (this.reader === undefined) return this.hasRead ? STREAM_LOST : NOT_CONNECTED
    if (!this.watch.isAlive) return NO_RELAY
    return this.place?.outage
  }
}
