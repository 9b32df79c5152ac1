/**
 * Describes the replies to single clients in the frame ring, each part with the place where it leaves the client. One
 * lane's own.
 */
import type { JoinCommand, ReplayPosition } from '../../src/lane-protocol/lane-commands.js'
import {
  type AWAIT_FLUSH,
  GONE,
  type LIVE,
  MORE,
  ReplyDescriptor,
  type UNCHANGED,
} from '../../src/memory/reply-descriptor.js'
import type { StreamPlace } from '../../src/memory/stream-place.js'
import type { LaneAudience } from '../collect/lane-audience.js'
import type { FramePublisher } from '../compose/frame-publisher.js'
import type { AudienceDirectory } from '../conflate/audience-directory.js'
import type { ClientFrames } from './client-frames.js'
import type { OpeningCharges } from './opening-charges.js'

/** Frames at `[start, end)` of the reserved room, for one client. */
export interface ReservedFrames {
  readonly start: number
  readonly end: number
  readonly ticks: number
  readonly messages: number
}

/** Where a reply makes the client a member: at once, or after the audience's next flush, which holds older ticks. */
export type MemberOutcome = typeof LIVE | typeof AWAIT_FLUSH
/** Where a part of a reply leaves its client. A ReplayPosition: so far with its replay. */
export type PartOutcome = MemberOutcome | typeof UNCHANGED | typeof GONE | ReplayPosition

export class ReplyPublisher {
  private readonly publisher: FramePublisher
  private readonly charges: OpeningCharges
  private readonly directory: AudienceDirectory
  private readonly descriptor = new ReplyDescriptor()

  constructor(publisher: FramePublisher, charges: OpeningCharges, directory: AudienceDirectory) {
    this.publisher = publisher
    this.charges = charges
    this.directory = directory
  }

  /**
   * Publishes a part of the reply to `join`.
   *
   * @param outcome where the part leaves the client, should the lane die before the next part
   * @param audience as a member of which the client gets the part
   */
  publishPart(
    frames: ReservedFrames,
    join: JoinCommand,
    outcome: PartOutcome,
    audience: LaneAudience,
    isLast: boolean,
  ): void {
    const { descriptor } = this
    descriptor.client = join.client
    descriptor.request = join.request
    descriptor.messages = frames.messages
    descriptor.ticks = frames.ticks
    descriptor.isLast = isLast
    descriptor.symbolsLookedAt = isLast ? this.charges.take(join.client) : 0
    descriptor.symbolsMatched = this.directory.matchedCountOf(audience)
    if (typeof outcome === 'object') this.setReplay(outcome)
    else this.setMember(outcome, audience)
    this.publisher.describeFrames(descriptor, frames.start, frames.end)
  }

  /** Publishes a part of a replay as the whole reply: the client asks again from `position`. */
  publishReplay(
    part: ClientFrames,
    join: JoinCommand,
    position: ReplayPosition,
    audience: LaneAudience,
  ): void {
    const { frames, messages, ticks } = part
    const start = this.publisher.reserve(frames.length)
    const end = this.publisher.write(frames, start)
    this.publishPart({ start, end, ticks, messages }, join, position, audience, true)
  }

  /** Replies that the tick log does not hold what follows, without frames. */
  publishGone(join: JoinCommand, audience: LaneAudience): void {
    const start = this.publisher.reserve(0)
    this.publishPart({ start, end: start, ticks: 0, messages: 0 }, join, GONE, audience, true)
  }

  private setReplay(position: ReplayPosition): void {
    const { descriptor } = this
    descriptor.outcome = MORE
    this.setPlace(position)
    descriptor.seq = position.seq
    descriptor.replayStart = position.start
    descriptor.reached = position.reached
    descriptor.replayTicks = position.ticks
    descriptor.statusNumber = position.statusNumber
  }

  private setPlace({ epoch, offset, serial }: StreamPlace): void {
    const { descriptor } = this
    descriptor.serial = serial
    descriptor.offset = offset
    descriptor.epoch = epoch
  }

  private setMember(
    outcome: MemberOutcome | typeof UNCHANGED | typeof GONE,
    { lostTotal, place, statusNumber, ticksTotal, unknownLosses }: LaneAudience,
  ): void {
    const { descriptor } = this
    descriptor.outcome = outcome
    this.setPlace(place)
    descriptor.ticksTotal = ticksTotal
    descriptor.lostTotal = lostTotal
    descriptor.unknownLosses = unknownLosses
    descriptor.statusNumber = statusNumber
  }
}
