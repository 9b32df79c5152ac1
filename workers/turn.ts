/**
 * The turn in the making: every tick that somebody wants, encoded once, side by side in the lane's scratch, each followed by
 * a comma, so that neighbours are copied in one go. One lane's own; emptied when the turn is published.
 */
import type { LaneLayout } from '../src/memory/lane-layout.js'
import { TICK_JSON_BYTES_MAX, writeTickJson } from '../src/protocol/json-tick-encoder.js'
import type { GapReason } from '../src/protocol/messages.js'
import type { TickFields } from '../src/protocol/tick-fields.js'
import type { SymbolEntry } from './symbol-table.js'

/** Ticks in one turn at the most. */
const TICKS_MAX = 16_384
const COMMA = 0x2c

/** A loss that every audience is told, between two ticks. */
export interface Gap {
  readonly reason: GapReason
  readonly from: number
  to: number
  missed: number | null
}

export class Turn {
  /** Where each encoded tick begins; the next one's begin is its end, comma included. */
  readonly starts = new Int32Array(TICKS_MAX + 1)
  readonly offsets = new Float64Array(TICKS_MAX)
  readonly receivedUs = new Float64Array(TICKS_MAX)
  readonly gaps: Gap[] = []
  tickCount = 0
  private readonly bytes: Uint8Array
  private readonly scratchStart: number
  private readonly scratchEnd: number

  /** @param bytes the lane's whole memory */
  constructor(bytes: Uint8Array, layout: LaneLayout) {
    this.bytes = bytes
    this.scratchStart = layout.scratchStart
    this.scratchEnd = layout.scratchStart + layout.scratchBytes
    this.starts[0] = this.scratchStart
  }

  hasRoom(): boolean {
    return (
      this.tickCount < TICKS_MAX && this.starts[this.tickCount]! + TICK_JSON_BYTES_MAX + 1 <= this.scratchEnd
    )
  }

  /** Encodes a tick; there must be room. @returns its index in the turn */
  add(tick: TickFields, symbol: SymbolEntry, offset: number, receivedUs: number): number {
    const index = this.tickCount++
    const end = writeTickJson(this.bytes, this.starts[index]!, tick, symbol.prefixes)
    this.bytes[end] = COMMA
    this.starts[index + 1] = end + 1
    this.offsets[index] = offset
    this.receivedUs[index] = receivedUs
    return index
  }

  /** Bytes of an encoded tick with its comma. */
  tickBytes(index: number): number {
    return this.starts[index + 1]! - this.starts[index]!
  }

  clear(): void {
    this.tickCount = 0
    this.gaps.length = 0
  }
}
