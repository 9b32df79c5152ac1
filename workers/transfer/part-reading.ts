/**
 * The reading of one part of a replay: plans its ticks and gaps. One lane's own, or that of the thread that reads the past.
 * The plan's ticks and gaps stand in the turn buffer.
 */
import { decodeEvent } from '../../src/lane-protocol/stream-events.js'
import type { StreamPlace } from '../../src/memory/stream-place.js'
import type { GapReason } from '../../src/protocol/messages.js'
import type { TickCodec, TickReader } from '../../src/ticks/tick-codec.js'
import { EVERY } from '../collect/delivery-map.js'
import { FramePlan } from '../collect/frame-plan.js'
import type { LaneAudience } from '../collect/lane-audience.js'
import { GAP_BYTES_MAX } from '../collect/tick-collector.js'
import { type Gap, gapOf, type TurnBuffer } from '../collect/turn-buffer.js'
import { LogCursor, type LogRecords } from '../read/log-cursor.js'
import type { KnownSymbol, SymbolTable } from '../read/symbol-table.js'
import { TickClassifier, type TickLosses } from '../read/tick-classifier.js'

const NEVER = Number.POSITIVE_INFINITY

/** Which part of the past a client is to get: it has all ticks of the replay up to a place. */
export interface ReplayRange extends StreamPlace {
  /** Number of the last `ticks` message. */
  readonly seq: number
  /** Up to this serial number the client has what `earlier` gets tick by tick. */
  readonly reached: number
  readonly earlier: LaneAudience | undefined
}

/** Records that may be overwritten while they are read. */
export interface PastRecords extends LogRecords {
  /** Whether every byte of the current record that was read so far is as it was written. */
  isIntact(): boolean
}

export interface PartReadingDeps<Known extends KnownSymbol> {
  readonly codec: TickCodec
  readonly records: PastRecords
  readonly symbols: SymbolTable<Known>
  /** Serial numbers of quarantined ticks. */
  readonly quarantined: ReadonlySet<number>
  readonly turn: TurnBuffer
  /** Bytes of frames from which on a part is full. */
  readonly partBytesMax: number
  /** Ticks that a part reads at most. */
  readonly partTicksMax: number
}

/** The reading of one part: plans its ticks and gaps. */
export class PartReading<Known extends KnownSymbol> implements TickLosses {
  readonly plan = new FramePlan()
  private readonly deps: PartReadingDeps<Known>
  private readonly cursor: LogCursor
  private readonly classifier: TickClassifier<Known>
  private readonly audience: LaneAudience
  private readonly range: ReplayRange
  /** The client has the ticks of each symbol up to this serial number; NEVER: it does not get the symbol tick by tick. */
  private readonly sentSerials = new Map<Known, number>()
  private ticksLeft: number

  constructor(deps: PartReadingDeps<Known>, reader: TickReader, audience: LaneAudience, range: ReplayRange) {
    const { codec, quarantined, records, symbols } = deps
    this.deps = deps
    this.ticksLeft = deps.partTicksMax
    this.audience = audience
    this.range = range
    this.cursor = new LogCursor(
      records,
      range,
      { number: range.epoch, name: '', isShared: false },
      codec.batchPath,
    )
    this.classifier = new TickClassifier({
      bytes: records.bytes,
      reader,
      symbols,
      quarantined,
      losses: this,
    })
  }

  /** Serial number of the last tick or loss that was read. */
  get serial(): number {
    return this.cursor.serial
  }

  get place(): StreamPlace {
    return this.cursor.place
  }

  /** Whether the current record has ticks that were not taken. */
  get isInRecord(): boolean {
    return this.cursor.isInRecord
  }

  get hasRoom(): boolean {
    const { partBytesMax, turn } = this.deps
    return this.ticksLeft > 0 && this.plan.planBytes < partBytesMax && turn.hasRoom()
  }

  /**
   * Reads the next record, up to `endSerial` and while there is room.
   *
   * @returns false when the writer has overwritten it
   */
  readRecord(endSerial: number): boolean {
    const { cursor } = this
    const { records } = this.deps
    if (!cursor.nextRecord()) return false
    if (cursor.isAtEvent) this.readEvent()
    else while (this.serial < endSerial && this.hasRoom && cursor.nextTick()) this.takeTick()
    // All that was made of overwritten bytes is thrown away.
    return records.isIntact()
  }

  private readEvent(): void {
    const { cursor } = this
    const { records } = this.deps
    if (records.firstSerial <= this.serial) return
    // Copied and checked before it is parsed: an overwritten text may be anything.
    const bytes = cursor.eventBytes().slice()
    if (!records.isIntact()) return
    const event = decodeEvent(bytes)
    // A client that resumes is told the present state of the feed when it joins, not the past ones.
    if (event.op === 'status') return
    cursor.takeLoss(event)
    this.addGap(gapOf(event))
  }

  private takeTick(): void {
    const { classifier, plan } = this
    const { records, turn } = this.deps
    const { bytesPerTick, isJson, spec } = this.audience
    const { offset, serial, tickEnd, tickStart } = this.cursor
    this.ticksLeft--
    const symbol = classifier.classify(tickStart, tickEnd, serial)
    if (symbol === undefined || serial <= this.sentSerial(symbol)) return
    const tick = isJson
      ? turn.addJson(classifier.reader, symbol, offset, records.receivedUs)
      : turn.addProtobuf(classifier.reader, tickStart, tickEnd, offset, records.receivedUs)
    plan.addTick(tick, turn.ticks[spec.encoding].bytesOf(tick) + bytesPerTick)
  }

  private sentSerial(symbol: Known): number {
    let sentSerial = this.sentSerials.get(symbol)
    if (sentSerial === undefined) {
      const { earlier, reached, serial } = this.range
      const name = symbol.symbol
      if (this.audience.deliveryOf(name) !== EVERY) sentSerial = NEVER
      else sentSerial = earlier?.deliveryOf(name) === EVERY ? Math.max(serial, reached) : serial
      this.sentSerials.set(symbol, sentSerial)
    }
    return sentSerial
  }

  private addGap(gap: Gap): void {
    this.plan.addNotice(this.deps.turn.notices.push(gap) - 1, GAP_BYTES_MAX)
  }

  // TickLosses

  loseTick(reason: GapReason): void {
    const { offset } = this.cursor
    this.addGap({ reason, missed: 1, from: offset, to: offset })
  }

  skipUnknownKind(): void {
    // No gap: a client that was connected was told of none.
  }

  skipWithoutSymbol(): void {
    // No gap: the message is no tick.
  }
}
