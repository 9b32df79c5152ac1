/**
 * Compares the feed's positions from tick to tick: finds repeated ticks, missing ticks, and a broken count. Main thread.
 * The rule and its reasons: docs/decisions/0022-feed-positions.md.
 */
import { MISSED_MAX } from '../protocol/messages.js'
import { LastTick } from './last-tick.js'

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

/** What may be concluded from the positions of ticks. */
export interface PositionRules {
  /** Whether a hole is a loss. */
  readonly tellLosses: boolean
  /** Whether several endpoints send the same ticks: one that came before is no broken count. */
  readonly areRepeated: boolean
}

export class FeedPositions {
  private readonly rules: PositionRules
  /** The position of the last tick that had a new one; 0 for none. */
  private last: number
  /** The tick at that position. It is not known where another process took it. */
  private readonly lastTick: LastTick
  /**
   * Ticks told as lost since that tick. Nobody has read their positions, so as many missing positions are no new loss.
   */
  private lostSince = 0
  /** How far behind the last position a tick may be that the feed sends again. */
  private resendDepth = 0
  /** A session has begun, its first tick has not come, and its positions cannot be compared with earlier ones. */
  private isAtBoundary = false
  /** The last position broke the feed's count, and no tick has come after it. A resumed stream must not begin there. */
  private isInDoubt = false

  /** @param tickBytesMax the longest tick @param last the position of the last tick that came before; 0: none did */
  constructor(rules: PositionRules, tickBytesMax: number, last = 0) {
    this.rules = rules
    this.last = last
    this.lastTick = new LastTick(tickBytesMax)
  }

  /** The position from which a resumed stream may go on; 0: there is none. */
  get lastPosition(): number {
    return this.isInDoubt ? 0 : this.last
  }

  /**
   * Takes the next tick, at `[start, end)` of `bytes`.
   *
   * @param position of the tick, 0 for none
   * @returns WHOLE, SEEN, SESSION_BOUNDARY, BROKEN, or how many ticks are missing before it
   */
  take(position: number, bytes: Uint8Array, start: number, end: number): number {
    const verdict = this.verdictOf(position, bytes, start, end)
    const isLast = position === this.last && !this.lastTick.isKnown
    if (position !== 0 && (verdict !== SEEN || isLast)) this.lastTick.note(bytes, start, end)
    return verdict
  }

  /** Keeps what it needs of the bytes given to `take`: they may change from now on. */
  keepTick(): void {
    this.lastTick.keep()
  }

  /** Notes ticks that were told as lost: the positions that they took are no new loss. */
  lose(ticks: number): void {
    this.lostSince += ticks
  }

  /** @param isContinuous see FeedSession */
  sessionStarted(isFirst: boolean, isContinuous: boolean): void {
    if (isFirst) return
    if (isContinuous && this.lastPosition !== 0) {
      // The feed sends all that follows the last position, and may repeat some ticks before.
      this.lostSince = 0
      this.resendDepth = RESEND_DEPTH_MAX
    } else {
      this.moveTo(0, false)
      this.isAtBoundary = true
    }
  }

  private verdictOf(position: number, bytes: Uint8Array, start: number, end: number): number {
    const before = this.last
    if (this.isAtBoundary) {
      this.isAtBoundary = false
      if (position !== 0) this.moveTo(position, position > MISSED_MAX)
      return SESSION_BOUNDARY
    }
    if (position === 0) return WHOLE
    if (this.rules.areRepeated && position <= before && before - position <= RESEND_DEPTH_MAX) return SEEN
    if (before === 0 || !this.rules.tellLosses) {
      this.moveTo(position, position <= before || position - before > MISSED_MAX)
      return WHOLE
    }
    if (position > before) {
      const missed = position - before - 1 - this.lostSince
      // The hole after a broken count may lead back to the old count.
      if (missed <= 0 || (!this.isInDoubt && missed <= MISSED_MAX)) {
        this.moveTo(position, false)
        return missed > 0 ? missed : WHOLE
      }
    } else if (this.isSentAgain(position, bytes, start, end)) {
      this.resendDepth = before - position
      return SEEN
    }
    this.moveTo(position, true)
    return BROKEN
  }

  /** Whether a tick at or behind the last position came before. The positions of repeated ticks rise, too. */
  private isSentAgain(position: number, bytes: Uint8Array, start: number, end: number): boolean {
    const depth = this.last - position
    if (depth === 0 && this.lastTick.isKnown) return this.lastTick.equals(bytes, start, end)
    return depth <= this.resendDepth
  }

  private moveTo(position: number, isInDoubt: boolean): void {
    this.last = position
    this.lostSince = 0
    this.resendDepth = 0
    this.isInDoubt = isInDoubt
  }
}
