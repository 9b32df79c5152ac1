/**
 * Lets few clients of a lane at a time have a part of their replay, so that the lane's live work goes on between. Main
 * thread. A client enters the queue for each part, and stands behind all others again for the next.
 */
import type { Recipient } from './recipient.js'

/** Parts of replays that one lane may work on at once. */
const ACTIVE_MAX = 2

export class ReplayQueue {
  /** Asks the lane for the client's next part. */
  private readonly send: (recipient: Recipient) => void
  private readonly lanes: { readonly active: Set<Recipient>; readonly waiting: Set<Recipient> }[]

  constructor(laneCount: number, send: (recipient: Recipient) => void) {
    this.send = send
    this.lanes = Array.from({ length: laneCount }, () => ({ active: new Set(), waiting: new Set() }))
  }

  /** Asks for the client's next part when its turn comes; once, however often it is called. */
  enter(recipient: Recipient, lane: number): void {
    const { active, waiting } = this.lanes[lane]!
    if (active.has(recipient)) return
    waiting.add(recipient)
    this.advance(lane)
  }

  /** The client has its part, or needs none any more. */
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
      this.send(recipient)
    }
  }
}
