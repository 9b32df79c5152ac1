/** The views over the shared memory of the tick log, which its writer and its readers use. Any thread. */
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
  /** For each block, the position of a record from which a reader can walk through the block. */
  readonly blocks: Int32Array
  /** The bytes of the records, as int32, as float64 and as bytes. */
  readonly int32: Int32Array
  readonly float64: Float64Array
  readonly bytes: Uint8Array
  readonly capacityUnits: number
  /** Shifts the index of a unit right to the index of its block. */
  readonly blockShift: number

  constructor(memory: SharedArrayBuffer) {
    // Header and blocks together are smaller than the records.
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
