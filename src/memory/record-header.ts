/** The header of one record of the tick log: read into one object again and again. Any thread. */
import { advance } from './ring-position.js'
import {
  COUNT_SHIFT,
  FIRST_OFFSET_FLOAT64,
  FIRST_SERIAL_FLOAT64,
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

/** The fields of the header that was read last. */
export class RecordHeader {
  type: number = PADDING
  /** Ticks in the payload; 0 of a STREAM_EVENT. */
  count = 0
  /** Serial number of the first tick, or of the event. */
  firstSerial = 0
  /** Offset of the first tick in the stream. */
  firstOffset = 0
  receivedUs = 0
  /** Offset in bytes of the payload, in the bytes of the log's records. */
  payloadStart = 0
  /** Bytes of the payload. */
  payloadLength = 0
  /** The position after the record. */
  nextPosition = 0

  /** Reads the header of the record at `position`. Of PADDING only `type` and `nextPosition` count. */
  read({ capacityUnits, float64, int32 }: TickLogMemory, position: number): void {
    const index = position & (capacityUnits - 1)
    const typeAndCount = int32[index * 2 + TYPE_INT32]!
    this.type = typeAndCount & TYPE_MASK
    if (this.type === PADDING) {
      this.nextPosition = advance(position, capacityUnits - index)
      return
    }
    const phase = (typeAndCount >> PHASE_SHIFT) & PHASE_MASK
    this.payloadLength = int32[index * 2 + LENGTH_INT32]!
    this.count = typeAndCount >> COUNT_SHIFT
    this.firstSerial = float64[index + FIRST_SERIAL_FLOAT64]!
    this.firstOffset = float64[index + FIRST_OFFSET_FLOAT64]!
    this.receivedUs = float64[index + RECEIVED_FLOAT64]!
    this.payloadStart = index * UNIT_BYTES + RECORD_HEADER_BYTES + phase
    this.nextPosition = advance(position, recordUnits(phase + this.payloadLength))
  }
}
