/**
 * What the lanes say to single clients: answers to what they asked for, parts of what they missed while they were away, and that
 * they are in. Main thread.
 */

import type { ReplayPosition } from '../lane-protocol/lane-commands.js'
import type { CounterWriter } from '../memory/counters.js'
import { JOINED, REPLAYED, REPLY_BEGUN } from '../memory/frame-descriptor.js'
import { MAIN_SLOTS } from '../metrics/metric-table.js'
import type { Audience } from './audience.js'
import type { CatchUp } from './catch-up.js'
import { CLOSED, countWrites, HELD, writeFrames } from './frame-writes.js'
import type { LaneLink } from './lane-link.js'
import type { JoinPlace, Recipient } from './recipient.js'

export interface AnswerEvents {
  /** The recipient fell out of the window, or has waited: it has to join anew, from `recipient.progress`. */
  lapped(recipient: Recipient): void
  /**
   * The recipient's lane has answered what it asked for.
   *
   * @param isWhole false: the lane has died since, and the snapshot that it was given has no end
   * @returns the audience that it joins by that
   */
  joined(recipient: Recipient, isWhole: boolean): Audience | undefined
  /** The lane has answered too early: the recipient is behind or blocked. */
  deferred(recipient: Recipient): void
  /** The recipient was given a part of what it missed while it was away. */
  replayed(recipient: Recipient, position: ReplayPosition): void
  /** The recipient is closing and cannot be given the part that it asked for: what it wants is for nobody. */
  replayEnded(recipient: Recipient): void
}

export class Answers {
  private readonly events: AnswerEvents
  private readonly counters: CounterWriter
  private readonly slow: CatchUp
  private readonly recipients = new Map<number, Recipient>()

  constructor(events: AnswerEvents, counters: CounterWriter, slow: CatchUp) {
    this.events = events
    this.counters = counters
    this.slow = slow
  }

  add(recipient: Recipient): void {
    this.recipients.set(recipient.id, recipient)
  }

  remove(recipient: Recipient): void {
    this.recipients.delete(recipient.id)
  }

  /** Takes the descriptor in hand, which is for one client. */
  take(link: LaneLink): void {
    const recipient = this.recipientOf(link)
    if (recipient === undefined) return
    const { kind } = link.ring.descriptor
    if (kind === JOINED) this.letIn(recipient, link, joinPlace(link), true)
    else if (kind === REPLAYED) this.replay(recipient, link)
    else this.answer(recipient, link)
  }

  /** The lane's thread has ended, and all it published was taken. */
  laneEnded(link: LaneLink): void {
    for (const recipient of this.recipients.values())
      if (recipient.asked?.audience.lane === link.index) this.endHalfAnswer(recipient, link)
  }

  private recipientOf(link: LaneLink): Recipient | undefined {
    const { descriptor } = link.ring
    const recipient = this.recipients.get(descriptor.target)
    // It has left, or has asked again since, or a successor of the lane repeats an answer.
    if (recipient?.asked === undefined || recipient.join !== descriptor.join) return undefined
    return recipient
  }

  private answer(recipient: Recipient, link: LaneLink): void {
    this.slow.bringUpToDate(recipient)
    if (recipient.isBehind || (recipient.isBlocked && !mayAnswerBlocked(recipient))) {
      this.events.deferred(recipient)
      return
    }
    if (!this.writeTo(recipient, link)) return
    recipient.answered = recipient.join
    if (link.ring.descriptor.kind === REPLY_BEGUN) recipient.halfWay = joinPlace(link)
  }

  /** A part of what a recipient missed while it was away. */
  private replay(recipient: Recipient, link: LaneLink): void {
    if (!this.writeTo(recipient, link)) {
      this.events.replayEnded(recipient)
      return
    }
    const { descriptor } = link.ring
    const { continuity, lastOffset, messages, part } = descriptor
    if (part === 0) {
      const seq = typeof recipient.replay === 'object' ? recipient.replay.seq + messages : messages
      this.events.replayed(recipient, { offset: lastOffset, seq, continuity })
    } else {
      // The snapshot has told the number from which its audience goes on.
      const { seq } = recipient.asked!.audience
      recipient.answered = recipient.join
      recipient.halfWay = { offset: lastOffset, seq, continuity }
    }
  }

  /** Gives one recipient the frames of the descriptor in hand. @returns false when its connection is ending */
  private writeTo(recipient: Recipient, link: LaneLink): boolean {
    const { length, messages, segment, start, ticks } = link.ring.descriptor
    const outcome = writeFrames(recipient, link, start, length)
    if (outcome === CLOSED) return false
    recipient.replyBytes += length
    countWrites(this.counters, 1, ticks, messages, length)
    if (outcome === HELD) this.slow.block(recipient, link.window, segment)
    return true
  }

  private letIn(
    recipient: Recipient,
    { window }: LaneLink,
    { progress, waits }: JoinPlace,
    isWhole: boolean,
  ): void {
    if (recipient.waitsIn !== undefined) recipient.waitsIn.newcomers.delete(recipient)
    else if (recipient.progress !== undefined && recipient.audience !== undefined)
      this.countLapped(recipient.audience.progress.ticksTotal - recipient.progress.ticksTotal)
    recipient.receiving?.release(recipient)
    recipient.waitsIn = undefined
    recipient.halfWay = undefined
    recipient.progress = waits ? progress : undefined
    const audience = this.events.joined(recipient, isWhole)
    if (audience === undefined) return
    audience.joinedAt(progress.lastOffset, window)
    if (!waits) audience.admit(recipient)
    else {
      recipient.waitsIn = audience
      audience.newcomers.add(recipient)
    }
  }

  /** A lane has died in the midst of an answer: its successor is not to repeat what the recipient was given of it. */
  private endHalfAnswer(recipient: Recipient, link: LaneLink): void {
    const { halfWay } = recipient
    recipient.halfWay = undefined
    if (halfWay === undefined) return
    if ('waits' in halfWay) this.letIn(recipient, link, halfWay, false)
    else this.events.replayed(recipient, halfWay)
  }

  /** The audience has been sent what its newcomers did not wait for: from here on they can be in it, but for what comes meanwhile. */
  letAskAnew(audience: Audience): void {
    for (const recipient of audience.newcomers) {
      if (recipient.asked !== undefined || recipient.isBlocked) continue
      audience.newcomers.delete(recipient)
      this.events.lapped(recipient)
    }
  }

  /** @param missed ticks that it was told are missing; 0: it wanted the latest ones only, and has been given them */
  private countLapped(missed: number): void {
    const { values } = this.counters
    if (missed === 0) values[MAIN_SLOTS.skippedAhead]! += 1
    else {
      values[MAIN_SLOTS.lapped]! += 1
      values[MAIN_SLOTS.ticksDroppedSlow]! += missed
    }
  }
}

/** Where the descriptor in hand lets a client in. */
function joinPlace({ ring }: LaneLink): JoinPlace {
  const { lastOffset, lostTotal, part, ticksTotal, unknownLosses } = ring.descriptor
  const progress = { ticksTotal, lostTotal, unknownLosses, lastOffset, flushedOffset: lastOffset }
  return { progress, waits: part === 1 }
}

/**
 * The rest of an answer follows its first part. And one that was put off once has taken all that it held since: it reads. If each turn
 * blocked it again, just before the answer, it could never ask for less.
 */
function mayAnswerBlocked({ answered, asked, join }: Recipient): boolean {
  return answered === join || asked?.wasDeferred === true
}
