/**
 * The way into the tick log: splits messages at tick boundaries, and gives each tick its offset. Main thread; decodes
 * no tick. While the log is full, ticks and events wait in a backlog, and the source is paused.
 */
import { type Clock, wallUs } from '../common/clock.js'
import { cutText } from '../common/quote-value.js'
import type { FeedStatus, StreamEvent } from '../lane-protocol/stream-events.js'
import type { CounterWriter } from '../memory/counters.js'
import { type RecordType, STREAM_EVENT, TICK, TICK_BATCH } from '../memory/tick-log-layout.js'
import { TickLogWriter } from '../memory/tick-log-writer.js'
import { MAIN_SLOTS } from '../metrics/metric-table.js'
import { type FeedState, REASON_LENGTH_MAX } from '../protocol/messages.js'
import { BatchLevels } from '../ticks/batch-levels.js'
import type { BatchReader } from '../ticks/batch-reader.js'
import type { TickCodec } from '../ticks/tick-codec.js'
import { FeedStatusLog } from './feed-status-log.js'
import { FlowControl, type Pausable } from './flow-control.js'
import { eventRecord, LogBacklog, type WaitingRecord } from './log-backlog.js'
import { type LogReaderLane, LogReaders, lagOf } from './log-readers.js'
import { SourceState } from './source-state.js'
import type { FeedSession, MessageForm, SourceLoss, TickSink } from './tick-sink.js'

/** Ticks in one record at the most: a lane looks up from its work between records. */
const RECORD_TICKS_MAX = 128
const RECORD_BYTES_MAX = 16 * 1024
/** A tag of 0: no message begins so. An empty one would be a message with nothing in it. */
const MALFORMED_TICK = Uint8Array.of(0)

export interface IngestOptions {
  readonly tickLog: SharedArrayBuffer
  readonly lanes: readonly LogReaderLane[]
  /** Ticks that the slowest lane may be behind before the source is paused. */
  readonly queueSize: number
  /** Says where a message has its ticks, and how long a tick may be. */
  readonly codec: Pick<TickCodec, 'batchPath' | 'tickBytesMax'>
  readonly clock: Clock
  readonly counters: CounterWriter
}

export class Ingest implements TickSink {
  private readonly clock: Clock
  private readonly counts: Float64Array
  private readonly readers: LogReaders
  private readonly flow: FlowControl
  private readonly log: TickLogWriter
  private readonly backlog: LogBacklog
  private readonly statuses: FeedStatusLog
  private readonly sourceState: SourceState
  private readonly batches: BatchLevels
  private readonly tickBytesMax: number
  private readonly recordBytesMax: number
  private lastOffset = 0
  /** Resolve the promises of `caughtUp`. */
  private readonly caughtUpWaiters: (() => void)[] = []
  private readonly tryAppendWaiting = (record: WaitingRecord): boolean => this.tryAppend(record)

  constructor({ clock, codec, counters, lanes, queueSize, tickLog }: IngestOptions) {
    this.clock = clock
    this.batches = new BatchLevels(codec.batchPath, (batch, message, receivedUs) =>
      this.pushTicksOf(batch, message, receivedUs),
    )
    this.tickBytesMax = codec.tickBytesMax
    this.counts = counters.values
    this.readers = new LogReaders(lanes)
    this.flow = new FlowControl({ readers: this.readers, queueSize, counters })
    this.log = new TickLogWriter(tickLog, () => this.readers.slowestCursor())
    this.backlog = new LogBacklog(tickLog.byteLength)
    this.statuses = new FeedStatusLog()
    this.sourceState = new SourceState({
      clock,
      told: () => this.statuses.state,
      tell: (state, reason, sinceUs) => this.tellState(state, reason, sinceUs),
    })
    this.recordBytesMax = Math.min(RECORD_BYTES_MAX, this.log.payloadBytesMax)
  }

  /** Offset of the last tick in the log. */
  get offset(): number {
    return this.lastOffset
  }

