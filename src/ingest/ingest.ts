/**
 * The way into the tick log, for ticks that have their offsets, and for events. Main thread. While the log is full, ticks
 * and events wait in a backlog, and the source is paused.
 */
import { type Clock, wallUs } from '../common/clock.js'
import { cutText } from '../common/quote-value.js'
import {
  type FeedStatus,
  type LostEvent,
  STATUS_AT_START,
  type StreamEpoch,
  type StreamEvent,
} from '../lane-protocol/stream-events.js'
import type { CounterWriter } from '../memory/counters.js'
import type { RecordType } from '../memory/tick-log-layout.js'
import { TickLogWriter } from '../memory/tick-log-writer.js'
import { MAIN_SLOTS } from '../metrics/metric-table.js'
import { type FeedState, REASON_LENGTH_MAX } from '../protocol/messages.js'
import type { PositionRules } from './feed-positions.js'
import { FlowControl, type Pausable } from './flow-control.js'
import { eventRecord, LogBacklog, type WaitingRecord } from './log-backlog.js'
import { type LogReaderLane, LogReaders, lagOf } from './log-readers.js'
import { PlacedStates } from './placed-states.js'
import type { PositionWatch } from './position-watch.js'
import { SourceState } from './source-state.js'
import { StreamNumbering } from './stream-numbering.js'
import type { FeedSession, MessageForm, SourceLoss, TickSink } from './tick-sink.js'
import { type SplitTicks, TickSplitter, type TickSplitterDeps } from './tick-splitter.js'
import { ToldStatus } from './told-status.js'

export interface IngestOptions {
  readonly tickLog: SharedArrayBuffer
  readonly lanes: readonly LogReaderLane[]
  /** Ticks that the slowest lane may be behind before the source is paused. */
  readonly queueSize: number
  /** Says where a message has its ticks, and what position a tick has. */
  readonly codec: TickSplitterDeps['codec']
  /** What the positions of ticks mean. */
  readonly positions: PositionRules
  /** Names the epoch of the stream until the source names one. */
  readonly epochName: string
  /** Is told where the feed breaks its count. */
  readonly positionWatch: Pick<PositionWatch, 'broken'>
  /** Called when something has been added to the stream. */
  readonly streamMoved: () => void
  readonly clock: Clock
  readonly counters: CounterWriter
}

export class Ingest implements TickSink, SplitTicks {
  private readonly options: Pick<IngestOptions, 'positionWatch' | 'streamMoved'>
  private readonly clock: Clock
  private readonly counts: Float64Array
  private readonly readers: LogReaders
  private readonly flow: FlowControl
  private readonly log: TickLogWriter
  private readonly backlog: LogBacklog
  private readonly splitter: TickSplitter
  /** Of what is in the log. */
  readonly numbering: StreamNumbering
  private readonly told = new ToldStatus()
  private readonly statuses: PlacedStates<FeedStatus>
  private readonly epochs: PlacedStates<StreamEpoch>
  private readonly sourceState: SourceState
  /** Resolve the promises of `caughtUp`. */
  private readonly caughtUpWaiters: (() => void)[] = []
  private readonly tryAppendWaiting = (record: WaitingRecord): boolean => this.tryAppend(record)

  constructor(options: IngestOptions) {
    const { clock, codec, counters, epochName, lanes, positions, queueSize, tickLog } = options
    this.options = options
    this.clock = clock
    this.counts = counters.values
    this.readers = new LogReaders(lanes)
    this.flow = new FlowControl({ readers: this.readers, queueSize, counters })
    this.log = new TickLogWriter(tickLog, () => this.readers.slowestCursor())
    this.backlog = new LogBacklog(tickLog.byteLength)
    const { payloadBytesMax } = this.log
    this.splitter = new TickSplitter({ codec, positions, epochName, payloadBytesMax, target: this })
    const epoch = { number: 0, name: epochName, isShared: false }
    this.numbering = new StreamNumbering(epoch)
    this.epochs = new PlacedStates(epoch)
    this.statuses = new PlacedStates(STATUS_AT_START)
    this.sourceState = new SourceState({
      clock,
      told: () => this.told.state,
      tell: (state, reason, sinceUs) => this.tellState(state, reason, sinceUs),
    })
  }

  /** The position after the last record in the log. */
  get logPosition(): number {
    return this.log.position
  }

  /** The state of the feed and the epoch at the place from which a lane reads. Only while the lane does not run. */
  stateAt({ state }: LogReaderLane): { readonly status: FeedStatus; readonly epoch: StreamEpoch } {
    const { cursor } = state.committed()
    return { status: this.statuses.at(cursor), epoch: this.epochs.at(cursor) }
  }

  get isPaused(): boolean {
    return this.flow.isPaused
  }

