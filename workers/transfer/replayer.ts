/**
 * Reads for a client what it missed while it was away from the tick log again, in parts that take a lane well below a
 * millisecond. One lane's own; called when the turn's other frames are written, so the turn's scratch is free.
 */

import {
  ALL_LANES,
  decodeCommand,
  lastLostOffset,
  offsetsOf,
  type ReplayPosition,
} from '../../src/lane-protocol/lane-commands.js'
import type { FeedCheckpoints } from '../../src/memory/feed-checkpoints.js'
import type { TickLogHistory } from '../../src/memory/tick-log-history.js'
import { COMMAND, TICK_BATCH } from '../../src/memory/tick-log-layout.js'
import { MESSAGE_OVERHEAD_BYTES_MAX } from '../../src/protocol/envelope-format.js'
import type { GapReason } from '../../src/protocol/messages.js'
import { BatchReader } from '../../src/ticks/batch-reader.js'
import type { TickCodec, TickReader } from '../../src/ticks/tick-codec.js'
import { FramePlan } from '../collect/gathering.js'
import { EVERY, type LaneAudience } from '../collect/lane-audience.js'
import type { Turn } from '../collect/turn-buffer.js'
import { type FrameComposer, GAP_BYTES_MAX } from '../compose/frame-composer.js'
import type { FramePublisher } from '../compose/frame-publisher.js'
import { FeedContinuity } from '../read/feed-continuity.js'
import type { SymbolEntry, SymbolTable } from '../read/symbol-table.js'
import { TickClassifier, type TickLosses } from '../read/tick-classifier.js'

/** Ticks that are looked at for one part: a quarter to half a millisecond. */
const TICKS_MAX = 1024

/** A part of a replay. */
export interface ReplayPart {
  /** Maybe none. */
  readonly frames: Uint8Array
  readonly ticks: number
  readonly messages: number
  /** How far it goes. */
  readonly position: ReplayPosition
}

export interface ReplayerDeps {
  readonly codec: TickCodec
  readonly history: TickLogHistory
  readonly checkpoints: FeedCheckpoints
  readonly symbols: SymbolTable
  readonly poison: ReadonlySet<number>
  readonly positionsTellLosses: boolean
  readonly turn: Turn
  readonly composer: FrameComposer
  readonly publisher: FramePublisher
  /** Bytes of frames in one part, about. */
  readonly partBytesMax: number
}

export class Replayer {
  private readonly parts: ReplayerDeps
  private readonly reader: TickReader

  constructor(parts: ReplayerDeps) {
    this.parts = parts
    this.reader = parts.codec.createReader(parts.history.bytes)
  }

  /**
   * Makes the next part of a replay.
   *
   * @param end offset of the last tick that belongs to it
   * @returns undefined when some of the ticks are gone
   */
  next(from: ReplayPosition, audience: LaneAudience, end: number): ReplayPart | undefined {
    const { checkpoints, history, turn } = this.parts
    const { continuity } = from
    const start =
      continuity === null ? checkpoints.before(from.offset) : { ...continuity, offset: from.offset }
    if (start === undefined) return undefined
    turn.clear()
    const stream = new ReplayStream(this.parts, this.reader, audience, from, start)
    if (stream.offset < end && !history.seek(stream.offset)) return undefined
    while (stream.offset < end && stream.hasRoom) {
      if (!history.next()) return undefined
      stream.takeRecord(end)
      // What was made of bytes that are written over is thrown away.
      if (!history.isIntact()) return undefined
    }
    return this.compose(stream, from)
  }

  private compose(stream: ReplayStream, from: ReplayPosition): ReplayPart {
    const { composer, publisher } = this.parts
    const start = publisher.reserve(stream.gatheredBytes + MESSAGE_OVERHEAD_BYTES_MAX)
    const end = composer.compose(stream, start)
    return {
      // A copy: what is reserved belongs to whoever reserves next.
      frames: publisher.ring.bytes.slice(start, end),
      ticks: stream.tickCount,
      messages: stream.seq - from.seq,
      // What was only looked at, from the checkpoint on, was sent before.
      position: {
        offset: Math.max(stream.offset, from.offset),
        seq: stream.seq,
        continuity: stream.continuity.state,
      },
    }
  }
}

/** One part in the making: composed like what an audience has gathered. */
class ReplayStream extends FramePlan implements TickLosses {
  readonly spec: LaneAudience['spec']
  readonly format: LaneAudience['format']
  seq: number
  readonly continuity: FeedContinuity
  /** Of the last tick that was looked at. */
  offset: number
  private readonly parts: ReplayerDeps
  private readonly sorter: TickClassifier
  private readonly audience: LaneAudience
  private readonly batch = new BatchReader()
  private readonly isWanted = new Map<SymbolEntry, boolean>()
  /** Ticks up to here were sent before. */
  private readonly sentOffset: number
  private ticksLeft = TICKS_MAX

