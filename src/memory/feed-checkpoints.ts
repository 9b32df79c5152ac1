/**
 * What a lane knew of the feed's positions after every so many ticks, so that whoever reads the tick log again from some offset
 * finds the same losses. Shared, so that a lane's successor has it; used by one lane at a time.
 *
 *   slot   0         8                                              40
 *          +---------+----------------------------------------------+
 *          | offset  | what continuity-state.ts draws               |      float64 each
 *          +---------+----------------------------------------------+
 *
 * The checkpoint after tick n has slot ⌊n / CHECKPOINT_TICKS⌋, modulo the number of slots. All of it follows from the tick log, so
 * it does not matter whether it was committed.
 */
import {
  CONTINUITY_AT_START,
  CONTINUITY_FLOAT64S,
  type ContinuityState,
  readContinuity,
  writeContinuity,
} from './continuity-state.js'
import { CHECKPOINT_COUNT, type LaneLayout } from './lane-layout.js'

/** Ticks between two checkpoints, about. */
export const CHECKPOINT_TICKS = 1024
const SLOT_FLOAT64S = 1 + CONTINUITY_FLOAT64S

export interface Checkpoint extends ContinuityState {
  /** Of the last tick before it; 0: the beginning. */
  readonly offset: number
}

const BEGINNING: Checkpoint = { offset: 0, ...CONTINUITY_AT_START }

export class FeedCheckpoints {
  private readonly slots: Float64Array
  /** Offset from which on the next checkpoint is due. */
  private nextOffset: number

  /** @param offset of the last tick that was read */
  constructor(memory: SharedArrayBuffer, { checkpointsStart }: LaneLayout, offset: number) {
    this.slots = new Float64Array(memory, checkpointsStart, CHECKPOINT_COUNT * SLOT_FLOAT64S)
    this.nextOffset = nextAfter(offset)
  }

  isDue(offset: number): boolean {
    return offset >= this.nextOffset
  }

  /** To be called at the end of a record of ticks: what follows in the log is not in the checkpoint. */
  add(offset: number, continuity: ContinuityState): void {
    const at = slotOf(offset)
    this.slots[at] = offset
    writeContinuity(this.slots, at + 1, continuity)
    this.nextOffset = nextAfter(offset)
  }

  /** The last checkpoint up to `offset`; undefined when it is too long ago. */
  before(offset: number): Checkpoint | undefined {
    for (let back = 0; back < CHECKPOINT_COUNT; back++) {
      const tick = offset - back * CHECKPOINT_TICKS
      if (tick < 0) return BEGINNING
      const at = slotOf(tick)
      const found = this.slots[at]!
      const isOfSlot = Math.floor(found / CHECKPOINT_TICKS) === Math.floor(tick / CHECKPOINT_TICKS)
      if (found > 0 && found <= offset && isOfSlot)
        return { offset: found, ...readContinuity(this.slots, at + 1) }
    }
    return undefined
  }
}

function slotOf(offset: number): number {
  return (Math.floor(offset / CHECKPOINT_TICKS) % CHECKPOINT_COUNT) * SLOT_FLOAT64S
}

function nextAfter(offset: number): number {
  return (Math.floor(offset / CHECKPOINT_TICKS) + 1) * CHECKPOINT_TICKS
}
