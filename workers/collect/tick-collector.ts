/**
 * Who gets a tick, or is told of a loss: the audiences of a lane, and what each has gathered for the turn in the making. One lane's own.
 * A tick is encoded when the first audience wants it, once for each encoding that is wanted.
 */

import { removeItem } from '../../src/common/remove-item.js'
import type { TickLogReader } from '../../src/memory/tick-log-reader.js'
import type { GapReason } from '../../src/protocol/messages.js'
import type { TickReader } from '../../src/ticks/tick-codec.js'
import { GAP_BYTES_MAX } from '../compose/frame-composer.js'
import type { SymbolEntry, SymbolTable } from '../read/symbol-table.js'
import type { LaneAudience } from './lane-audience.js'
import type { Turn } from './turn-buffer.js'

/** Runs gathered by all audiences in one turn at the most, 8 bytes each. */
const RUNS_MAX = 524_288

const NOT_ENCODED = -1

export interface TickCollectorDeps {
  /** Its record in hand has the tick in hand. */
  readonly log: TickLogReader
  /** What the tick in hand says. */
  readonly reader: TickReader
  readonly symbols: SymbolTable
  readonly turn: Turn
  /** What one audience may gather in a turn, about, bytes. */
  readonly turnBytesMax: number
}

export class TickCollector {
  readonly audiences = new Map<number, LaneAudience>()
  /** Those that have gathered something this turn. */
  readonly gathering: LaneAudience[] = []
  private readonly parts: TickCollectorDeps
  /** Those that get every tick. */
  private readonly unfiltered: LaneAudience[] = []
  /** Where the tick in hand stands in the turn, and how many bytes it takes there, in each encoding. */
  private tickInJson = NOT_ENCODED
  private jsonBytes = 0
  private tickInProtobuf = NOT_ENCODED
  private protobufBytes = 0
  private runs = 0
  /** Whether some audience has gathered all it may in a turn. */
  private isFull = false

  constructor(parts: TickCollectorDeps) {
    this.parts = parts
  }

  /** Whether one more tick may be gathered in this turn. */
  get hasRoom(): boolean {
    return !this.isFull && this.runs < RUNS_MAX && this.parts.turn.hasRoom()
  }

  open(audience: LaneAudience): void {
    this.audiences.set(audience.id, audience)
    if (audience.spec.symbols === null) this.unfiltered.push(audience)
    else this.parts.symbols.open(audience)
  }

  close(audience: LaneAudience): void {
    this.audiences.delete(audience.id)
    if (audience.spec.symbols === null) removeItem(this.unfiltered, audience)
    else this.parts.symbols.close(audience)
    removeItem(this.gathering, audience)
  }

  /** A tick is in hand. */
  next(): void {
    this.tickInJson = NOT_ENCODED
    this.tickInProtobuf = NOT_ENCODED
  }

  /** Hands the tick at `[start, end)` of the log to every audience that wants each of its symbol. */
  gather(symbol: SymbolEntry, start: number, end: number, offset: number): void {
    const { unfiltered } = this
    const { audiences } = symbol
    for (let index = 0; index < unfiltered.length; index++)
      this.gatherFor(unfiltered[index]!, symbol, start, end, offset)
    for (let index = 0; index < audiences.length; index++)
      this.gatherFor(audiences[index]!, symbol, start, end, offset)
  }

  /** The same for those that want the latest only. */
  gatherUnmerged(symbol: SymbolEntry, start: number, end: number, offset: number): void {
    const { parts } = symbol
    for (let index = 0; index < parts.length; index++)
      this.gatherFor(parts[index]!.audience, symbol, start, end, offset)
  }

  /** Lets every audience be told that ticks are missing before or at the tick in hand. */
  lose(reason: GapReason, from: number, to: number, missed: number | null): void {
    if (this.audiences.size === 0) return
    const { gaps } = this.parts.turn
    const last = gaps.at(-1)
    const goesOn = last?.reason === reason && last.to === from - 1 && to >= from
    if (goesOn && last.missed !== null && missed !== null && this.nothingSince(gaps.length - 1)) {
      last.to = to
      last.missed += missed
    } else gaps.push({ reason, from, to, missed })
    // What the feed never sent has no offsets: it is missing before the tick at `from`.
    const offset = Math.max(from, to)
    for (const audience of this.audiences.values()) this.tellLoss(audience, gaps.length - 1, missed, offset)
  }

  /** Leaves an audience out of the turn. */
  leaveOut(audience: LaneAudience): void {
    removeItem(this.gathering, audience)
  }

  /** What was gathered is published, or nothing was: the next turn begins. */
  clear(): void {
    this.gathering.length = 0
    this.parts.turn.clear()
    this.runs = 0
    this.isFull = false
  }

  private gatherFor(
    audience: LaneAudience,
    symbol: SymbolEntry,
    start: number,
    end: number,
    offset: number,
  ): void {
    // True only in a successor, for ticks between its starting point and what the lane before it had published.
    if (offset <= audience.sentOffset) return
    const { isJson } = audience
    const tick = isJson ? this.asJson(symbol, offset) : this.asProtobuf(start, end, offset)
    const bytes = isJson ? this.jsonBytes : this.protobufBytes
    const runsBefore = audience.runCount
    if (runsBefore === 0) this.gathering.push(audience)
    audience.gatherTick(tick, bytes + audience.bytesPerTick)
    this.runs += audience.runCount - runsBefore
    if (audience.gatheredBytes >= this.parts.turnBytesMax) this.isFull = true
  }

  /** The tick in hand in an encoding, made when the first audience wants it. */
  private asJson(symbol: SymbolEntry, offset: number): number {
    if (this.tickInJson === NOT_ENCODED) {
      const { log, reader, turn } = this.parts
      this.tickInJson = turn.addJson(reader, symbol, offset, log.receivedUs)
      this.jsonBytes = turn.ticks.json.bytesOf(this.tickInJson)
    }
    return this.tickInJson
  }

  private asProtobuf(start: number, end: number, offset: number): number {
    if (this.tickInProtobuf === NOT_ENCODED) {
      const { log, turn } = this.parts
      this.tickInProtobuf = turn.addProtobuf(log.bytes, start, end, offset, log.receivedUs)
      this.protobufBytes = turn.ticks.protobuf.bytesOf(this.tickInProtobuf)
    }
    return this.tickInProtobuf
  }

  /** Whether every audience's last run is this gap, so that the gap can grow. */
  private nothingSince(gap: number): boolean {
    for (const audience of this.audiences.values()) if (!endsWith(audience, gap)) return false
    return true
  }

  private tellLoss(audience: LaneAudience, gap: number, missed: number | null, offset: number): void {
    // Told by the lane before, as the tick that it belongs to was taken by that lane.
    if (offset <= audience.sentOffset) return
    if (missed === null) audience.unknownLosses++
    else audience.lostTotal += missed
    if (endsWith(audience, gap)) return
    if (audience.runCount === 0) this.gathering.push(audience)
    audience.gatherGap(gap, GAP_BYTES_MAX)
    this.runs++
    if (audience.gatheredBytes >= this.parts.turnBytesMax) this.isFull = true
  }
}

/** Whether the last of what the audience has gathered is this gap. */
function endsWith({ runCount, runs }: LaneAudience, gap: number): boolean {
  return runCount > 0 && runs[runCount * 2 - 2] === -1 - gap
}
