/**
 * The marks between which a turn stands. Layout and codec; any thread.
 *
 *   16     20
 *   +------+
 *   | pace |     TURN_BEGIN     int32
 *   +------+
 */
import { FIRST_INT32, FrameDescriptor, TURN_BEGIN, TURN_END } from './frame-descriptor.js'

const PACE_INT32 = FIRST_INT32

/** The transmitter sends the turn when its time has come. */
export const PACED = 0
/**
 * The turn stands between two paced turns, and its replies overtake records of other audiences. So each reply has one
 * part, and its client's audiences have no conflation groups.
 */
export const PROMPT = 1

export type TurnPace = typeof PACED | typeof PROMPT

export class TurnBeginDescriptor extends FrameDescriptor {
  readonly kind = TURN_BEGIN
  pace: TurnPace = PACED

  protected readOwn(int32: Int32Array, words: number): void {
    this.pace = int32[words + PACE_INT32]! as TurnPace
  }

  protected writeOwn(int32: Int32Array, words: number): void {
    int32[words + PACE_INT32] = this.pace
  }
}

export class TurnEndDescriptor extends FrameDescriptor {
  readonly kind = TURN_END

  protected readOwn(): void {
    // The kind says all.
  }

  protected writeOwn(): void {
    // The kind says all.
  }
}
