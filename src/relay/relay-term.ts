/**
 * The time in which this relay is the active one: it reads the feed and writes the stream. Main thread.
 *
 *   open ─► begin ─► the stream has our `start`: no other relay can write ─► the feed is read ─► ended (once), or stopped
 */
import type { Clock } from '../common/clock.js'
import type { PositionRules } from '../ingest/feed-positions.js'
import { FeedMemory } from '../sources/feed-memory.js'
import { lastOffsetOf } from '../sources/nats/stream-message.js'
import type { StoredMessage, StreamState, TickStream } from '../sources/nats/tick-stream.js'
import type { SourceStatus, TickSource } from '../sources/tick-source.js'
import type { TickCodec } from '../ticks/tick-codec.js'
import type { LeaseBefore } from './lease.js'
import type { RelayCounters } from './relay-counters.js'
import { RelaySink } from './relay-sink.js'
import { StreamWriter, type WriterEnd } from './stream-writer.js'
import { type StreamEnd, TickNumbering } from './tick-numbering.js'

export interface RelayTermOptions {
  /** Makes the source of the feed, which goes on from what `memory` knows. */
  readonly makeSource: (memory: FeedMemory) => TickSource
  readonly codec: TickCodec
  readonly positions: PositionRules
  /** Bytes that may wait for the stream. */
  readonly queueBytesMax: number
  /** Hash of the schema; undefined: quotes and trades. */
  readonly schema: string | undefined
  readonly clock: Clock
  readonly counters: RelayCounters
  readonly log: { info(message: string): void; warn(message: string): void }
}

export interface TermStart {
  /** Names the term. */
  readonly relay: string
  readonly lease: LeaseBefore
  readonly ended: (end: WriterEnd) => void
}

export class RelayTerm {
  private readonly options: RelayTermOptions
  private readonly writer: StreamWriter
  private readonly sink: RelaySink
  private readonly source: TickSource
  private stream: TickStream
  private isStopped = false
  private _isReading = false
  /** Whether the log has told that the stream takes no messages. */
  private isFailureTold = false

  private constructor(
    options: RelayTermOptions,
    stream: TickStream,
    state: StreamState,
    last: StoredMessage | undefined,
    { ended, lease, relay }: TermStart,
  ) {
    this.options = options
    this.stream = stream
    const { clock, codec, counters, log, makeSource, positions, queueBytesMax, schema } = options
    const end = streamEnd(last)
    const isWhole = isSureToBeWhole(stream, state, last, lease)
    if (state.lastSequence < lease.storedSequence)
      log.warn(`the stream has lost its messages behind sequence ${state.lastSequence}`)
    const numbering = new TickNumbering(end, isWhole, positions, codec.tickBytesMax)
    const memory = new FeedMemory()
    memory.epoch = numbering.frame.feedEpoch
    memory.hasPushed = numbering.lastPosition > 0
    this.source = makeSource(memory)
    this.writer = new StreamWriter({
      after: { sequence: state.lastSequence, id: last?.messageId },
      clock,
      ended: why => {
        this.halt()
        ended(why)
      },
      stored: messages => this.stored(messages),
      hasRoom: () => this.sink.hasRoom(),
      failed: reason => this.failed(reason),
    })
    this.sink = new RelaySink({
      codec,
      numbering,
      writer: this.writer,
      counters,
      frame: { relay, schema },
      serverId: () => this.stream.serverId,
      feed: last?.message?.feed ?? 'live',
      queueBytesMax,
      source: this.source,
    })
  }

  /** Looks where the stream ends. */
  static async open(options: RelayTermOptions, stream: TickStream, start: TermStart): Promise<RelayTerm> {
    const state = await stream.state()
    if (state === undefined) throw new Error(`the stream ${stream.name} was deleted`)
    const last = state.lastSequence > 0 ? await stream.message(state.lastSequence) : undefined
    return new RelayTerm(options, stream, state, last, start)
  }

  /** Resolves when the feed is read, or the term has ended. */
  async begin(): Promise<void> {
    this.sink.begin()
    this.writer.connected(this.stream)
    await this.writer.drained()
    if (this.isStopped) return
    this.options.counters.terms++
    this._isReading = true
    this.source.start(this.sink)
  }

  /** Whether the feed is read. */
  get isReading(): boolean {
    return this._isReading
  }

  /** Sequence of the last message that the stream is known to have. */
  get storedSequence(): number {
    return this.writer.lastStored
  }

  status(): SourceStatus {
    return this.source.status()
  }

  get offset(): { readonly epoch: string; readonly offset: number; readonly queuedBytes: number } {
    return { ...this.sink.offset, queuedBytes: this.writer.queuedBytes }
  }

  connected(stream: TickStream): void {
    this.stream = stream
    this.writer.connected(stream)
  }

  disconnected(): void {
    this.writer.disconnected()
  }

  /** Stops reading the feed, and resolves when the stream has all that came, or can take nothing. */
  async finish(): Promise<void> {
    await this.source.stop()
    this.sink.flush()
    await this.writer.drained()
    this.halt()
  }

  /** Ends at once. What is not stored is lost. */
  async stop(): Promise<void> {
    this.halt()
    await this.source.stop()
  }

  private halt(): void {
    if (this.isStopped) return
    this.isStopped = true
    this.sink.stop()
    this.writer.stop()
    this.source.stop().catch((error: unknown) => this.options.log.warn(`the feed: ${String(error)}`))
  }

  private stored(messages: number): void {
    this.options.counters.messagesStored += messages
    if (this.isFailureTold) this.options.log.info('NATS stores ticks again')
    this.isFailureTold = false
  }

  private failed(reason: string): void {
    if (!this.isFailureTold) this.options.log.warn(`NATS stores no ticks, trying until it does: ${reason}`)
    this.isFailureTold = true
  }
}

function streamEnd(last: StoredMessage | undefined): StreamEnd | undefined {
  if (last?.message === undefined) return undefined
  const { epoch, feedEpoch } = last.message
  return { epoch, feedEpoch, lastOffset: lastOffsetOf(last.message) }
}

/**
 * Whether no message that was stored is missing at the end of the stream. A single server that was started anew may have
 * lost what it had not written to the disk, see docs/decisions/0083-ticks-through-jetstream.md.
 */
function isSureToBeWhole(
  stream: TickStream,
  { config, lastSequence }: StreamState,
  last: StoredMessage | undefined,
  { storedSequence }: LeaseBefore,
): boolean {
  if (lastSequence < storedSequence) return false
  if (config.num_replicas > 1) return true
  return !stream.isClustered && last?.message?.server === stream.serverId
}
