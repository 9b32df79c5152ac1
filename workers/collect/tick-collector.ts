/**
 * Collects ticks, losses and the feed's status into the frame plans of the lane's audiences, until the turn is published. One lane's own.
 * A tick is encoded when the first audience gets it, once per encoding.
 */

import { removeItem } from '../../src/common/remove-item.js'
import type { TickLogReader } from '../../src/memory/tick-log-reader.js'
import { MESSAGE_OVERHEAD_BYTES_MAX } from '../../src/protocol/envelope-format.js'
import { GAP_TEXT_BYTES_MAX } from '../../src/protocol/messages.js'
import { FRAME_HEADER_BYTES_MAX } from '../../src/protocol/websocket-frame.js'
import type { TickReader } from '../../src/ticks/tick-codec.js'
import type { LogCursor } from '../read/log-cursor.js'
import type { KnownSymbol } from '../read/symbol-table.js'
import type { LaneAudience } from './lane-audience.js'
import type { Gap, TurnBuffer } from './turn-buffer.js'

/** Bytes that a gap takes at most: its own message, and the new message that the ticks behind it need. */
export const GAP_BYTES_MAX = FRAME_HEADER_BYTES_MAX + GAP_TEXT_BYTES_MAX + MESSAGE_OVERHEAD_BYTES_MAX

/** Spans in the plans of all audiences of one turn at most, 8 bytes each. */
const SPANS_MAX = 524_288

const NOT_ENCODED = -1

export interface TickCollectorDeps {
  /** Stands at the record of the current tick. */
  readonly log: TickLogReader
  /** Stands at the current tick. */
  readonly cursor: LogCursor
  /** Holds the fields of the current tick. */
  readonly reader: TickReader
  readonly turn: TurnBuffer
  /** Bytes of one audience's plan from which on the turn is full. */
  readonly turnBytesMax: number
}

export class TickCollector {
  /** The audiences whose plans are not empty. */
  readonly planned: LaneAudience[] = []
  private readonly deps: TickCollectorDeps
  private readonly audiences: LaneAudience[] = []
  /** The audiences that get every tick of all symbols. */
  private readonly unfiltered: LaneAudience[] = []
  /** Index of the current tick in the turn, and its length there, for each encoding. */
  private tickInJson = NOT_ENCODED
  private jsonBytes = 0
  private tickInProtobuf = NOT_ENCODED
  private protobufBytes = 0
  /** Spans in the plans of all audiences. */
  private spans = 0
  /** Whether the plan of some audience has reached the turn's bound of bytes. */
  private isFull = false

  constructor(deps: TickCollectorDeps) {
    this.deps = deps
  }

  /** Whether the turn takes one more tick. */
  get hasRoom(): boolean {
    return !this.isFull && this.spans < SPANS_MAX && this.deps.turn.hasRoom()
  }

  open(audience: LaneAudience): void {
    this.audiences.push(audience)
    if (audience.isUnfiltered) this.unfiltered.push(audience)
  }

  close(audience: LaneAudience): void {
    removeItem(this.audiences, audience)
    removeItem(this.unfiltered, audience)
    removeItem(this.planned, audience)
  }

  /** Begins with the next tick. */
  nextTick(): void {
    this.tickInJson = NOT_ENCODED
    this.tickInProtobuf = NOT_ENCODED
  }

  /**
   * Adds the current tick, at `[start, end)` of the log, to the plans of the unfiltered audiences and of `audiences`.
   */
  collect(symbol: KnownSymbol, audiences: readonly LaneAudience[], start: number, end: number): void {
    const { unfiltered } = this
    for (let index = 0; index < unfiltered.length; index++)
      this.collectFor(unfiltered[index]!, symbol, start, end)
    for (let index = 0; index < audiences.length; index++)
      this.collectFor(audiences[index]!, symbol, start, end)
  }

