/**
 * Describes frames for one client in the frame ring, and tells the main thread how far they bring the client. One lane's own.
 */
import type { JoinCommand, ReplayPosition } from '../../src/lane-protocol/lane-commands.js'
import {
  CLIENT_FRAMES,
  FrameDescriptor,
  JOINED,
  REPLAYED,
  REPLY_BEGUN,
} from '../../src/memory/frame-descriptor.js'
import type { LaneAudience } from '../collect/lane-audience.js'
import type { FramePublisher } from '../compose/frame-publisher.js'
import type { ClientFrames } from './client-frames.js'

/** Frames at `[start, end)` of the reserved room, for one client. */
export interface ReservedFrames {
  readonly start: number
  readonly end: number
  readonly ticks: number
  readonly messages: number
}

export class ClientPublisher {
  private readonly publisher: FramePublisher
  private readonly descriptor = new FrameDescriptor()

  constructor(publisher: FramePublisher) {
    this.publisher = publisher
  }

  /** A part of a reply. Should the lane die, the client asks again for the whole reply. */
  part(frames: ReservedFrames, join: JoinCommand, audience: LaneAudience): void {
    this.publish(this.describe(CLIENT_FRAMES, join, audience, false), frames)
  }

  /**
   * The first of several parts of a reply. Should the lane die before the last one, the client is a member from here on.
   *
   * @param awaitsFlush as of `joined`
   */
  firstPart(frames: ReservedFrames, join: JoinCommand, audience: LaneAudience, awaitsFlush: boolean): void {
    this.publish(this.describe(REPLY_BEGUN, join, audience, awaitsFlush), frames)
  }

  /** A part of a replay. Should the lane die, the client asks again from `position`. @param isFollowed by more of a snapshot */
  replayed(frames: ReservedFrames, join: JoinCommand, position: ReplayPosition, isFollowed: boolean): void {
    this.publish(this.describeReplayed(join, position, isFollowed), frames)
  }

  /** A part of a replay whose frames are not in the ring yet. */
  replayedPart(part: ClientFrames, join: JoinCommand, position: ReplayPosition): void {
    const { frames, messages, ticks } = part
    const start = this.publisher.reserve(frames.length)
    const end = this.publisher.write(frames, start)
    this.replayed({ start, end, ticks, messages }, join, position, false)
  }

  /**
   * From here on the client is a member of the audience.
   *
   * @param awaitsFlush whether the audience's next flush holds older ticks, so that the client asks again after that flush
   */
  joined(join: JoinCommand, audience: LaneAudience, awaitsFlush: boolean): void {
    this.publisher.describeMark(this.describe(JOINED, join, audience, awaitsFlush))
  }

  private publish(descriptor: FrameDescriptor, { end, messages, start, ticks }: ReservedFrames): void {
    descriptor.messages = messages
    descriptor.ticks = ticks
    this.publisher.describeFrames(descriptor, start, end)
  }

  private describe(
    kind: number,
    { client, join }: JoinCommand,
    { lostTotal, sentOffset, ticksTotal, unknownLosses }: LaneAudience,
    awaitsFlush: boolean,
  ): FrameDescriptor {
    const { descriptor } = this
    descriptor.kind = kind
    descriptor.target = client
    descriptor.join = join
    descriptor.part = awaitsFlush ? 1 : 0
    descriptor.ticksTotal = ticksTotal
    descriptor.lostTotal = lostTotal
    descriptor.receivedUs = 0
    descriptor.unknownLosses = unknownLosses
    descriptor.lastOffset = sentOffset
    return descriptor
  }

  private describeReplayed(
    { client, join }: JoinCommand,
    { continuity, offset }: ReplayPosition,
    isFollowed: boolean,
  ): FrameDescriptor {
    const { descriptor } = this
    descriptor.kind = REPLAYED
    descriptor.target = client
    descriptor.join = join
    descriptor.part = isFollowed ? 1 : 0
    descriptor.setContinuity(continuity!)
    descriptor.lastOffset = offset
    return descriptor
  }
}
