/**
 * The members of an audience and what they have been sent. Main thread; the lane has its own view in workers/.
 */
import type { AudienceSpec } from '../protocol/audience-spec.js'
import type { Progress } from '../protocol/lane-commands.js'
import type { AudienceState } from '../protocol/lane-task.js'
import { NO_RECORD } from './frame-window.js'
import type { Recipient } from './recipient.js'

export class Audience {
  readonly id: number
  readonly lane: number
  readonly key: string
  readonly spec: AudienceSpec
  /** Those that were admitted. Some may have been released since: they are taken out between passes. */
  readonly members: Recipient[] = []
  /** Clients that are members or about to join. */
  clientCount = 0
  /** Released members that still stand in the list. */
  private leftCount = 0
  /** At which member the next pass begins. */
  firstMember = 0
  lastRecord = NO_RECORD
  /** Number of its last `ticks` message. */
  seq = 0
  /** How far its members are that are not behind. */
  progress: Progress = { ticksTotal: 0, lostTotal: 0, unknownLosses: 0, lastOffset: 0 }

  constructor(id: number, lane: number, key: string, spec: AudienceSpec) {
    this.id = id
    this.lane = lane
    this.key = key
    this.spec = spec
  }

  /** What a lane's successor has to know. */
  get state(): AudienceState {
    return { audience: this.id, spec: this.spec, seq: this.seq, ...this.progress }
  }

  /** Lets the recipient get this audience's frames from the next record on. Never during a pass. */
  admit(recipient: Recipient): void {
    this.dropLeavers()
    recipient.receiving = this
    this.members.push(recipient)
  }

  /** Lets the recipient get no more frames of this audience. At any time, once for each `admit`. */
  release(recipient: Recipient): void {
    recipient.receiving = undefined
    this.leftCount++
  }

  /** Takes those that were released out of the list. Never during a pass. */
  dropLeavers(): void {
    if (this.leftCount === 0) return
    const { members } = this
    let kept = 0
    for (const member of members) if (member.receiving === this) members[kept++] = member
    members.length = kept
    this.leftCount = 0
  }
}
