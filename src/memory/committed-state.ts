/**
 * How far a lane has come, so that its successor can go on from there. The lane writes, its successor and the main
 * thread read. There are two slots. The lane fills the slot that STATE_SLOT does not name, then names it: a lane that
 * dies before that leaves the older point whole.
 *
 *   0         8         16        24        32
 *   +---------+---------+---------+---------+----------------+
 *   | cursor  | serial  | offset  | epoch   | slot 1, alike  |     float64 each
 *   +---------+---------+---------+---------+----------------+
 */
import { COMMITTED_CURSOR, COMMITTED_SERIAL, CONTROL_BYTES, STATE_SLOT } from './control-words.js'
import { COMMITTED_STATE_BYTES } from './lane-layout.js'
import type { StreamPlace } from './stream-place.js'

/** A place up to which the lane has published everything. */
export interface CommitPoint extends StreamPlace {
  /** Position in the tick log from which to read on. */
  readonly cursor: number
}

const SLOT_FLOAT64S = 4

export class CommittedState {
  private readonly control: Int32Array
  private readonly slots: Float64Array

  /** @param memory the lane's */
  constructor(memory: SharedArrayBuffer) {
    this.control = new Int32Array(memory, 0, CONTROL_BYTES / 4)
    this.slots = new Float64Array(memory, CONTROL_BYTES, COMMITTED_STATE_BYTES / 8)
  }

  /** For the lane. */
  commit(point: CommitPoint): void {
    const slot = 1 - Atomics.load(this.control, STATE_SLOT)
    const index = slot * SLOT_FLOAT64S
    this.slots[index] = point.cursor
    this.slots[index + 1] = point.serial
    this.slots[index + 2] = point.offset
    this.slots[index + 3] = point.epoch
    // Pairs with the load in `committed`, which a successor runs after this thread's end.
    Atomics.store(this.control, STATE_SLOT, slot)
    // Pairs with the load in `serialLow`.
    Atomics.store(this.control, COMMITTED_SERIAL, point.serial | 0)
    // Pairs with the load in `cursor`: from here on the main thread may write over the log before the cursor.
    Atomics.store(this.control, COMMITTED_CURSOR, point.cursor)
  }

  /** For a successor, while no lane runs on this memory. */
  committed(): CommitPoint {
    // Pairs with the store in `commit`.
    const index = Atomics.load(this.control, STATE_SLOT) * SLOT_FLOAT64S
    return {
      cursor: this.slots[index]!,
      serial: this.slots[index + 1]!,
      offset: this.slots[index + 2]!,
      epoch: this.slots[index + 3]!,
    }
  }

  /** Tick-log position up to which the lane has finished. For the main thread; an older position would be safe, too. */
  cursor(): number {
    // Pairs with the store in `commit`.
    return Atomics.load(this.control, COMMITTED_CURSOR)
  }

  /** Low 32 bits of the serial number of the last tick that the lane has finished with. For the main thread. */
  serialLow(): number {
    // Pairs with the store in `commit`.
    return Atomics.load(this.control, COMMITTED_SERIAL)
  }
}
