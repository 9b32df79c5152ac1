/**
 * The tick log: one writer (the main thread), any number of readers (the lanes), each with a cursor of its own.
 * The writer never overtakes the slowest cursor, so a reader may use a record's bytes until it publishes a later cursor.
 */
import { invariant } from '../common/errors.js'
import { isPowerOfTwo } from './ring-position.js'
import { blockCount, TICK_LOG_HEADER_BYTES, UNIT_BYTES } from './tick-log-layout.js'

/** Bytes of shared memory for a log of `capacityBytes`, a power of two. */
export function tickLogBytes(capacityBytes: number): number {
  invariant(isPowerOfTwo(capacityBytes) && capacityBytes >= 1024, `tick log of ${capacityBytes} bytes`)
  return TICK_LOG_HEADER_BYTES + blockCount(capacityBytes) * 4 + capacityBytes
}

export class TickLogMemory {
  readonly header: Int32Array
  /** For each block the position of a record from which on it can be read. */
  readonly blocks: Int32Array
  readonly int32: Int32Array
  readonly float64: Float64Array
  readonly bytes: Uint8Array
  readonly capacityUnits: number
  /** A unit's index, shifted right by so many bits, is its block's. */
  readonly blockShift: number

  constructor(memory: SharedArrayBuffer) {
    // Header and index together are smaller than the data.
    const capacityBytes = 2 ** Math.floor(Math.log2(memory.byteLength - TICK_LOG_HEADER_BYTES))
    const dataStart = memory.byteLength - capacityBytes
    this.header = new Int32Array(memory, 0, TICK_LOG_HEADER_BYTES / 4)
    this.blocks = new Int32Array(memory, TICK_LOG_HEADER_BYTES, blockCount(capacityBytes))
    this.int32 = new Int32Array(memory, dataStart)
    this.float64 = new Float64Array(memory, dataStart)
    this.bytes = new Uint8Array(memory, dataStart)
    this.capacityUnits = capacityBytes / UNIT_BYTES
    this.blockShift = Math.log2(this.capacityUnits / this.blocks.length)
  }
}
