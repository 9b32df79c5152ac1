/**
 * Composes what one client gets of the past, from the records of one reading. Of the thread that reads the past.
 * Serial numbers count the ticks and losses of this reading: 1, 2, 3 …
 */
import type { PastPlace, WantedPast } from '../../src/lane-protocol/history-messages.js'
import type { LostEvent } from '../../src/lane-protocol/stream-events.js'
import { MESSAGE_OVERHEAD_BYTES_MAX } from '../../src/protocol/envelope-format.js'
import { MISSED_MAX } from '../../src/protocol/messages.js'
import type { HistoryLoss, HistoryRecord, HistoryTicks, NamedOffset } from '../../src/ticks/stream-history.js'
import type { TickReader } from '../../src/ticks/tick-codec.js'
import type { LaneAudience } from '../collect/lane-audience.js'
import { clientStream, type FrameComposer } from '../compose/frame-composer.js'
import type { FramePublisher } from '../compose/frame-publisher.js'
import type { KnownSymbol } from '../read/symbol-table.js'
import { type ClientFrames, concatFrames } from './client-frames.js'
import type { HistoryWindow } from './history-window.js'
import { PartReading, type PartReadingDeps, type ReplayRange } from './part-reading.js'

/** Bytes of frames from which on the main thread is given them. */
const FRAME_BYTES_MAX = 256 * 1024
/** Ticks that are read at a time: about 10 ms. */
const TICKS_MAX = 32_768
/** Up to here a client has all that an earlier audience got; ALL: of the whole record. */
const ALL = Number.POSITIVE_INFINITY
const NONE = 0

export interface HistoryReplayDeps<Known extends KnownSymbol> extends PartReadingDeps<Known> {
  readonly records: HistoryWindow
  readonly reader: TickReader
  readonly composer: FrameComposer
  readonly publisher: FramePublisher
}

export interface HistoryPart extends ClientFrames {
  readonly seq: number
  readonly place: PastPlace
  readonly ticksRead: number
}

export class HistoryReplay<Known extends KnownSymbol> {
  private readonly deps: HistoryReplayDeps<Known>
  private readonly audience: LaneAudience
  private readonly earlier: LaneAudience | undefined
  private readonly had: NamedOffset | undefined
  private place: NamedOffset
  private serial = 0
  private queue: readonly HistoryRecord[] = []
  /** Index of the current record in `queue`. */
  private index = 0
  /** Of the first tick of the current record. */
  private firstSerial = 1
  private isInRecord = false
  /** Whether records of the epoch of `had` have come. */
  private hasMetHad: boolean
  private _isPastHad: boolean
  /** Losses without offsets behind the place that were told, and of these the ones that will come again. */
  private losses: number
  private lossesToSkip: number

  /**
   * @param audience what the client gets
   * @param earlier what it has got up to the place in `has`
   * @param place after which the records begin
   */
  constructor(
    deps: HistoryReplayDeps<Known>,
    audience: LaneAudience,
    earlier: LaneAudience | undefined,
    { has, losses }: Pick<WantedPast, 'has' | 'losses'>,
    place: NamedOffset,
  ) {
    this.deps = deps
    this.audience = audience
    this.earlier = earlier
    this.had = has?.upTo
    this.losses = losses
    this.lossesToSkip = losses
    this.place = place
    this.hasMetHad = this.had?.epoch === place.epoch
    this._isPastHad = this.had === undefined || (this.hasMetHad && place.offset >= this.had.offset)
  }

  /** Whether the client has nothing of what follows. */
  get isPastHad(): boolean {
    return this._isPastHad
  }

  /** Whether all records that came were read. */
  get isDone(): boolean {
    return this.index === this.queue.length
  }

  /** Further records. Only while it is done. */
  add(records: readonly HistoryRecord[]): void {
    this.queue = records
    this.index = 0
    while (this.lossesToSkip > 0 && !this.isDone) {
      const record = records[this.index]!
      if (hasNoOffsets(record) && record.to === this.place.offset) {
        this.lossesToSkip--
        this.index++
      } else this.lossesToSkip = 0
    }
  }

  /** Frames of the next records. @param seq number of the last `ticks` message */
  next(seq: number): HistoryPart {
    const before = this.serial
    const parts: ClientFrames[] = []
    let bytes = 0
    let lastSeq = seq
    while (!this.isDone && bytes < FRAME_BYTES_MAX && this.serial - before < TICKS_MAX) {
      const { seq, ...frames } = this.readPart(lastSeq)
      lastSeq = seq
      bytes += frames.frames.length
      parts.push(frames)
    }
    return {
      ...concatFrames(...parts),
      seq: lastSeq,
      place: { ...this.place, losses: this.losses },
      ticksRead: this.serial - before,
    }
  }

