/**
 * Takes the messages of a feed, gives each tick its offset, and writes batches of ticks into the stream. Main thread.
 * Ticks that come while nothing is in flight leave at once. While the writer is busy, the batch grows.
 */
import { cutText } from '../common/quote-value.js'
import type { FeedSession, FeedState, MessageForm, SourceLoss, TickSink } from '../ingest/tick-sink.js'
import type { MessageContent, MessageFrame, StreamMessage } from '../sources/nats/stream-message.js'
import { BatchLevels } from '../ticks/batch-levels.js'
import type { BatchReader } from '../ticks/batch-reader.js'
import { FirstPosition } from '../ticks/first-position.js'
import {
  NO_SYMBOL,
  NO_TICK,
  type PositionReader,
  type TickCodec,
  type TickReader,
} from '../ticks/tick-codec.js'
import type { RelayCounters } from './relay-counters.js'
import type { StreamWriter } from './stream-writer.js'
import { TickBatch } from './tick-batch.js'
import type { OffsetFrame, TickNumbering } from './tick-numbering.js'

export interface RelaySinkDeps {
  readonly codec: TickCodec
  readonly numbering: TickNumbering
  readonly writer: StreamWriter
  readonly counters: RelayCounters
  /** Of all messages, but for what the numbering knows. */
  readonly frame: Pick<MessageFrame, 'relay' | 'schema'>
  readonly serverId: () => string
  /** State of the feed as the stream has it. */
  readonly feed: FeedState
  /** Bytes that may wait for the stream. */
  readonly queueBytesMax: number
  readonly source: { pause(): void; resume(): void }
}

const REASON_LENGTH_MAX = 200

export class RelaySink implements TickSink {
  private readonly deps: RelaySinkDeps
  private readonly numbering: TickNumbering
  private readonly writer: StreamWriter
  private readonly counters: RelayCounters
  private readonly batch: TickBatch
  private readonly reader: TickReader
  private readonly levels: BatchLevels
  private readonly positionReader: PositionReader | undefined
  private readonly firstPosition: FirstPosition
  /** The position of the next tick of the current message; 0: each tick has its own, or none. */
  private nextPosition = 0
  /** Offset of the first tick in the batch. */
  private firstOffset = 0
  /** The epoch of the ticks in the batch. */
  private batchFrame: OffsetFrame
  /** Ticks since the last good one that could not be read. */
  private malformed = 0
  private feed: FeedState
  private reason: string | undefined
  private isPaused = false
  private isStopped = false
  private flushSoon: NodeJS.Immediate | undefined

  constructor(deps: RelaySinkDeps) {
    this.deps = deps
    this.numbering = deps.numbering
    this.writer = deps.writer
    this.counters = deps.counters
    this.feed = deps.feed
    this.batchFrame = deps.numbering.frame
    this.batch = new TickBatch(deps.codec.tickBytesMax)
    this.reader = deps.codec.createReader(this.batch.bytes)
    this.positionReader = deps.codec.createPositionReader()
    this.firstPosition = new FirstPosition(deps.codec, this.positionReader)
    this.levels = new BatchLevels(deps.codec.batchPath, (ticks, message) => this.takeTicks(ticks, message))
  }

  /** Of the last tick that was taken. */
  get offset(): { readonly epoch: string; readonly offset: number } {
    return { epoch: this.numbering.frame.epoch, offset: this.numbering.lastOffset }
  }

  /** Writes the message behind which no other relay can write. */
  begin(): void {
    this.write({ kind: 'start', offset: this.numbering.lastOffset })
  }

  /** The writer is no longer busy. */
  hasRoom(): void {
    this.flush()
    if (this.isPaused && this.writer.queuedBytes <= this.deps.queueBytesMax / 4) {
      this.isPaused = false
      this.deps.source.resume()
    }
  }

  /** Writes what has come so far. */
  flush(): void {
    clearImmediate(this.flushSoon)
    this.flushSoon = undefined
    const { count } = this.batch
    if (count === 0) return
    this.writeTicks(this.batch.flush(), count)
  }

  /** Nothing is written any more. */
  stop(): void {
    this.isStopped = true
    clearImmediate(this.flushSoon)
    this.flushSoon = undefined
  }

  // TickSink

