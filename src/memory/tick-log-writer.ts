/**
 * The tick log: one writer (the main thread), any number of readers (the lanes), each with a cursor of its own.
 * The writer never overtakes the slowest cursor, so a reader may use a record's bytes until it publishes a later cursor.
 */
import { invariant } from '../common/errors.js'
import { advance, distance } from './ring-position.js'
import {
  COUNT_MAX,
  COUNT_SHIFT,
  FIRST_OFFSET_FLOAT64,
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

/** Where the slowest reader stands: bytes before it may be written over. */
export type SlowestCursor = () => number

export class TickLogWriter {
  /** Largest payload of a record, in bytes: an eighth of the log, so that a lap takes several records. */
  readonly payloadBytesMax: number
  private readonly memory: TickLogMemory
  private readonly slowestCursor: SlowestCursor
  private head: number
  /** The slowest cursor when last looked at; it only grows, so a stale one errs on the safe side. */
  private tail: number
  /** Block in which the last record ends. */
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

  /**
   * Appends a record holding `payload[start, end)` and publishes it.
   *
   * @param count ticks in the payload, or the lane of a command
   * @param firstOffset offset of the first tick in it
   * @param receivedUs when it came in, µs
   * @param reserveBytes room that has to be left for others after it, rounded down to a multiple of 8
   * @returns false when the slowest reader leaves no room; nothing was written then
   */
  tryAppend(
    type: RecordType,
    count: number,
    firstOffset: number,
    receivedUs: number,
    payload: Uint8Array,
    start: number,
    end: number,
    reserveBytes: number,
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
    if (!this.hasRoom(padding + units + (reserveBytes >>> 3))) return false

    if (padding > 0) {
      memory.int32[index * 2 + LENGTH_INT32] = (padding - 1) * UNIT_BYTES
      memory.int32[index * 2 + TYPE_INT32] = PADDING
      index = 0
    }
    memory.int32[index * 2 + LENGTH_INT32] = length
    memory.int32[index * 2 + TYPE_INT32] = type | (phase << PHASE_SHIFT) | (count << COUNT_SHIFT)
    memory.float64[index + FIRST_OFFSET_FLOAT64] = firstOffset
    memory.float64[index + RECEIVED_FLOAT64] = receivedUs
    const at = index * UNIT_BYTES + RECORD_HEADER_BYTES + phase
    if (isLong) memory.bytes.set(length === payload.length ? payload : payload.subarray(start, end), at)
    else copyBytes(memory.bytes, at, payload, start, end)

    const position = advance(this.head, padding)
    const block = (index + units - 1) >>> memory.blockShift
    if (block !== this.block) this.enterBlocks(block, position)
    this.head = advance(position, units)
    // Publishes the record; pairs with the load in TickLogReader.refresh.
    Atomics.store(memory.header, HEAD_WORD, this.head)
    return true
  }

  /** The record at `position` reaches into new blocks: from it on they can be read. */
  private enterBlocks(last: number, position: number): void {
    const { blocks } = this.memory
    while (this.block !== last) {
      this.block = (this.block + 1) & (blocks.length - 1)
      // Pairs with the load in TickLogHistory.blockStart.
      Atomics.store(blocks, this.block, position)
    }
  }

  /** Apart, because the texts would be made for every record. */
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

/** Up to here a loop beats a call of `set` (measured on Node 20). */
const LOOP_BYTES_MAX = 16

function copyBytes(target: Uint8Array, at: number, source: Uint8Array, start: number, end: number): void {
  for (let index = start; index < end; index++) target[at++] = source[index]!
}
