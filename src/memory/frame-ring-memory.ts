/**
 * The frame ring: one lane writes WebSocket frames and descriptors of them, the main thread reads. See lane-layout.ts.
 * Bytes that a published descriptor names stay untouched until the main thread gives their segment back.
 */
import { CONTROL_BYTES, DESCRIPTOR_BYTES, type LaneLayout } from './lane-layout.js'

export const INT32S = DESCRIPTOR_BYTES / 4

export const FLOAT64S = DESCRIPTOR_BYTES / 8

export class FrameRingMemory {
  readonly control: Int32Array
  readonly int32: Int32Array
  readonly float64: Float64Array
  readonly freeQueue: Int32Array

  constructor(memory: SharedArrayBuffer, layout: LaneLayout) {
    const count = layout.descriptorCount
    this.control = new Int32Array(memory, 0, CONTROL_BYTES / 4)
    this.int32 = new Int32Array(memory, layout.descriptorsStart, count * INT32S)
    this.float64 = new Float64Array(memory, layout.descriptorsStart, count * FLOAT64S)
    this.freeQueue = new Int32Array(memory, layout.freeQueueStart, layout.segmentCount)
  }
}
