/**
 * Compares the feed's positions from tick to tick: which were seen before, and how many are missing. Pure; one for each way of
 * reading the tick log.
 */
import type { ContinuityState, SessionCommand } from '../src/protocol/lane-commands.js'

/** What `take` found out about a tick. From 1 on: so many ticks are missing before it. */
export const WHOLE = 0
/** It was seen before. */
export const SEEN = -1
/** Nobody knows what is missing before it. */
export const SEAM = -2

export class FeedContinuity {
  lastPosition: number
  lostSincePosition: number
  seamOpen: boolean
  private readonly positionsTellLosses: boolean

  constructor(state: ContinuityState, positionsTellLosses: boolean) {
    this.lastPosition = state.lastPosition
    this.lostSincePosition = state.lostSincePosition
    this.seamOpen = state.seamOpen
    this.positionsTellLosses = positionsTellLosses
  }

  get state(): ContinuityState {
    const { lastPosition, lostSincePosition, seamOpen } = this
    return { lastPosition, lostSincePosition, seamOpen }
  }

  /** @param position of the tick in hand, 0 for none */
  take(position: number): number {
    const before = this.lastPosition
    if (this.seamOpen) {
      this.seamOpen = false
      this.moveTo(position)
      return SEAM
    }
    const isComparable = position !== 0 && before !== 0 && this.positionsTellLosses
    if (isComparable && position <= before) return SEEN
    const missed = isComparable ? position - before - 1 - this.lostSincePosition : 0
    this.moveTo(position)
    return missed > 0 ? missed : WHOLE
  }

  /** Ticks were told as lost: as many of the positions that follow are no new loss. */
  lose(ticks: number): void {
    this.lostSincePosition += ticks
  }

  sessionStarted({ first, continuous }: SessionCommand): void {
    if (first) return
    this.seamOpen ||= !continuous || this.lastPosition === 0
    if (!continuous) this.lastPosition = 0
    // The feed sends again all that came after the last position.
    this.lostSincePosition = 0
  }

  private moveTo(position: number): void {
    if (position === 0) return
    this.lastPosition = position
    this.lostSincePosition = 0
  }
}
