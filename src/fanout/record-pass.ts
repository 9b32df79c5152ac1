/**
 * One record on its way to the members of its audience. Main thread.
 */
import type { Audience } from './audience.js'
import type { RetainedFrames } from './retained-frames.js'

// Marks between passes, of paced turns.
export const TURN_BEGUN = 'turn begun'
export const TURN_ENDED = 'turn ended'

export type QueueItem = RecordPass | typeof TURN_BEGUN | typeof TURN_ENDED

/** Of a pass that has not begun. */
const NOT_BEGUN = -1

export class RecordPass {
  readonly audience: Audience
  readonly record: number
  /** How many members it is for; it begins at `audience.firstMember`. */
  memberCount = NOT_BEGUN
  membersDone = 0
  /** Writes that are not counted yet. */
  written = 0

  constructor(audience: Audience, record: number) {
    this.audience = audience
    this.record = record
  }

  get hasBegun(): boolean {
    return this.memberCount !== NOT_BEGUN
  }

  get hasEnded(): boolean {
    return this.membersDone === this.memberCount
  }

  /** The pass is for the members that are there now. Members that joined since the record was read are passed over. */
  begin(): void {
    const { audience } = this
    audience.dropFormer()
    audience.isInPass = true
    this.memberCount = audience.members.length
    audience.firstMember = this.memberCount === 0 ? 0 : (audience.firstMember + 1) % this.memberCount
  }

  /** The pass has come to each member. */
  end(retained: RetainedFrames): void {
    this.audience.isInPass = false
    this.audience.recordSent(retained, this.record)
  }
}
