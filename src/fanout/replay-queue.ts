/**
 * Lets few clients at a time be given what they missed while they were away, so that a lane's live work goes on between: each
 * asks for a part, and goes to the end of the line for the next. Main thread.
 */
import type { Recipient } from './recipient.js'

/** Parts of replays that one lane may be at work on. */
const ACTIVE_MAX = 2

export class ReplayQueue {
  /** Has the lane asked for the recipient's next part. */
  private readonly ask: (recipient: Recipient) => void
  private readonly lanes: { readonly active: Set<Recipient>; readonly waiting: Set<Recipient> }[]

  constructor(laneCount: number, ask: (recipient: Recipient) => void) {
    this.ask = ask
    this.lanes = Array.from({ length: laneCount }, () => ({ active: new Set(), waiting: new Set() }))
  }

  /** Asks for the recipient's next part when its turn comes; once, however often it is called. */
  enter(recipient: Recipient, lane: number): void {
    const { active, waiting } = this.lanes[lane]!
    if (active.has(recipient)) return
    waiting.add(recipient)
    this.advance(lane)
  }

  /** Whether the lane was asked for a part that the recipient has not got. */
  isActive(recipient: Recipient, lane: number): boolean {
    return this.lanes[lane]!.active.has(recipient)
  }

  /** The recipient has its part, or needs none any more. */
  leave(recipient: Recipient, lane: number): void {
    const { active, waiting } = this.lanes[lane]!
    waiting.delete(recipient)
    if (active.delete(recipient)) this.advance(lane)
  }

  private advance(lane: number): void {
    const { active, waiting } = this.lanes[lane]!
    for (const recipient of waiting) {
      if (active.size >= ACTIVE_MAX) return
      waiting.delete(recipient)
      active.add(recipient)
      this.ask(recipient)
    }
  }
}
