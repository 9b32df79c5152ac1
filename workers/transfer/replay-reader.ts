/**
 * Reads the tick log again for a client that was away, in parts that take a lane well below a millisecond. One lane's
 * own. Called when the plans of the audiences are written: it uses the turn's scratch.
 * See docs/decisions/0013-the-tick-log-is-read-again-without-a-lock.md.
 */

import type { NamedPlace } from '../../src/lane-protocol/lane-commands.js'
import { decodeEvent } from '../../src/lane-protocol/stream-events.js'
import type { StreamPlace } from '../../src/memory/stream-place.js'
import type { TickLogHistory } from '../../src/memory/tick-log-history.js'
import { MESSAGE_OVERHEAD_BYTES_MAX } from '../../src/protocol/envelope-format.js'
import type { GapReason } from '../../src/protocol/messages.js'
import type { TickCodec, TickReader } from '../../src/ticks/tick-codec.js'
import { EVERY } from '../collect/delivery-map.js'
import { FramePlan } from '../collect/frame-plan.js'
import type { LaneAudience } from '../collect/lane-audience.js'
import { GAP_BYTES_MAX } from '../collect/tick-collector.js'
import { type Gap, gapOf, type TurnBuffer } from '../collect/turn-buffer.js'
import { clientStream, type FrameComposer } from '../compose/frame-composer.js'
import type { FramePublisher } from '../compose/frame-publisher.js'
import type { KnownEpochs } from '../read/known-epochs.js'
import { LogCursor } from '../read/log-cursor.js'
import type { KnownSymbol, SymbolTable } from '../read/symbol-table.js'
import { TickClassifier, type TickLosses } from '../read/tick-classifier.js'
import type { ClientFrames } from './client-frames.js'

/** Ticks that one part reads at most: a quarter to half a millisecond. */
const TICKS_MAX = 1024
const NEVER = Number.POSITIVE_INFINITY

/** Which part of the past a client is to get: it has all ticks of the replay up to a place. */
export interface ReplayRange extends StreamPlace {
  /** Number of the last `ticks` message. */
  readonly seq: number
  /** Up to this serial number the client has what `earlier` gets tick by tick. */
  readonly reached: number
  readonly earlier: LaneAudience | undefined
}

/** Where a replay can begin that is to bring the ticks since a time. */
export interface PlaceSince {
  /** Behind the last tick before the replay. */
  readonly after: NamedPlace
  /** Whether no tick since that time is missing. False, too, where the log holds no earlier tick. */
  readonly isWhole: boolean
}

export interface ReplayPart extends ClientFrames {
  /** Behind the last tick that was read. */
  readonly place: StreamPlace
  /** Number of the last `ticks` message. */
  readonly seq: number
}

export interface ReplayReaderDeps<Known extends KnownSymbol> {
  readonly codec: TickCodec
  readonly history: TickLogHistory
  readonly epochs: KnownEpochs
  readonly symbols: SymbolTable<Known>
  /** Serial numbers of quarantined ticks. */
  readonly quarantined: ReadonlySet<number>
  readonly turn: TurnBuffer
  readonly composer: FrameComposer
  readonly publisher: FramePublisher
  /** Bytes of frames from which on a part is full. */
  readonly partBytesMax: number
}

export class ReplayReader<Known extends KnownSymbol> {
  private readonly deps: ReplayReaderDeps<Known>
  private readonly reader: TickReader

  constructor(deps: ReplayReaderDeps<Known>) {
    this.deps = deps
    this.reader = deps.codec.createReader(deps.history.bytes)
  }

  /**
   * Reads the next part of a replay.
   *
   * @param endSerial of the last tick of the replay
   * @returns undefined when the writer has overwritten some of the ticks
   */
  next(from: ReplayRange, audience: LaneAudience, endSerial: number): ReplayPart | undefined {
    const { history, turn } = this.deps
    turn.clear()
    const reading = new PartReading(this.deps, this.reader, audience, from)
    if (reading.serial < endSerial && !history.seek(reading.serial)) return undefined
    while (reading.serial < endSerial && reading.hasRoom) if (!reading.readRecord(endSerial)) return undefined
    return this.compose(reading, audience, from)
  }