  /** Ticks that the lane has not finished with. */
  lag(lane: LogReaderLane): number {
    return lagOf(lane, this.numbering.serial)
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
    this.numbering.sourceAttached()
  }

  // TickSink

  push(message: Uint8Array, form: MessageForm, firstPosition?: number): void {
    this.counts[MAIN_SLOTS.messagesReceived]! += 1
    this.counts[MAIN_SLOTS.bytesReceived]! += message.length
    if (!this.splitter.push(message, form, firstPosition, this.clock.epochUs())) this.loseRest()
    this.sourceState.messagePushed()
    this.readers.tell()
    this.options.streamMoved()
    if (this.flow.isPauseDue(this.numbering.serial)) this.pause()
  }

  sessionStarted(session: FeedSession): void {
    if (session.number > 1) this.counts[MAIN_SLOTS.upstreamReconnects]! += 1
    this.splitter.sessionStarted(session)
  }

  lose(loss: SourceLoss): void {
    this.splitter.lose(loss)
  }

  setSourceState(state: FeedState, reason?: string): void {
    this.sourceState.set(state, reason === undefined ? reason : cutText(reason, REASON_LENGTH_MAX))
  }

  lastPosition(): number {
    return this.splitter.lastPosition
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
    const isFull = !this.backlog.isEmpty || this.flow.isQueueFull(this.numbering.serial)
    if (isFull || !this.log.hasRoomFor(tick.length)) {
      this.counts[MAIN_SLOTS.ticksRefused]! += 1
      return false
    }
    this.counts[MAIN_SLOTS.messagesReceived]! += 1
    this.splitter.push(tick, 'tick', undefined, this.clock.epochUs())
    this.readers.tell()
    return true
  }

  /** Tells every client the state of the feed, behind all ticks so far. */
  tellState(state: FeedState, reason: string | undefined, sinceUs = wallUs(this.clock)): void {
    const status = this.told.change(state, reason, sinceUs)
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
      this.options.streamMoved()
    }
    if (this.backlog.isEmpty) this.flow.resumeIfRoom(this.numbering.serial)
    if (this.caughtUpWaiters.length > 0 && this.isCaughtUp)
      for (const resolve of this.caughtUpWaiters.splice(0)) resolve()
    this.setWaiting()
  }

  // SplitTicks

  pushTicks(
    type: RecordType,
    count: number,
    offset: number,
    message: Uint8Array,
    start: number,
    end: number,
    receivedUs: number,
  ): void {
    if (this.backlog.isEmpty && this.tryAppendTicks(type, count, offset, message, start, end, receivedUs))
      return
    this.backlog.addTicks(type, count, offset, message, start, end, receivedUs)
    this.pause()
  }

  pushLoss(loss: LostEvent): void {
    if (loss.reason === 'upstream' && loss.missed !== 0) this.counts[MAIN_SLOTS.upstreamGaps]! += 1
    this.pushEvent(loss)
  }

  seenBefore(): void {
    this.counts[MAIN_SLOTS.ticksDuplicate]! += 1
  }

  positionsBroken(): void {
    this.options.positionWatch.broken()
    this.counts[MAIN_SLOTS.positionBreaks]! += 1
  }

  batchWasEmpty(): void {
    this.counts[MAIN_SLOTS.messagesEmpty]! += 1
  }

  /** The rest of a message cannot be taken apart, so nobody knows how many ticks it held. */
  private loseRest(): void {
    this.counts[MAIN_SLOTS.malformedMessages]! += 1
    this.splitter.lose({ reason: 'malformed', missed: null })
  }

  private pushEvent(event: StreamEvent): void {
    if (!this.backlog.isEmpty || !this.tryAppend(eventRecord(event))) {
      this.backlog.addEvent(event)
      this.pause()
    }
    this.readers.tell()
  }

  private tryAppend({ count, event, offset, payload, receivedUs, type }: WaitingRecord): boolean {
    const { length } = payload
    if (event === undefined) return this.tryAppendTicks(type, count, offset, payload, 0, length, receivedUs)
    const { log, numbering, readers } = this
    if (!log.tryAppend(type, 0, numbering.serial + 1, 0, receivedUs, payload, 0, length)) return false
    if (event.op === 'status') this.statuses.append(event.status, log.position, readers.slowestCursor())
    else {
      numbering.lossAppended(event)
      if (event.epoch !== undefined) this.epochs.append(event.epoch, log.position, readers.slowestCursor())
    }
    return true
  }

  private tryAppendTicks(
    type: RecordType,
    count: number,
    offset: number,
    message: Uint8Array,
    start: number,
    end: number,
    receivedUs: number,
  ): boolean {
    const { numbering } = this
    if (!this.log.tryAppend(type, count, numbering.serial + 1, offset, receivedUs, message, start, end))
      return false
    numbering.ticksAppended(count, offset)
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
