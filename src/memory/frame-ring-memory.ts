/** The views over the shared memory of one frame ring, which its writer and its reader use. Any thread. */
import { CONTROL_BYTES } from './control-words.js'
import { DESCRIPTOR_FLOAT64S, DESCRIPTOR_INT32S } from './frame-descriptor.js'
import type { LaneLayout } from './lane-layout.js'

export class FrameRingMemory {
  readonly control: Int32Array
  /** The descriptors as int32 and as float64 words. */
  readonly int32: Int32Array
  readonly float64: Float64Array
  /** Indexes of the segments that the lane may take, oldest first. FREE_TAIL and FREE_HEAD are positions in it. */
  readonly freeQueue: Int32Array

  constructor(memory: SharedArrayBuffer, layout: LaneLayout) {
    const count = layout.descriptorCount
    this.control = new Int32Array(memory, 0, CONTROL_BYTES / 4)
    this.int32 = new Int32Array(memory, layout.descriptorsStart, count * DESCRIPTOR_INT32S)
    this.float64 = new Float64Array(memory, layout.descriptorsStart, count * DESCRIPTOR_FLOAT64S)
    this.freeQueue = new Int32Array(memory, layout.freeQueueStart, layout.segmentCount)
  }
}
