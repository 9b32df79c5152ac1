/**
 * Gives clients the replies of the lanes. Main thread.
 * A client gets the rest of its audience's frames first. A client that does not read gets no reply until it reads.
 */
import { GONE, LIVE, MORE, type ReplyDescriptor, UNCHANGED } from '../memory/reply-descriptor.js'
import type { CatchUp } from './catch-up.js'
import { CLOSED, countWrites, HELD, type WriteCounts, writeFrames } from './frame-writes.js'
import type { LaneStream } from './lane-stream.js'
import type { Membership } from './membership.js'
import type { Recipient } from './recipient.js'
import type { TransferOutcome } from './transfer-request.js'

/** Replies with ticks cost a lane and the main thread less than commands of the same length. */
const BYTES_PER_WORK = 8
/** The lane attaches each symbol that a prefix of the client matches, and detaches it later. */
const WORK_PER_SYMBOL_LOOKED_AT = 8

export class Replies {
  private readonly membership: Membership
  private readonly counts: WriteCounts
  private readonly catchUp: CatchUp

  constructor(membership: Membership, counts: WriteCounts, catchUp: CatchUp) {
    this.membership = membership
    this.counts = counts
    this.catchUp = catchUp
  }

  /** Gives a part of a reply to its client. */
  take(stream: LaneStream, reply: ReplyDescriptor): void {
    const { membership } = this
    const recipient = membership.clientOf(reply.client, reply.request)
    if (recipient === undefined) return
    if (reply.outcome !== MORE) recipient.replyWork += reply.symbolsLookedAt * WORK_PER_SYMBOL_LOOKED_AT
    if (reply.outcome !== MORE && reply.outcome !== GONE && reply.isLast)
      recipient.transfer.inFlight?.audience.setMatched(reply.symbolsMatched)
    if (!this.mayReceive(recipient)) membership.takeBack(recipient)
    else if (reply.outcome === GONE || this.write(recipient, stream, reply))
      membership.partGiven(recipient, outcomeOf(reply), reply.isLast)
    // Its connection is ending: what it asks for is for nobody.
    else membership.leave(recipient)
  }

  /**
   * Whether the client may be given a part now. The parts after the first follow directly. A client whose request was
   * taken back has taken since then all that its socket held, so it reads. It gets the reply, even if it is blocked.
   * Otherwise each turn could block it just before the reply.
   */
  private mayReceive(recipient: Recipient): boolean {
    const { cursor, transfer } = recipient
    if (transfer.isBegun) return true
    this.catchUp.sendPending(recipient)
    return !cursor.isBehind && (!recipient.isBlocked || transfer.inFlight!.wasTakenBack)
  }

  /** @returns false when the connection is ending */
  private write(recipient: Recipient, stream: LaneStream, reply: ReplyDescriptor): boolean {
    const { length, messages, segment, start, ticks } = reply
    const outcome = writeFrames(recipient, stream, start, length)
    if (outcome === CLOSED) return false
    // A replay has a pace of its own, see ReplayQueue.
    if (reply.outcome !== MORE) recipient.replyWork += length / BYTES_PER_WORK
    countWrites(this.counts, 1, ticks, messages, length)
    recipient.ticksBefore += ticks
    if (outcome === HELD) this.catchUp.block(recipient, stream.retained.pins, segment)
    return true
  }
}

/** Where a part of a reply leaves its client; undefined: where it was. */
function outcomeOf(reply: ReplyDescriptor): TransferOutcome | undefined {
  const { epoch, lostTotal, offset, outcome, serial, statusNumber, ticksTotal, unknownLosses } = reply
  const place = { serial, offset, epoch }
  if (outcome === UNCHANGED) return undefined
  if (outcome === GONE) return { type: 'gone' }
  if (outcome === MORE) {
    const { reached, replayStart: start, replayTicks: ticks, seq } = reply
    return { type: 'more', position: { ...place, start, reached, seq, ticks, statusNumber } }
  }
  const progress = { ...place, ticksTotal, lostTotal, unknownLosses, statusNumber, flushedSerial: serial }
  return { type: outcome === LIVE ? 'live' : 'await-flush', progress }
}