  /**
   * The place from which the first tick follows that was received at `sinceUs` or later.
   *
   * @param end of the replay
   */
  placeSince(sinceUs: number, end: StreamPlace): PlaceSince {
    const { epochs, history } = this.deps
    const isWhole = history.seekReceived(sinceUs)
    const isBefore = history.nextTicks() && history.firstSerial <= end.serial
    const serial = isBefore ? history.firstSerial - 1 : end.serial
    const offset = isBefore ? history.firstOffset - 1 : end.offset
    // The beginning of an epoch has a serial number of its own, before its first tick.
    const { name, number } = epochs.at(serial)
    return {
      after: { serial, offset, epoch: number, epochName: name },
      isWhole: isWhole && history.seek(serial),
    }
  }

  private compose(reading: PartReading<Known>, audience: LaneAudience, from: ReplayRange): ReplayPart {
    const { composer, publisher } = this.deps
    const stream = clientStream(audience, from.seq)
    const { plan } = reading
    const frames = publisher.copyOf(plan.planBytes + MESSAGE_OVERHEAD_BYTES_MAX, start =>
      composer.compose(stream, plan, start),
    )
    return {
      frames,
      ticks: plan.tickCount,
      messages: stream.seq - from.seq,
      place: reading.place,
      seq: stream.seq,
    }
  }
}

/** The reading of one part: plans its ticks and gaps. */
class PartReading<Known extends KnownSymbol> implements TickLosses {
  readonly plan = new FramePlan()
  private readonly deps: ReplayReaderDeps<Known>
  private readonly cursor: LogCursor
  private readonly classifier: TickClassifier<Known>
  private readonly audience: LaneAudience
  private readonly range: ReplayRange
  /** The client has the ticks of each symbol up to this serial number; NEVER: it does not get the symbol tick by tick. */
  private readonly sentSerials = new Map<Known, number>()
  private ticksLeft = TICKS_MAX

  constructor(deps: ReplayReaderDeps<Known>, reader: TickReader, audience: LaneAudience, range: ReplayRange) {
    const { codec, history, quarantined, symbols } = deps
    this.deps = deps
    this.audience = audience
    this.range = range
    this.cursor = new LogCursor(
      history,
      range,
      { number: range.epoch, name: '', isShared: false },
      codec.batchPath,
    )
    this.classifier = new TickClassifier({
      bytes: history.bytes,
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
    const { history } = this.deps
    if (!cursor.nextRecord()) return false
    if (cursor.isAtEvent) this.readEvent()
    else while (this.serial < endSerial && this.hasRoom && cursor.nextTick()) this.takeTick()
    // All that was made of overwritten bytes is thrown away.
    return history.isIntact()
  }

  private readEvent(): void {
    const { cursor } = this
    const { history } = this.deps
    if (history.firstSerial <= this.serial) return
    // Copied and checked before it is parsed: an overwritten text may be anything.
    const bytes = cursor.eventBytes().slice()
    if (!history.isIntact()) return
    const event = decodeEvent(bytes)
    // A client that resumes is told the present state of the feed when it joins, not the past ones.
    if (event.op === 'status') return
    cursor.takeLoss(event)
    this.addGap(gapOf(event))
  }

  private takeTick(): void {
    const { classifier, plan } = this
    const { history, turn } = this.deps
    const { bytesPerTick, isJson, spec } = this.audience
    const { offset, serial, tickEnd, tickStart } = this.cursor
    this.ticksLeft--
    const symbol = classifier.classify(tickStart, tickEnd, serial)
    if (symbol === undefined || serial <= this.sentSerial(symbol)) return
    const tick = isJson
      ? turn.addJson(classifier.reader, symbol, offset, history.receivedUs)
      : turn.addProtobuf(classifier.reader, tickStart, tickEnd, offset, history.receivedUs)
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
