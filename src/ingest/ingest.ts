/**
 * The way into the tick log: takes the feed's messages apart at tick boundaries, gives each tick its offset, and pauses
 * the source when the slowest lane is too far behind. Main thread; looks at no tick.
 */
import type { Clock } from '../common/clock.js'
import {
  ALL_LANES,
  encodeCommand,
  type LaneCommand,
  type LostCommand,
  offsetsOf,
} from '../lane-protocol/lane-commands.js'
import type { CommittedState } from '../memory/committed-state.js'
import type { CounterWriter } from '../memory/counters.js'
import { distance } from '../memory/ring-position.js'
import { COMMAND, type RecordType, TICK, TICK_BATCH } from '../memory/tick-log-layout.js'
import { TickLogWriter } from '../memory/tick-log-writer.js'
import { MAIN_SLOTS } from '../metrics/metric-table.js'
import { MISSED_MAX } from '../protocol/messages.js'
import { BatchReader } from '../ticks/batch-reader.js'
import { TICK_BYTES_MAX } from '../ticks/tick-codec.js'
import type { FeedSession, MessageForm, TickSink } from './tick-sink.js'

/** Ticks in one record at the most: a lane looks up from its work between records. */
const RECORD_TICKS_MAX = 128
/** What a command takes beside the symbols or the answers in it: numbers of 16 digits, names, and INTERVALS_MAX intervals. */
const COMMAND_OVERHEAD_BYTES = 1024

/** Whoever sends. `resume` sends nothing before it has returned. */
export interface Pausable {
  pause(): void
  resume(): void
}

/** A lane as a reader of the tick log. */
export interface LogReaderLane {
  /** How far the lane has come. */
  readonly state: Pick<CommittedState, 'cursor' | 'offsetLow' | 'committed'>
  /** Lets the lane wake the main thread whenever it gets further. */
  setSourcePaused(isPaused: boolean): void
  /** Wakes the lane after a command. */
  ringLane(): void
  /** Wakes the lane after ticks. */
  tellLane(): void
}

export interface IngestOptions {
  readonly tickLog: SharedArrayBuffer
  readonly links: readonly LogReaderLane[]
  /** Ticks the slowest lane may be behind before the source is paused. */
  readonly queueSize: number
  readonly clock: Clock
  readonly counters: CounterWriter
}

/** Something that waits for room in the log. */
interface Waiting {
  readonly type: RecordType
  /** Ticks in it, or the lane of a command. */
  readonly count: number
  /** Offsets it takes. */
  readonly offsets: number
  readonly payload: Uint8Array
  /** What the payload says, where it tells of lost ticks. */
  readonly lost?: LostCommand
}

export class Ingest implements TickSink {
  private readonly options: IngestOptions
  private readonly log: TickLogWriter
  private readonly reader = new BatchReader()
  private readonly recordBytesMax: number
  /** Kept free of ticks, for commands. */
  private readonly reserveBytes: number
  /** Ticks and commands that found the log full, in their order; while there are any, the source is paused. */
  private readonly waiting: Waiting[] = []
  private waitingBytes = 0
  private readonly waitingBytesMax: number
  /** Ticks of a source that does not heed its being paused, lost behind all that waits. */
  private overflowTicks = 0
  private source: Pausable | undefined
  private lastOffset = 0
  private paused = false
  private readonly catchUps: (() => void)[] = []

  constructor(options: IngestOptions) {
    this.options = options
    this.log = new TickLogWriter(options.tickLog, () => this.slowestCursor())
    this.recordBytesMax = Math.min(16 * 1024, this.log.payloadBytesMax)
    this.reserveBytes = options.tickLog.byteLength >>> 4
    this.waitingBytesMax = options.tickLog.byteLength
  }

  /** Offset of the last tick put into the log. */
  get offset(): number {
    return this.lastOffset
  }

  /** The longest command that is sure to fit, without what stands around its answers. */
  get commandBytesMax(): number {
    return this.log.payloadBytesMax - COMMAND_OVERHEAD_BYTES
  }

  /** Whether the source is paused now. */
  get isPaused(): boolean {
    return this.paused
  }

  /** Whether the log is so full that even commands wait. Whoever can come later should: their queue is bounded by nothing else. */
  get isFull(): boolean {
    return this.waiting.length > 0
  }

  /** Ticks that the lane has not finished with. */
  lag(link: LogReaderLane): number {
    return distance(link.state.offsetLow(), this.lastOffset | 0)
  }

  hasUnread(link: LogReaderLane): boolean {
    return link.state.cursor() !== this.log.position
  }

  /** Whether the lane has not finished with all that came. */
  isBehind(link: LogReaderLane): boolean {
    return this.waiting.length > 0 || this.hasUnread(link)
  }