  /** Reads records as long as one message has room, and the client has the same part of each. */
  private readPart(seq: number): ClientFrames & { readonly seq: number } {
    const { audience, deps } = this
    deps.turn.clear()
    this.beginRecord()
    const range = this.range(seq)
    const reading = new PartReading(deps, deps.reader, audience, range)
    do {
      this.beginRecord()
      if (this.reachedIn(this.queue[this.index]!) !== range.reached) break
      this.readRecord(reading)
    } while (!this.isDone && reading.hasRoom)
    const { plan } = reading
    const stream = clientStream(audience, seq)
    const frames = deps.publisher.copyOf(plan.planBytes + MESSAGE_OVERHEAD_BYTES_MAX, start =>
      deps.composer.compose(stream, plan, start),
    )
    return { frames, ticks: plan.tickCount, messages: stream.seq - seq, seq: stream.seq }
  }

  private range(seq: number): ReplayRange {
    const { earlier, place, queue, serial } = this
    const reached = this.reachedIn(queue[this.index]!)
    return {
      serial,
      offset: place.offset,
      epoch: 0,
      seq,
      reached,
      earlier: reached === NONE ? undefined : earlier,
    }
  }

  /** Gives the record its serial numbers, once. */
  private beginRecord(): void {
    if (this.isInRecord) return
    const record = this.queue[this.index]!
    const taken = record.kind === 'ticks' ? Math.max(0, this.place.offset - record.offset + 1) : 0
    this.firstSerial = this.serial + 1 - taken
    this.isInRecord = true
    this.meet(record)
  }

  private readRecord(reading: PartReading<Known>): void {
    const record = this.queue[this.index]!
    const { records } = this.deps
    if (record.kind === 'loss') records.loadLoss(eventOf(record), this.firstSerial)
    else if (!records.loadTicks(record, this.firstSerial)) {
      this.replaceRecord(malformed(record, this.place.offset))
      return
    }
    reading.readRecord(Number.POSITIVE_INFINITY)
    this.serial = reading.serial
    this.place = { epoch: record.epoch, offset: reading.place.offset }
    this.losses = hasNoOffsets(record) ? this.losses + 1 : 0
    if (reading.isInRecord) return
    const last = record.kind === 'ticks' ? record.offset + record.count - 1 : record.to
    // The message holds fewer ticks than it says.
    if (record.kind === 'ticks' && this.place.offset < last)
      this.replaceRecord(malformed(record, this.place.offset))
    else {
      this.index++
      this.isInRecord = false
    }
  }

  private replaceRecord(record: HistoryLoss): void {
    this.queue = [record, ...this.queue.slice(this.index + 1)]
    this.index = 0
    this.isInRecord = false
  }

  /** Notes whether the place up to which the client has something is behind. */
  private meet(record: HistoryRecord): void {
    const { had } = this
    if (had === undefined || this._isPastHad) return
    if (record.epoch === had.epoch) {
      this.hasMetHad = true
      const before = record.kind === 'ticks' ? record.offset - 1 : record.to
      if (before >= had.offset) this._isPastHad = true
    } else if (this.hasMetHad) this._isPastHad = true
  }

  /** Serial number of the last tick of the record that the client has, as far as `earlier` gets it. */
  private reachedIn(record: HistoryRecord): number {
    const { firstSerial, had } = this
    if (had === undefined || this._isPastHad) return NONE
    if (record.kind === 'loss' || record.epoch !== had.epoch) return ALL
    return record.offset + record.count - 1 <= had.offset ? ALL : firstSerial + had.offset - record.offset
  }
}

/** Whether the record is a loss that leaves the place where it is. */
function hasNoOffsets(record: HistoryRecord): record is HistoryLoss {
  return record.kind === 'loss' && !record.beginsEpoch && record.to < record.from
}

function eventOf({ beginsEpoch, epoch, from, missed, reason, to }: HistoryLoss): LostEvent {
  const event: LostEvent = {
    op: 'lost',
    reason,
    missed: missed !== null && missed > MISSED_MAX ? null : missed,
    from,
    to,
    offset: to,
  }
  return beginsEpoch ? { ...event, epoch: { number: 0, name: epoch, isShared: true } } : event
}

/** The rest of a record cannot be read. @param lastOffset of the last tick before */
function malformed({ count, epoch, offset }: HistoryTicks, lastOffset: number): HistoryLoss {
  const to = offset + count - 1
  const from = Math.max(offset, lastOffset + 1)
  return { kind: 'loss', epoch, reason: 'malformed', missed: to - from + 1, from, to, beginsEpoch: false }
}
