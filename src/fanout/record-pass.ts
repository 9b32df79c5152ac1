/**
 * One record on its way to the members of its audience. Main thread.
 */
import type { Audience } from './audience.js'
import type { RetainedFrames } from './retained-frames.js'

/** Stands between the passes of two turns. */
export const TURN_ENDED = 'turn ended'
export type TurnEnded = typeof TURN_ENDED

/** Of a pass that has not begun. */
const NOT_BEGUN = -1

export class RecordPass {
  readonly audience: Audience
  readonly record: number
  /** Whether it is between two turns, see PROMPT_TURN. */
  readonly isAside: boolean
  /** How many members it is for; it begins at `audience.firstMember`. */
  memberCount = NOT_BEGUN
  membersDone = 0
  /** Writes not counted yet. */
  written = 0

  constructor(audience: Audience, record: number, isAside: boolean) {
    this.audience = audience
    this.record = record
    this.isAside = isAside
  }

  get hasBegun(): boolean {
    return this.memberCount !== NOT_BEGUN
  }

  /** The members that are there now are gone through; who has joined since the record was read is passed over. */
  begin(): void {
    const { audience } = this
    audience.dropLeavers()
    audience.isInPass = true
    this.memberCount = audience.members.length
    audience.firstMember = this.memberCount === 0 ? 0 : (audience.firstMember + 1) % this.memberCount
  }

  /** All members have been gone through. */
  end(window: RetainedFrames): void {
    this.audience.isInPass = false
    this.audience.recordSent(window, this.record)
  }
}
