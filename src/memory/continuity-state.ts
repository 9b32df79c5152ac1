/**
 * What a reader of the tick log knows about the feed's positions at one place in the log. Layout and codec; any thread.
 * A successor and every replay begin with this state, so they judge the ticks that follow as the lane did.
 *
 *   0               8                     16          24                   32
 *   +---------------+---------------------+-----------+--------------------+
 *   | last position | lost since position | last mark | flags              |      float64 each
 *   +---------------+---------------------+-----------+--------------------+
 *
 *   flags   bit 0: at a session boundary    bit 1: in doubt    from bit 2 on: resend depth
 */

export interface ContinuityState {
  /** The feed's position of the last tick that had a new position; 0 for none. */
  readonly lastPosition: number
  /**
   * Ticks reported as lost since that tick. Nobody has read their positions, so as many missing positions are no new
   * loss.
   */
  readonly lostSincePosition: number
  /** Mark of the tick at the last position, see `TickFields`. */
  readonly lastMark: number
  /** How far behind the last position a tick may be that the feed sends again. */
  readonly resendDepth: number
  /**
   * A session of the feed has begun, its first tick has not come, and its positions cannot be compared with earlier
   * ones.
   */
  readonly atSessionBoundary: boolean
  /** The last position broke the feed's count, and no tick has come after it. A resumed stream must not begin there. */
  readonly isInDoubt: boolean
}

export const CONTINUITY_AT_START: ContinuityState = {
  lastPosition: 0,
  lostSincePosition: 0,
  lastMark: 0,
  resendDepth: 0,
  atSessionBoundary: false,
  isInDoubt: false,
}

export const CONTINUITY_FLOAT64S = 4

const AT_SESSION_BOUNDARY = 1
const IS_IN_DOUBT = 2
const RESEND_DEPTH_SHIFT = 2

/** The word `flags`, an int32. */
export function continuityFlags({ isInDoubt, resendDepth, atSessionBoundary }: ContinuityState): number {
  return (
    (atSessionBoundary ? AT_SESSION_BOUNDARY : 0) |
    (isInDoubt ? IS_IN_DOUBT : 0) |
    (resendDepth << RESEND_DEPTH_SHIFT)
  )
}

/** The state that these words hold. */
export function continuityOf(
  lastPosition: number,
  lostSincePosition: number,
  lastMark: number,
  flags: number,
): ContinuityState {
  return {
    lastPosition,
    lostSincePosition,
    lastMark,
    resendDepth: flags >> RESEND_DEPTH_SHIFT,
    atSessionBoundary: (flags & AT_SESSION_BOUNDARY) !== 0,
    isInDoubt: (flags & IS_IN_DOUBT) !== 0,
  }
}

/** @param index of the first word in `words` */
export function writeContinuity(words: Float64Array, index: number, state: ContinuityState): void {
  words[index] = state.lastPosition
  words[index + 1] = state.lostSincePosition
  words[index + 2] = state.lastMark
  words[index + 3] = continuityFlags(state)
}

/** @param index of the first word in `words` */
export function readContinuity(words: Float64Array, index: number): ContinuityState {
  return continuityOf(words[index]!, words[index + 1]!, words[index + 2]!, words[index + 3]!)
}
