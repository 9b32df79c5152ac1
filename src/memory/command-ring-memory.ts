/** The views over the shared memory of a command ring, which its writer and its reader use. Any thread. */
import { invariant } from '../common/errors.js'
import { COMMAND_RING_HEADER_BYTES, COMMAND_UNIT_BYTES, commandUnits } from './command-ring-layout.js'
import { isPowerOfTwo } from './ring-position.js'

/** Bytes of shared memory for a ring that takes a payload of `payloadBytesMax` whenever it is empty. */
export function commandRingBytes(payloadBytesMax: number): number {
  // An empty ring may have to waste almost the length of a record at its end.
  const recordsBytes = 2 * commandUnits(payloadBytesMax) * COMMAND_UNIT_BYTES
  return COMMAND_RING_HEADER_BYTES + 2 ** Math.ceil(Math.log2(recordsBytes))
}

export class CommandRingMemory {
  readonly header: Int32Array
  /** The bytes of the records, as int32 and as bytes. */
  readonly int32: Int32Array
  readonly bytes: Uint8Array
  readonly capacityUnits: number

  constructor(memory: SharedArrayBuffer) {
    const capacityBytes = memory.byteLength - COMMAND_RING_HEADER_BYTES
    invariant(isPowerOfTwo(capacityBytes), `command ring of ${capacityBytes} bytes`)
    this.header = new Int32Array(memory, 0, COMMAND_RING_HEADER_BYTES / 4)
    this.int32 = new Int32Array(memory, COMMAND_RING_HEADER_BYTES)
    this.bytes = new Uint8Array(memory, COMMAND_RING_HEADER_BYTES)
    this.capacityUnits = capacityBytes / COMMAND_UNIT_BYTES
  }
}