  /** The position after the last record in the log. */
  get logPosition(): number {
    return this.log.position
  }

  /** The state of the feed at the place from which a lane reads. Only while the lane does not run. */
  statusAt({ state }: LogReaderLane): FeedStatus {
    return this.statuses.at(state.committed().cursor)
  }

  /** Whether the source is paused now. */
  get isPaused(): boolean {
    return this.flow.isPaused
  }

  /** Ticks that the lane has not finished with. */
  lag(lane: LogReaderLane): number {
    return lagOf(lane, this.lastOffset)
  }

  /** Whether the lane has not finished with all that is in the log. */
  hasUnread({ state }: LogReaderLane): boolean {
    return state.cursor() !== this.log.position
  }

  /** Whether something that came waits for room in the log. */
  get hasBacklog(): boolean {
    return !this.backlog.isEmpty
  }

  /** Whether every lane has finished with all that came. */
  get isCaughtUp(): boolean {
    return this.backlog.isEmpty && this.readers.haveReached(this.log.position)
  }

  /** Names the source that is to be paused. */
  attach(source: Pausable): void {
    this.flow.attach(source)
  }

  // TickSink

  push(message: Uint8Array, form: MessageForm): void {
    this.counts[MAIN_SLOTS.messagesReceived]! += 1
    this.counts[MAIN_SLOTS.bytesReceived]! += message.length
    const receivedUs = this.clock.epochUs()
    if (form !== 'batch' || this.batches.areTicks) this.pushTick(message, receivedUs)
    else if (!this.batches.walk(message, receivedUs)) this.loseRest()
    this.sourceState.messagePushed()
    this.readers.tell()
    if (this.flow.isPauseDue(this.lastOffset)) this.pause()
  }

  sessionStarted({ continuous, number }: FeedSession): void {
    if (number > 1) this.counts[MAIN_SLOTS.upstreamReconnects]! += 1
    this.pushEvent({ op: 'session', first: number === 1, continuous })
  }

  lose({ missed, reason }: SourceLoss): void {
    this.pushEvent({ op: 'lost', reason, missed, isUnnumbered: true })
  }

  setSourceState(state: FeedState, reason?: string): void {
    this.sourceState.set(state, reason === undefined ? reason : cutText(reason, REASON_LENGTH_MAX))
  }

  async lastPosition(): Promise<number> {
    await this.caughtUp()
    return this.readers.lastPosition()
  }

  /** Resolves when every lane has finished with all that is in the log now or comes meanwhile. */
  caughtUp(): Promise<void> {
    if (this.isCaughtUp) return Promise.resolve()
    const promise = new Promise<void>(resolve => {
      this.caughtUpWaiters.push(resolve)
    })
    this.lanesMoved()
    return promise
  }

  // For users who push ticks themselves

  /**
   * Takes a tick that this process has encoded: its bytes were not received, and are not counted as such.
   *
   * @returns false when the queue is full; nothing was taken then
   */
  tryPush(tick: Uint8Array): boolean {
    const isFull = !this.backlog.isEmpty || this.flow.isQueueFull(this.lastOffset)
    if (isFull || !this.tryAppendTicks(TICK, 1, tick, 0, tick.length, this.clock.epochUs())) {
      this.counts[MAIN_SLOTS.ticksRefused]! += 1
      return false
    }
    this.counts[MAIN_SLOTS.messagesReceived]! += 1
    this.readers.tell()
    return true
  }

  /** Tells every client the state of the feed, behind all ticks so far. */
  tellState(state: FeedState, reason: string | undefined, sinceUs = wallUs(this.clock)): void {
    const status = this.statuses.change(state, reason, sinceUs)
    if (status !== undefined) this.pushEvent({ op: 'status', status })
  }

  /** Ends its timer. */
  stop(): void {
    this.sourceState.stop()
  }

