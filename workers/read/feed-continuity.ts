/**
 * Compares the feed's positions from tick to tick: finds repeated ticks, missing ticks, and a broken count.
 * Pure; the lane and each replay have one of their own. The rule and its reasons:
 * docs/decisions/0022-feed-positions.md.
 */

import type { SessionEvent } from '../../src/lane-protocol/stream-events.js'
import type { ContinuityState } from '../../src/memory/continuity-state.js'
import { MISSED_MAX } from '../../src/protocol/messages.js'

// Results of `take`. A result above 0 is the number of ticks that are missing before the tick.

/** No tick is missing before this one. */
export const WHOLE = 0
/** The feed sent this tick before. */
export const SEEN = -1
/** An unknown number is missing: a session has begun that cannot be compared with the one before. */
export const SESSION_BOUNDARY = -2
/** An unknown number is missing: the position goes back, or jumps by more than MISSED_MAX. */
export const BROKEN = -3

/**
 * How far behind the last position a continuous session may begin. The feed was asked for the position after the last
 * one, so it repeats little. Up to this bound a count that began anew under the old epoch would be taken for repeated
 * ticks.
 */
export const RESEND_DEPTH_MAX = 65_536

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
   * Takes the next tick.
   *
   * @param position of the tick, 0 for none
   * @param mark of the tick, see `TickFields`
   * @returns WHOLE, SEEN, SESSION_BOUNDARY, BROKEN, or how many ticks are missing before it
   */
  take(position: number, mark: number): number {
    const before = this.lastPosition
    if (this.atSessionBoundary) {
      this.atSessionBoundary = false
      if (position !== 0) this.moveTo(position, mark, position > MISSED_MAX)
      return SESSION_BOUNDARY
    }
    if (position === 0) return WHOLE
    if (before === 0 || !this.positionsTellLosses) {
      this.moveTo(position, mark, position <= before || position - before > MISSED_MAX)
      return WHOLE
    }
    if (position > before) {
      const missed = position - before - 1 - this.lostSincePosition
      // The hole after a broken count may lead back to the old count.
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

  /** Notes ticks that were told as lost: the positions that they took are no new loss. */
  lose(ticks: number): void {
    this.lostSincePosition += ticks
  }

  sessionStarted({ first, continuous }: SessionEvent): void {
    if (first) return
    if (continuous && this.lastPosition !== 0 && !this.isInDoubt) {
      // The feed sends all that follows the last position, and may repeat some ticks before.
      this.lostSincePosition = 0
      this.resendDepth = RESEND_DEPTH_MAX
    } else {
      this.moveTo(0, 0, false)
      this.atSessionBoundary = true
    }
  }

  /** Whether a tick at or behind the last position came before. The positions of repeated ticks rise, too. */
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
