/**
 * Appends records to the tick log. Main thread; there is one writer.
 * The writer never passes the slowest cursor of the lanes. A reader sees a record only when all its bytes are written.
 */
import { invariant } from '../common/errors.js'
import { advance, distance } from './ring-position.js'
import {
  COUNT_MAX,
  COUNT_SHIFT,
  FIRST_OFFSET_FLOAT64,
  FIRST_SERIAL_FLOAT64,
  HEAD_WORD,
  LENGTH_INT32,
  PADDING,
  PHASE_MASK,
  PHASE_SHIFT,
  RECEIVED_FLOAT64,
  RECORD_HEADER_BYTES,
  type RecordType,
  recordUnits,
  TYPE_INT32,
  UNIT_BYTES,
} from './tick-log-layout.js'
import { TickLogMemory } from './tick-log-memory.js'

/** @returns the cursor of the slowest lane: records before it may be overwritten */
export type SlowestCursor = () => number

export class TickLogWriter {
  /** The longest payload: a record is at most an eighth of the log, so that a lap takes several records. */
  readonly payloadBytesMax: number
  private readonly memory: TickLogMemory
  private readonly slowestCursor: SlowestCursor
  /** The position after the last record. */
  private head: number
  /** The slowest cursor when the writer looked last. It only grows, so an older one is safe. */
  private tail: number
  /** Index of the block in which the last record ends. */
  private block: number

  constructor(memory: SharedArrayBuffer, slowestCursor: SlowestCursor) {
    this.memory = new TickLogMemory(memory)
    this.slowestCursor = slowestCursor
    this.head = Atomics.load(this.memory.header, HEAD_WORD)
    this.tail = this.head
    this.block = (this.head & (this.memory.capacityUnits - 1)) >>> this.memory.blockShift
    this.memory.blocks.fill(this.head)
    this.payloadBytesMax = (this.memory.capacityUnits * UNIT_BYTES) / 8 - RECORD_HEADER_BYTES
  }

  /** The position after the last record. */
  get position(): number {
    return this.head
  }

  /** Whether a record with a payload of so many bytes has room, wherever it begins. */
  hasRoomFor(payloadBytes: number): boolean {
    const units = recordUnits(PHASE_MASK + payloadBytes)
    return this.hasRoom(2 * units)
  }

  /**
   * Appends a record with the payload `payload[start, end)`, and publishes it.
   *
   * @param count of ticks in the payload
   * @param firstSerial of the first tick in the payload, or of the event
   * @param firstOffset of the first tick in the payload; 0 of an event
   * @param receivedUs when the payload came in
   * @returns false, with nothing written, when the slowest lane leaves too little room
   */
  tryAppend(
    type: RecordType,
    count: number,
    firstSerial: number,
    firstOffset: number,
    receivedUs: number,
    payload: Uint8Array,
    start: number,
    end: number,
  ): boolean {
    const { memory } = this
    const length = end - start
    if (length > this.payloadBytesMax || count < 0 || count > COUNT_MAX) this.refuse(length, count)
    const mask = memory.capacityUnits - 1
    const isLong = length > LOOP_BYTES_MAX
    const phase = isLong ? (payload.byteOffset + start) & PHASE_MASK : 0
    const units = recordUnits(phase + length)
    let index = this.head & mask
    const toEnd = memory.capacityUnits - index
    const padding = units > toEnd ? toEnd : 0
    if (!this.hasRoom(padding + units)) return false

    if (padding > 0) {
      memory.int32[index * 2 + LENGTH_INT32] = (padding - 1) * UNIT_BYTES
      memory.int32[index * 2 + TYPE_INT32] = PADDING
      index = 0
    }
    memory.int32[index * 2 + LENGTH_INT32] = length
    memory.int32[index * 2 + TYPE_INT32] = type | (phase << PHASE_SHIFT) | (count << COUNT_SHIFT)
    memory.float64[index + FIRST_SERIAL_FLOAT64] = firstSerial
    memory.float64[index + FIRST_OFFSET_FLOAT64] = firstOffset
    memory.float64[index + RECEIVED_FLOAT64] = receivedUs
    const payloadStart = index * UNIT_BYTES + RECORD_HEADER_BYTES + phase
    if (isLong)
      memory.bytes.set(length === payload.length ? payload : payload.subarray(start, end), payloadStart)
    else copyBytes(memory.bytes, payloadStart, payload, start, end)

    const position = advance(this.head, padding)
    const block = (index + units - 1) >>> memory.blockShift
    if (block !== this.block) this.enterBlocks(block, position)
    this.head = advance(position, units)
    // Publishes the record. Pairs with the loads in TickLogReader.refresh and TickLogHistory.head.
    Atomics.store(memory.header, HEAD_WORD, this.head)
    return true
  }

  /**
   * Names the record at `position` for each block that it reaches into first.
   *
   * @param end index of the block in which it ends
   */
  private enterBlocks(end: number, position: number): void {
    const { blocks } = this.memory
    while (this.block !== end) {
      this.block = (this.block + 1) & (blocks.length - 1)
      // Pairs with the load in TickLogHistory.blockStart.
      Atomics.store(blocks, this.block, position)
    }
  }

  /** A method of its own: `tryAppend` would make these texts for every record. */
  private refuse(length: number, count: number): never {
    invariant(length <= this.payloadBytesMax, `payload of ${length} bytes, at most ${this.payloadBytesMax}`)
    invariant(false, `count ${count}`)
  }

  private hasRoom(units: number): boolean {
    const room = this.memory.capacityUnits - units
    if (distance(this.tail, this.head) <= room) return true
    this.tail = this.slowestCursor()
    return distance(this.tail, this.head) <= room
  }
}

/** Up to this length a loop is faster than a call of `set` (measured on Node 20). */
const LOOP_BYTES_MAX = 16

function copyBytes(target: Uint8Array, at: number, source: Uint8Array, start: number, end: number): void {
  for (let index = start; index < end; index++) target[at++] = source[index]!
}
