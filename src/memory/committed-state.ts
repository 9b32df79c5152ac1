/**
 * What a lane's successor needs to go on: published by the lane when all that it has read is on its way, read by the
 * lane that takes its place. Two slots: the lane fills the one that does not count and then switches, so a thread that dies
 * half-way leaves the older state whole.
 */
import { type ContinuityState, readContinuity, writeContinuity } from './continuity-state.js'
import { COMMITTED_CURSOR, COMMITTED_OFFSET, CONTROL_BYTES, STATE_SLOT } from './control-words.js'
import { COMMITTED_STATE_BYTES } from './lane-layout.js'

export interface CommittedState extends ContinuityState {
  /** Position in the tick log from which to read on. */
  readonly cursor: number
  /** Offset of the last tick before the cursor. */
  readonly offset: number
}

const SLOT_FLOAT64S = 8

export class LaneState {
  private readonly control: Int32Array
  private readonly slots: Float64Array

  constructor(memory: SharedArrayBuffer) {
    this.control = new Int32Array(memory, 0, CONTROL_BYTES / 4)
    this.slots = new Float64Array(memory, CONTROL_BYTES, COMMITTED_STATE_BYTES / 8)
  }

  commit(state: CommittedState): void {
    const slot = 1 - Atomics.load(this.control, STATE_SLOT)
    const start = slot * SLOT_FLOAT64S
    this.slots[start] = state.cursor
    this.slots[start + 1] = state.offset
    writeContinuity(this.slots, start + 2, state)
    // Pairs with the load in `committed`, which a successor runs after this thread's end.
    Atomics.store(this.control, STATE_SLOT, slot)
    // Pair with the loads in `cursor` and `offsetLow`: from here on the main thread may write over what was read.
    Atomics.store(this.control, COMMITTED_OFFSET, state.offset | 0)
    Atomics.store(this.control, COMMITTED_CURSOR, state.cursor)
  }

  /** For a successor, when no lane runs on this memory. */
  committed(): CommittedState {
    const start = Atomics.load(this.control, STATE_SLOT) * SLOT_FLOAT64S
    return {
      cursor: this.slots[start]!,
      offset: this.slots[start + 1]!,
      ...readContinuity(this.slots, start + 2),
    }
  }

  /** The main thread's view of how far the lane is; one that is a little old errs on the safe side. */
  cursor(): number {
    return Atomics.load(this.control, COMMITTED_CURSOR)
  }

  /** Low 32 bits of the offset of the last tick the lane has finished with. */
  offsetLow(): number {
    return Atomics.load(this.control, COMMITTED_OFFSET)
  }
}