  /** The lanes may have got further: appends what waits, resumes the source, resolves the promises of `caughtUp`. */
  lanesMoved(): void {
    // First the wish to be woken, then the look. What a lane does between the two is seen. What it does later wakes
    // this thread.
    this.setWaiting()
    if (!this.backlog.isEmpty) {
      this.backlog.appendAll(this.tryAppendWaiting)
      this.readers.tell()
    }
    if (this.backlog.isEmpty) this.flow.resumeIfRoom(this.lastOffset)
    if (this.caughtUpWaiters.length > 0 && this.isCaughtUp)
      for (const resolve of this.caughtUpWaiters.splice(0)) resolve()
    this.setWaiting()
  }

  // Ticks

  private pushTicksOf(batch: BatchReader, message: Uint8Array, receivedUs: number): void {
    let start = 0
    let end = 0
    let count = 0
    while (batch.next()) {
      const isOversized = batch.tickEnd - batch.tickStart > this.tickBytesMax
      if (isOversized || count === RECORD_TICKS_MAX || batch.position - start > this.recordBytesMax) {
        this.pushTicks(TICK_BATCH, count, message, start, end, receivedUs)
        count = 0
      }
      if (isOversized) this.pushOversized(receivedUs)
      else {
        // Not where the tick before ends: what lies between is no tick, and may be of any size.
        if (count === 0) start = batch.fieldStart
        count++
        end = batch.position
      }
    }
    this.pushTicks(TICK_BATCH, count, message, start, end, receivedUs)
  }

  private pushTick(message: Uint8Array, receivedUs: number): void {
    if (message.length > this.tickBytesMax) this.pushOversized(receivedUs)
    else this.pushTicks(TICK, 1, message, 0, message.length, receivedUs)
  }

  /** A malformed tick takes the place of a tick that is too large: the lanes tell a loss. */
  private pushOversized(receivedUs: number): void {
    this.pushTicks(TICK, 1, MALFORMED_TICK, 0, MALFORMED_TICK.length, receivedUs)
  }

  /** The rest of a message cannot be taken apart, so nobody knows how many ticks it held. */
  private loseRest(): void {
    this.counts[MAIN_SLOTS.malformedMessages]! += 1
    this.pushEvent({ op: 'lost', reason: 'malformed', missed: null })
  }

  private pushTicks(
    type: RecordType,
    count: number,
    message: Uint8Array,
    start: number,
    end: number,
    receivedUs: number,
  ): void {
    if (count === 0) return
    if (this.backlog.isEmpty && this.tryAppendTicks(type, count, message, start, end, receivedUs)) return
    this.backlog.addTicks(type, count, message, start, end, receivedUs)
    this.pause()
  }

  private pushEvent(event: StreamEvent): void {
    if (!this.backlog.isEmpty || !this.tryAppend(eventRecord(event))) {
      this.backlog.addEvent(event)
      this.pause()
    }
    this.readers.tell()
  }

  private tryAppend({ count, offsets, payload, receivedUs, status, type }: WaitingRecord): boolean {
    const { length } = payload
    if (type !== STREAM_EVENT) return this.tryAppendTicks(type, count, payload, 0, length, receivedUs)
    if (!this.log.tryAppend(type, count, this.lastOffset + 1, receivedUs, payload, 0, length)) return false
    this.lastOffset += offsets
    if (status !== undefined) this.statuses.append(status, this.log.position, this.readers.slowestCursor())
    return true
  }

  private tryAppendTicks(
    type: RecordType,
    count: number,
    message: Uint8Array,
    start: number,
    end: number,
    receivedUs: number,
  ): boolean {
    if (!this.log.tryAppend(type, count, this.lastOffset + 1, receivedUs, message, start, end)) return false
    this.lastOffset += count
    this.counts[MAIN_SLOTS.ticksReceived]! += count
    return true
  }

  private pause(): void {
    if (this.flow.pause()) this.lanesMoved()
  }

  /** Lets the lanes wake this thread when they get further, while something waits for that. */
  private setWaiting(): void {
    this.readers.setWaiting(this.flow.isPaused || !this.backlog.isEmpty || this.caughtUpWaiters.length > 0)
  }
}