  /** Whether every lane has finished with all that came. */
  get isCaughtUp(): boolean {
    return !this.options.links.some(link => this.isBehind(link))
  }

  /** Names whom to pause. */
  attach(source: Pausable): void {
    this.source = source
  }

  // TickSink

  push(message: Uint8Array, form: MessageForm): void {
    const { values } = this.options.counters
    values[MAIN_SLOTS.messagesReceived]! += 1
    values[MAIN_SLOTS.bytesReceived]! += message.length
    const receivedUs = this.options.clock.epochUs()
    if (form === 'batch') this.pushBatch(message, receivedUs)
    else this.pushTick(message, 0, message.length, receivedUs)
    this.tellLanes()
    this.pauseIfBehind()
  }

  sessionStarted(session: FeedSession): void {
    const { values } = this.options.counters
    if (session.number > 1) values[MAIN_SLOTS.upstreamReconnects]! += 1
    this.command(ALL_LANES, { op: 'session', first: session.number === 1, continuous: session.continuous })
  }

  async lastPosition(): Promise<number> {
    await this.caughtUp()
    const states = this.options.links.map(({ state }) => state.committed())
    return Math.max(...states.map(({ isInDoubt, lastPosition }) => (isInDoubt ? 0 : lastPosition)))
  }

  /** Resolves when every lane has finished with all that is in the log now or comes meanwhile. */
  caughtUp(): Promise<void> {
    if (this.isCaughtUp) return Promise.resolve()
    const promise = new Promise<void>(resolve => {
      this.catchUps.push(resolve)
    })
    this.lanesMoved()
    return promise
  }

  // For those who push ticks themselves

  /** @returns false when the queue is full; nothing was taken then */
  tryPush(tick: Uint8Array): boolean {
    const { counters, clock } = this.options
    const full = this.isFull || this.slowestLag() >= this.options.queueSize
    if (full || !this.tryAppendTicks(TICK, 1, tick, 0, tick.length, clock.epochUs())) {
      counters.values[MAIN_SLOTS.ticksRefused]! += 1
      return false
    }
    counters.values[MAIN_SLOTS.messagesReceived]! += 1
    this.tellLanes()
    return true
  }

  /** Puts a command into the log, behind all ticks so far. */
  command(lane: number, command: LaneCommand): void {
    const payload = encodeCommand(command)
    const offsets = offsetsOf(command)
    if (this.waiting.length > 0 || !this.tryAppendCommand(lane, offsets, payload)) {
      this.wait({
        type: COMMAND,
        count: lane,
        offsets,
        payload,
        ...(command.op === 'lost' ? { lost: command } : {}),
      })
      this.pause()
    }
    this.ringLanes()
  }

  /** Tells every client of lost ticks, behind all ticks so far. Losses that wait for room side by side are told as one for each reason. */
  lose(command: LostCommand): void {
    const { waiting } = this
    for (let index = waiting.length - 1; waiting[index]?.lost !== undefined; index--) {
      const before = waiting[index]!.lost!
      if (before.reason !== command.reason || before.isUnnumbered !== command.isUnnumbered) continue
      const lost = { ...before, missed: sumOf(before.missed, command.missed) }
      const payload = encodeCommand(lost)
      this.waitingBytes += payload.length - waiting[index]!.payload.length
      waiting[index] = { type: COMMAND, count: ALL_LANES, offsets: offsetsOf(lost), payload, lost }
      return
    }
    this.command(ALL_LANES, command)
  }

  /** The lanes may have got further: puts in what waits, lets the source go on, tells who waits for them to catch up. */
  lanesMoved(): void {
    // First the wish to be rung, then the look: what a lane does between the two is seen, and what it does later rings.
    this.askToBeRung()
    this.appendWaiting()
    if (this.paused && this.waiting.length === 0 && this.slowestLag() <= this.options.queueSize / 2) {
      this.paused = false
      this.source?.resume()
    }
    if (this.catchUps.length > 0 && this.isCaughtUp) for (const resolve of this.catchUps.splice(0)) resolve()
    this.askToBeRung()
  }

  private appendWaiting(): void {
    if (this.waiting.length === 0) return
    let appended = 0
    while (appended < this.waiting.length && this.tryAppendWaiting(this.waiting[appended]!)) {
      this.waitingBytes -= this.waiting[appended++]!.payload.length
    }
    this.waiting.splice(0, appended)
    if (this.waiting.length === 0 && this.overflowTicks > 0) {
      const missed = this.overflowTicks
      this.overflowTicks = 0
      this.lose({ op: 'lost', reason: 'overload', missed })
    }
    this.ringLanes()
  }

  // Ticks

