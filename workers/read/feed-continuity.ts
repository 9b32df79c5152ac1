/**
 * Judges the feed's positions from tick to tick: which ticks were seen before, how many are missing, and where the count is broken.
 * Pure; one for each way of reading the tick log. The rule and its reasons: docs/decisions/0022-feed-positions.md.
 */

import type { SessionCommand } from '../../src/lane-protocol/lane-commands.js'
import type { ContinuityState } from '../../src/memory/continuity-state.js'
import { MISSED_MAX } from '../../src/protocol/messages.js'
import type { TickFields } from '../../src/ticks/tick-codec.js'

/** What `take` found out about a tick. From 1 on: so many ticks are missing before it. */
export const WHOLE = 0
/** It was seen before. */
export const SEEN = -1
/** Nobody knows what is missing before it: a session has begun that cannot be compared with the one before. */
export const SEAM = -2
/** Nobody knows what is missing before it: its position goes back, or is farther ahead than anybody can believe. */
export const BROKEN = -3

/**
 * How far behind the last position a session that goes on may begin. A feed was asked for the position after the last one, so whatever
 * it sends again is little. A count that began anew under the old name would be taken for ticks sent again up to this bound.
 */
export const RESEND_DEPTH_MAX = 65_536

/** Tells two ticks of the same position apart: of a tick that is sent again it is the same. */
export function markOf({ kind, sequenceLow, timeLow }: TickFields): number {
  return (sequenceLow << 2) ^ kind ^ timeLow
}

export class FeedContinuity implements ContinuityState {
  lastPosition: number
  lostSincePosition: number
  lastMark: number
  resendDepth: number
  atSessionBoundary: boolean
  isInDoubt: boolean
  private readonly positionsTellLosses: boolean

  constructor(state: ContinuityState, positionsTellLosses: boolean) {
    this.lastPosition = state.lastPosition
    this.lostSincePosition = state.lostSincePosition
    this.lastMark = state.lastMark
    this.resendDepth = state.resendDepth
    this.atSessionBoundary = state.atSessionBoundary
    this.isInDoubt = state.isInDoubt
    this.positionsTellLosses = positionsTellLosses
  }

  get state(): ContinuityState {
    const { lastPosition, lostSincePosition, lastMark, resendDepth, atSessionBoundary, isInDoubt } = this
    return { lastPosition, lostSincePosition, lastMark, resendDepth, atSessionBoundary, isInDoubt }
  }

  /**
   * @param position of the tick in hand, 0 for none
   * @param mark of the tick, see `markOf`
   */
  take(position: number, mark: number): number {
    const before = this.lastPosition
    if (this.atSessionBoundary) {
      this.atSessionBoundary = false
      if (position !== 0) this.moveTo(position, mark, position > MISSED_MAX)
      return SEAM
    }
    if (position === 0) return WHOLE
    if (before === 0 || !this.positionsTellLosses) {
      this.moveTo(position, mark, position <= before || position - before > MISSED_MAX)
      return WHOLE
    }
    if (position > before) {
      const missed = position - before - 1 - this.lostSincePosition
      // The hole after a broken count may be the way back to the count before.
      if (missed <= 0 || (!this.isInDoubt && missed <= MISSED_MAX)) {
        this.moveTo(position, mark, false)
        return missed > 0 ? missed : WHOLE
      }
    } else if (this.isSentAgain(position, mark)) {
      this.resendDepth = before - position
      return SEEN
    }
    this.moveTo(position, mark, true)
    return BROKEN
  }

  /** Ticks were told as lost: as many of the positions that follow are no new loss. */
  lose(ticks: number): void {
    this.lostSincePosition += ticks
  }

  sessionStarted({ first, continuous }: SessionCommand): void {
    if (first) return
    if (continuous && this.lastPosition !== 0 && !this.isInDoubt) {
      // The feed sends again all that came after the last position, and maybe some of what came before.
      this.lostSincePosition = 0
      this.resendDepth = RESEND_DEPTH_MAX
    } else {
      this.moveTo(0, 0, false)
      this.atSessionBoundary = true
    }
  }

  /** Whether a tick that is not ahead of the last position is one that came before. Positions of what is sent again rise, too. */
  private isSentAgain(position: number, mark: number): boolean {
    const depth = this.lastPosition - position
    return depth === 0 ? mark === this.lastMark : depth <= this.resendDepth
  }

  private moveTo(position: number, mark: number, isInDoubt: boolean): void {
    this.lastPosition = position
    this.lostSincePosition = 0
    this.lastMark = mark
    this.resendDepth = 0
    this.isInDoubt = isInDoubt
  }
}
