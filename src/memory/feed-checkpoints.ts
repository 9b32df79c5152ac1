/**
 * The continuity state of the feed about every CHECKPOINT_TICKS ticks: a replay begins at a checkpoint, and so finds
 * the losses that the lane found. In the lane's memory, so that a successor has the checkpoints. One lane uses them at
 * a time. A checkpoint follows from the tick log alone, so it counts even if the lane died before it committed.
 *
 *   slot   0         8                           40
 *          +---------+---------------------------+
 *          | offset  | continuity state          |      float64 each; an offset of 0: empty
 *          +---------+---------------------------+
 *
 * The checkpoint after tick n has the slot ⌊n / CHECKPOINT_TICKS⌋, modulo CHECKPOINT_COUNT.
 */
import {
  CONTINUITY_AT_START,
  CONTINUITY_FLOAT64S,
  type ContinuityState,
  readContinuity,
  writeContinuity,
} from './continuity-state.js'
import { CHECKPOINT_COUNT, type LaneLayout } from './lane-layout.js'

/** A checkpoint is due at the first end of a record after each multiple of this offset. */
export const CHECKPOINT_TICKS = 1024
const SLOT_FLOAT64S = 1 + CONTINUITY_FLOAT64S

export interface Checkpoint extends ContinuityState {
  /** Offset of the last tick before the checkpoint; 0: the beginning of the stream. */
  readonly offset: number
}

const BEGINNING: Checkpoint = { offset: 0, ...CONTINUITY_AT_START }

export class FeedCheckpoints {
  private readonly slots: Float64Array
  /** The next checkpoint is due at this offset. */
  private nextOffset: number

  /** @param offset of the last tick that was read */
  constructor(memory: SharedArrayBuffer, { checkpointsStart }: LaneLayout, offset: number) {
    this.slots = new Float64Array(memory, checkpointsStart, CHECKPOINT_COUNT * SLOT_FLOAT64S)
    this.nextOffset = nextAfter(offset)
  }

  isDue(offset: number): boolean {
    return offset >= this.nextOffset
  }

  /** Call it at the end of a record of ticks. @param offset of the last tick in the record */
  add(offset: number, continuity: ContinuityState): void {
    const index = slotIndex(offset)
    this.slots[index] = offset
    writeContinuity(this.slots, index + 1, continuity)
    this.nextOffset = nextAfter(offset)
  }

  /** @returns the last checkpoint at or before `offset`; undefined when that checkpoint was overwritten */
  before(offset: number): Checkpoint | undefined {
    for (let back = 0; back < CHECKPOINT_COUNT; back++) {
      const tick = offset - back * CHECKPOINT_TICKS
      if (tick < 0) return BEGINNING
      const index = slotIndex(tick)
      const found = this.slots[index]!
      const isOfSlot = Math.floor(found / CHECKPOINT_TICKS) === Math.floor(tick / CHECKPOINT_TICKS)
      if (found > 0 && found <= offset && isOfSlot)
        return { offset: found, ...readContinuity(this.slots, index + 1) }
    }
    return undefined
  }
}

/** Index of the slot's first float64. */
function slotIndex(offset: number): number {
  return (Math.floor(offset / CHECKPOINT_TICKS) % CHECKPOINT_COUNT) * SLOT_FLOAT64S
}

function nextAfter(offset: number): number {
  return (Math.floor(offset / CHECKPOINT_TICKS) + 1) * CHECKPOINT_TICKS
}