  private pushBatch(message: Uint8Array, receivedUs: number): void {
    const { reader } = this
    reader.reset(message, 0, message.length)
    let start = 0
    let end = 0
    let count = 0
    while (reader.next()) {
      const isOversized = reader.tickEnd - reader.tickStart > TICK_BYTES_MAX
      if (isOversized || count === RECORD_TICKS_MAX || reader.position - start > this.recordBytesMax) {
        this.pushTicks(TICK_BATCH, count, message, start, end, receivedUs)
        count = 0
      }
      if (isOversized) this.pushOversized(receivedUs)
      else {
        // Not where the tick before ends: what lies between is no tick, and may be of any size.
        if (count === 0) start = reader.fieldStart
        count++
        end = reader.position
      }
    }
    this.pushTicks(TICK_BATCH, count, message, start, end, receivedUs)
    if (reader.isBroken) this.loseUnknown()
  }

  private pushTick(message: Uint8Array, start: number, end: number, receivedUs: number): void {
    if (end - start > TICK_BYTES_MAX) this.pushOversized(receivedUs)
    else this.pushTicks(TICK, 1, message, start, end, receivedUs)
  }

  /** A tick too large to be one: an empty one takes its place, which the lanes find malformed and tell as a loss. */
  private pushOversized(receivedUs: number): void {
    this.pushTicks(TICK, 1, new Uint8Array(0), 0, 0, receivedUs)
  }

  /** The rest of a message cannot be taken apart, so nobody knows how many ticks it held. */
  private loseUnknown(): void {
    this.options.counters.values[MAIN_SLOTS.malformedMessages]! += 1
    this.lose({ op: 'lost', reason: 'malformed', missed: null })
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
    if (this.waiting.length === 0 && this.tryAppendTicks(type, count, message, start, end, receivedUs)) return
    if (this.overflowTicks > 0 || this.waitingBytes + (end - start) > this.waitingBytesMax)
      this.overflowTicks += count
    else this.wait({ type, count, offsets: count, payload: copy(message, start, end) })
    this.pause()
  }

  private tryAppendTicks(
    type: RecordType,
    count: number,
    message: Uint8Array,
    start: number,
    end: number,
    receivedUs: number,
  ): boolean {
    const first = this.lastOffset + 1
    if (!this.log.tryAppend(type, count, first, receivedUs, message, start, end, this.reserveBytes))
      return false
    this.lastOffset += count
    this.options.counters.values[MAIN_SLOTS.ticksReceived]! += count
    return true
  }

  private tryAppendCommand(lane: number, offsets: number, payload: Uint8Array): boolean {
    const first = this.lastOffset + 1
    if (!this.log.tryAppend(COMMAND, lane, first, 0, payload, 0, payload.length, 0)) return false
    this.lastOffset += offsets
    return true
  }

  private tryAppendWaiting({ type, count, offsets, payload }: Waiting): boolean {
    if (type === COMMAND) return this.tryAppendCommand(count, offsets, payload)
    return this.tryAppendTicks(type, count, payload, 0, payload.length, this.options.clock.epochUs())
  }

  private wait(waiting: Waiting): void {
    this.waiting.push(waiting)
    this.waitingBytes += waiting.payload.length
  }

  // Flow control

  private slowestCursor(): number {
    const { links } = this.options
    let slowest = links[0]!.state.cursor()
    for (let index = 1; index < links.length; index++) {
      const cursor = links[index]!.state.cursor()
      if (distance(cursor, slowest) > 0) slowest = cursor
    }
    return slowest
  }

  private slowestLag(): number {
    const { links } = this.options
    let lag = 0
    for (let index = 0; index < links.length; index++) lag = Math.max(lag, this.lag(links[index]!))
    return lag
  }

  private pauseIfBehind(): void {
    if (!this.paused && this.slowestLag() > this.options.queueSize) this.pause()
  }

  private pause(): void {
    if (this.paused) return
    this.paused = true
    this.options.counters.values[MAIN_SLOTS.sourcePauses]! += 1
    this.source?.pause()
    this.lanesMoved()
  }

  /** Lets the lanes ring when they get further, while somebody waits for that. */
  private askToBeRung(): void {
    const wanted = this.paused || this.waiting.length > 0 || this.catchUps.length > 0
    for (const link of this.options.links) link.setSourcePaused(wanted)
  }

  /** There are commands, which a lane may obey also while it waits for room. */
  private ringLanes(): void {
    for (const link of this.options.links) link.ringLane()
  }

  private tellLanes(): void {
    const { links } = this.options
    for (let index = 0; index < links.length; index++) links[index]!.tellLane()
  }
}

/** Of two losses; null: unknown, or more than a gap counts. */
function sumOf(one: number | null, other: number | null): number | null {
  return one === null || other === null || one + other > MISSED_MAX ? null : one + other
}

/** Of a Buffer, `slice` is no copy. */
function copy(bytes: Uint8Array, start: number, end: number): Uint8Array {
  return new Uint8Array(bytes.subarray(start, end))
}
