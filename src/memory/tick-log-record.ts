/**
 * The tick log: one writer (the main thread), any number of readers (the lanes), each with a cursor of its own.
 * The writer never overtakes the slowest cursor, so a reader may use a record's bytes until it publishes a later cursor.
 */
import { advance } from './ring-position.js'
import {
  COUNT_SHIFT,
  FIRST_OFFSET_FLOAT64,
  LENGTH_INT32,
  PADDING,
  PHASE_MASK,
  PHASE_SHIFT,
  RECEIVED_FLOAT64,
  RECORD_HEADER_BYTES,
  recordUnits,
  TYPE_INT32,
  TYPE_MASK,
  UNIT_BYTES,
} from './tick-log-layout.js'
import type { TickLogMemory } from './tick-log-memory.js'

/** A record's header, as it was read last. */
export class RecordHeader {
  type: number = PADDING
  count = 0
  firstOffset = 0
  receivedUs = 0
  /** Index into the log's bytes. */
  payloadStart = 0
  payloadLength = 0
  /** The position after the record. */
  end = 0

  /** Reads the header of the record at `position`. */
  read({ capacityUnits, float64, int32 }: TickLogMemory, position: number): void {
    const index = position & (capacityUnits - 1)
    const typeAndCount = int32[index * 2 + TYPE_INT32]!
    this.type = typeAndCount & TYPE_MASK
    if (this.type === PADDING) {
      this.end = advance(position, capacityUnits - index)
      return
    }
    const phase = (typeAndCount >> PHASE_SHIFT) & PHASE_MASK
    this.payloadLength = int32[index * 2 + LENGTH_INT32]!
    this.count = typeAndCount >> COUNT_SHIFT
    this.firstOffset = float64[index + FIRST_OFFSET_FLOAT64]!
    this.receivedUs = float64[index + RECEIVED_FLOAT64]!
    this.payloadStart = index * UNIT_BYTES + RECORD_HEADER_BYTES + phase
    this.end = advance(position, recordUnits(phase + this.payloadLength))
  }
}