  constructor(
    parts: ReplayerDeps,
    reader: TickReader,
    audience: LaneAudience,
    from: ReplayPosition,
    start: ReplayPosition['continuity'] & { readonly offset: number },
  ) {
    super()
    this.parts = parts
    this.audience = audience
    // One client's own, so it is not compressed.
    this.spec = { ...audience.spec, windowBits: 0 }
    this.format = audience.format
    this.seq = from.seq
    this.sentOffset = from.offset
    this.offset = start.offset
    this.continuity = new FeedContinuity(start, parts.positionsTellLosses)
    const { history, poison, symbols } = parts
    const { continuity } = this
    this.sorter = new TickClassifier({
      bytes: history.bytes,
      reader,
      symbols,
      poison,
      continuity,
      losses: this,
    })
  }

  get hasRoom(): boolean {
    const { partBytesMax, turn } = this.parts
    // Ticks before the part that was asked for are looked at in any case: there are few.
    if (this.offset < this.sentOffset) return true
    return this.ticksLeft > 0 && this.gatheredBytes < partBytesMax && turn.hasRoom()
  }

  /** Goes through the ticks of the record in hand up to `end`, or until there is no room; obeys it if it is a command. */
  takeRecord(end: number): void {
    const { count, firstOffset, payloadLength, payloadStart, type } = this.parts.history
    const payloadEnd = payloadStart + payloadLength
    if (type === COMMAND) {
      if (firstOffset > this.offset && count === ALL_LANES) this.obey(firstOffset, payloadStart, payloadEnd)
      return
    }
    if (firstOffset + count - 1 <= this.offset) return
    if (type !== TICK_BATCH) {
      this.takeTick(payloadStart, payloadEnd)
      return
    }
    const { batch } = this
    batch.reset(this.parts.history.bytes, payloadStart, payloadEnd)
    for (let offset = firstOffset; offset <= this.offset; offset++) batch.next()
    while (this.offset < end && this.hasRoom && batch.next()) this.takeTick(batch.tickStart, batch.tickEnd)
  }

  private obey(firstOffset: number, payloadStart: number, payloadEnd: number): void {
    const { history } = this.parts
    // Copied and looked at before it is parsed: text that is written over may be anything.
    const bytes = history.bytes.slice(payloadStart, payloadEnd)
    if (!history.isIntact()) return
    const command = decodeCommand(bytes)
    if (command.op === 'session') this.continuity.sessionStarted(command)
    if (command.op !== 'lost') return
    const { missed, reason } = command
    this.offset = firstOffset + offsetsOf(command) - 1
    this.continuity.lose(missed ?? 0)
    this.tellGap({ reason, from: firstOffset, to: lastLostOffset(command, firstOffset), missed })
  }

  private takeTick(start: number, end: number): void {
    const { history, turn } = this.parts
    const { sorter, spec } = this
    const offset = ++this.offset
    this.ticksLeft--
    const symbol = sorter.sort(start, end, offset)
    if (symbol === undefined || offset <= this.sentOffset || !this.wants(symbol)) return
    const tick =
      spec.encoding === 'json'
        ? turn.addJson(sorter.reader, symbol, offset, history.receivedUs)
        : turn.addProtobuf(history.bytes, start, end, offset, history.receivedUs)
    this.gatherTick(tick, turn.ticks[spec.encoding].bytesOf(tick) + this.audience.bytesPerTick)
  }

  private wants(symbol: SymbolEntry): boolean {
    let isWanted = this.isWanted.get(symbol)
    if (isWanted === undefined) {
      isWanted = this.audience.deliveryOf(symbol.symbol) === EVERY
      this.isWanted.set(symbol, isWanted)
    }
    return isWanted
  }

  // Losses

  loseTick(reason: GapReason): void {
    this.tellGap({ reason, from: this.offset, to: this.offset, missed: 1 })
  }

  loseUpstream(missed: number | null): void {
    this.tellGap({ reason: 'upstream', from: this.offset, to: this.offset - 1, missed })
  }

  breakPositions(): void {
    this.loseUpstream(null)
  }

  seenBefore(): void {
    // Nobody is told: the client has got it, or is given it elsewhere in the replay.
  }

  private tellGap(gap: { reason: GapReason; from: number; to: number; missed: number | null }): void {
    if (this.offset <= this.sentOffset) return
    this.gatherGap(this.parts.turn.gaps.push(gap) - 1, GAP_BYTES_MAX)
  }
}