  /** Adds the current tick, at `[start, end)` of the log, to the plan of one audience. */
  collectFor(audience: LaneAudience, symbol: KnownSymbol, start: number, end: number): void {
    const { offset, serial } = this.deps.cursor
    // True only in a successor, for ticks between its starting point and the last published tick of the lane before.
    if (serial <= audience.sentSerial) return
    const { isJson } = audience
    const tick = isJson ? this.asJson(symbol, offset) : this.asProtobuf(start, end, offset)
    const bytes = isJson ? this.jsonBytes : this.protobufBytes
    const spansBefore = audience.spanCount
    if (spansBefore === 0) this.planned.push(audience)
    audience.addTick(tick, bytes + audience.bytesPerTick)
    this.spans += audience.spanCount - spansBefore
    if (audience.planBytes >= this.deps.turnBytesMax) this.isFull = true
  }

  /** Adds a gap to the plans of all audiences. @param serial of the loss */
  collectLoss(gap: Gap, serial: number): void {
    if (this.audiences.length === 0) return
    const { notices } = this.deps.turn
    const last = notices.at(-1)
    const before = last instanceof Uint8Array ? undefined : last
    if (before !== undefined && this.continues(before, gap)) {
      before.to = gap.to
      before.missed! += gap.missed!
    } else notices.push(gap)
    for (const audience of this.audiences)
      this.collectLossFor(audience, notices.length - 1, gap.missed, serial)
  }

  /** Adds a status of the feed to the plans of all audiences. @param frame its message, the same for all of them */
  collectStatus(number: number, frame: Uint8Array): void {
    const { notices } = this.deps.turn
    const notice = notices.push(frame) - 1
    for (const audience of this.audiences) {
      // The lane before has told it.
      if (number <= audience.statusNumber) continue
      audience.statusNumber = number
      this.addNotice(audience, notice, frame.length + MESSAGE_OVERHEAD_BYTES_MAX)
    }
  }

  /** Takes an audience out of the turn, since a prompt turn writes its plan. */
  leaveOut(audience: LaneAudience): void {
    removeItem(this.planned, audience)
  }

  /** Begins the next turn: all plans are written, or there was none. */
  clear(): void {
    this.planned.length = 0
    this.deps.turn.clear()
    this.spans = 0
    this.isFull = false
  }

  private asJson(symbol: KnownSymbol, offset: number): number {
    if (this.tickInJson === NOT_ENCODED) {
      const { log, reader, turn } = this.deps
      this.tickInJson = turn.addJson(reader, symbol, offset, log.receivedUs)
      this.jsonBytes = turn.ticks.json.bytesOf(this.tickInJson)
    }
    return this.tickInJson
  }

  private asProtobuf(start: number, end: number, offset: number): number {
    if (this.tickInProtobuf === NOT_ENCODED) {
      const { log, reader, turn } = this.deps
      this.tickInProtobuf = turn.addProtobuf(reader, start, end, offset, log.receivedUs)
      this.protobufBytes = turn.ticks.protobuf.bytesOf(this.tickInProtobuf)
    }
    return this.tickInProtobuf
  }

  /** Whether a gap follows the last notice of the turn without a tick between, so that they are one. */
  private continues(before: Gap, { epoch, from, missed, reason, to }: Gap): boolean {
    const isAlike = before.reason === reason && before.to === from - 1 && to >= from && epoch === undefined
    const areCounted = before.missed !== null && missed !== null
    return isAlike && areCounted && this.allEndWithNotice(this.deps.turn.notices.length - 1)
  }

  /** Whether the plans of all audiences end with this gap, so that the gap can grow. */
  private allEndWithNotice(notice: number): boolean {
    for (const audience of this.audiences) if (!audience.endsWithNotice(notice)) return false
    return true
  }

  private collectLossFor(audience: LaneAudience, gap: number, missed: number | null, serial: number): void {
    // The lane before has told it, since it took the tick that the gap belongs to.
    if (serial <= audience.sentSerial) return
    if (missed === null) audience.unknownLosses++
    else audience.lostTotal += missed
    if (!audience.endsWithNotice(gap)) this.addNotice(audience, gap, GAP_BYTES_MAX)
  }

  private addNotice(audience: LaneAudience, notice: number, bytes: number): void {
    if (audience.spanCount === 0) this.planned.push(audience)
    audience.addNotice(notice, bytes)
    this.spans++
    if (audience.planBytes >= this.deps.turnBytesMax) this.isFull = true
  }
}
