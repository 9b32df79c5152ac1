/**
 * What has to be known at one place in the tick log to judge the feed's positions behind it, and the words that it takes in
 * shared memory. A lane's successor and every replay go on from it, so they come to the lane's own verdicts. Any thread.
 *
 *   +---------------+---------------------+-----------+--------------------------------------------+
 *   | last position | lost since position | last mark | 1: seam open, 2: in doubt, 4: resend depth |      float64 each
 *   +---------------+---------------------+-----------+--------------------------------------------+
 */

export interface ContinuityState {
  /** The feed's position of the last tick that had a new one, 0 for none. */
  readonly lastPosition: number
  /** Ticks told as lost since then, whose positions nobody has read: as many of the positions that follow are no new loss. */
  readonly lostSincePosition: number
  /** Tells the tick at the last position from others, see `markOf`. */
  readonly lastMark: number
  /** How far behind the last position a tick may be that the feed sends again. */
  readonly resendDepth: number
  /** Whether a session of the feed has begun whose first tick has not come yet, and cannot be compared with the one before. */
  readonly seamOpen: boolean
  /** Whether the last position is one that broke the count, and the next one has not come yet: nobody goes on from it. */
  readonly isInDoubt: boolean
}

export const CONTINUITY_AT_START: ContinuityState = {
  lastPosition: 0,
  lostSincePosition: 0,
  lastMark: 0,
  resendDepth: 0,
  seamOpen: false,
  isInDoubt: false,
}

export const CONTINUITY_FLOAT64S = 4

const SEAM_OPEN = 1
const IS_IN_DOUBT = 2
const RESEND_DEPTH_SHIFT = 2

/** The last of its words, an int32. */
export function continuityFlags({ isInDoubt, resendDepth, seamOpen }: ContinuityState): number {
  return (seamOpen ? SEAM_OPEN : 0) | (isInDoubt ? IS_IN_DOUBT : 0) | (resendDepth << RESEND_DEPTH_SHIFT)
}

/** The state of these words. */
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
    seamOpen: (flags & SEAM_OPEN) !== 0,
    isInDoubt: (flags & IS_IN_DOUBT) !== 0,
  }
}

export function writeContinuity(words: Float64Array, at: number, state: ContinuityState): void {
  words[at] = state.lastPosition
  words[at + 1] = state.lostSincePosition
  words[at + 2] = state.lastMark
  words[at + 3] = continuityFlags(state)
}

export function readContinuity(words: Float64Array, at: number): ContinuityState {
  return continuityOf(words[at]!, words[at + 1]!, words[at + 2]!, words[at + 3]!)
}