  push(message: Uint8Array, form: MessageForm, firstPosition = 0): void {
    if (this.isStopped) return
    this.counters.messagesReceived++
    this.nextPosition = firstPosition || (form === 'batch' ? this.firstPosition.find(message) : 0)
    if (form !== 'batch' || this.levels.areTicks) this.takeTick(message, 0, message.length)
    else if (!this.levels.walk(message, 0)) this.lose({ reason: 'malformed', missed: null })
    this.numbering.keepTick()
    if (this.batch.count > 0 && !this.writer.isBusy) this.flushSoon ??= setImmediate(() => this.flush())
    if (!this.isPaused && this.writer.queuedBytes > this.deps.queueBytesMax / 2) {
      this.isPaused = true
      this.counters.upstreamPauses++
      this.deps.source.pause()
    }
  }

  sessionStarted(session: FeedSession): void {
    if (session.number > 1) this.counters.upstreamReconnects++
    this.numbering.sessionStarted(session)
  }

  lose({ reason, missed }: SourceLoss): void {
    this.flush()
    this.write({ kind: 'loss', offset: this.numbering.lastOffset, reason, missed })
  }

  setSourceState(state: FeedState, reason?: string): void {
    const text = reason === undefined ? undefined : cutText(reason, REASON_LENGTH_MAX)
    if (state === this.feed && text === this.reason) return
    this.flush()
    this.feed = state
    this.reason = text
    this.write({ kind: 'status', offset: this.numbering.lastOffset, state, reason: text })
  }

  lastPosition(): number {
    return this.numbering.lastPosition
  }

  // Ticks

  private takeTicks(ticks: BatchReader, message: Uint8Array): void {
    while (ticks.next()) this.takeTick(message, ticks.tickStart, ticks.tickEnd)
  }

  private takeTick(message: Uint8Array, start: number, end: number): void {
    this.counters.ticksReceived++
    if (end - start > this.deps.codec.tickBytesMax) {
      this.malformed++
      this.counters.ticksMalformed++
      return
    }
    const { batch, numbering, reader } = this
    const position = this.positionOf(message, start, end)
    if (position === NO_SYMBOL) return
    batch.add(message, start, end)
    if (position === NO_TICK || !reader.decode(batch.tickStart, batch.tickEnd)) {
      batch.takeBack()
      this.malformed++
      this.counters.ticksMalformed++
      return
    }
    const isTaken = numbering.take(position, this.malformed, message, start, end)
    this.malformed = 0
    if (!isTaken) {
      batch.takeBack()
      this.counters.ticksRepeated++
      return
    }
    if (numbering.lost !== 0) this.tellLossBefore(numbering.lostReason, numbering.lost)
    if (this.writer.queuedBytes > this.deps.queueBytesMax) {
      // The next tick that is taken shows the hole.
      batch.takeBack()
      this.counters.ticksLost++
    } else this.place()
  }

  private positionOf(message: Uint8Array, start: number, end: number): number {
    if (this.nextPosition > 0) return this.nextPosition++
    return this.positionReader?.positionOf(message, start, end) ?? 0
  }

  /** The tick that was added last has its offset: it stays in the batch, or begins the next one. */
  private place(): void {
    const { batch, numbering } = this
    const follows =
      numbering.lastOffset === this.firstOffset + batch.count - 1 &&
      numbering.frame.epoch === this.batchFrame.epoch
    if (batch.count > 1 && !follows) this.writeBeforeLast()
    if (batch.count === 1) {
      this.firstOffset = numbering.lastOffset
      this.batchFrame = numbering.frame
    }
    if (batch.isFull) this.flush()
  }

  /** Writes the loss behind the ticks before the one that was added last. */
  private tellLossBefore(reason: 'upstream' | 'malformed', missed: number | null): void {
    if (this.batch.count > 1) this.writeBeforeLast()
    this.write({ kind: 'loss', offset: this.numbering.lastOffset - 1, reason, missed }, this.numbering.frame)
  }

  private writeBeforeLast(): void {
    const count = this.batch.count - 1
    this.writeTicks(this.batch.splitBeforeLast(), count)
  }

  private writeTicks(data: Uint8Array, count: number): void {
    this.counters.ticksWritten += count
    this.write({ kind: 'ticks', offset: this.firstOffset, count, data }, this.batchFrame)
  }

  private write(content: MessageContent, frame: OffsetFrame = this.numbering.frame): void {
    this.counters.messagesWritten++
    const { frame: relayFrame, serverId } = this.deps
    const message: StreamMessage = {
      ...relayFrame,
      ...frame,
      feed: this.feed,
      server: serverId(),
      ...content,
    }
    this.writer.write(message)
  }
}
