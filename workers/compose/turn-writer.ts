/**
 * Writes the frame plans of audiences into the frame ring, and the marks that separate turns. One lane's own.
 */
import type { Clock } from '../../src/common/clock.js'
import { AudienceDescriptor } from '../../src/memory/audience-descriptor.js'
import type { CounterWriter } from '../../src/memory/counters.js'
import type { StreamPlace } from '../../src/memory/stream-place.js'
import { TurnBeginDescriptor, TurnEndDescriptor, type TurnPace } from '../../src/memory/turn-descriptor.js'
import { LANE_SLOTS } from '../../src/metrics/metric-table.js'
import { MESSAGE_OVERHEAD_BYTES_MAX } from '../../src/protocol/envelope-format.js'
import type { FeedState } from '../../src/protocol/messages.js'
import { textFrames } from '../../src/protocol/text-frames.js'
import type { LaneAudience } from '../collect/lane-audience.js'
import type { TurnBuffer } from '../collect/turn-buffer.js'
import type { FrameComposer } from './frame-composer.js'
import type { FramePublisher } from './frame-publisher.js'

export interface TurnWriterDeps {
  readonly turn: TurnBuffer
  readonly composer: FrameComposer
  readonly publisher: FramePublisher
  readonly counters: CounterWriter
  readonly clock: Pick<Clock, 'nowMs'>
}

export class TurnWriter {
  private readonly deps: TurnWriterDeps
  private readonly frames = new AudienceDescriptor()
  private readonly turnBegin = new TurnBeginDescriptor()
  private readonly turnEnd = new TurnEndDescriptor()

  constructor(deps: TurnWriterDeps) {
    this.deps = deps
  }

  /**
   * Writes and empties the audience's plan.
   *
   * @param place behind the last tick taken: the audience was then sent all up to it
   */
  write(audience: LaneAudience, place: StreamPlace): void {
    const { clock, composer, publisher, turn } = this.deps
    const seqBefore = audience.seq
    const start = publisher.reserve(audience.planBytes + MESSAGE_OVERHEAD_BYTES_MAX)
    const end = composer.compose(audience, audience, start)
    audience.ticksTotal += audience.tickCount
    audience.sentUpTo(place)
    if (audience.spec.heartbeatMs > 0) audience.lastFramesMs = clock.nowMs()
    this.describe(audience, start, end, audience.seq - seqBefore, firstReceivedUs(audience, turn))
    audience.clear()
  }

  /** Tells the members of an audience without a plan that nothing was sent. @param place behind the last tick taken */
  writeHeartbeat(audience: LaneAudience, place: StreamPlace, feed: FeedState): void {
    const { publisher } = this.deps
    audience.sentUpTo(place)
    const { sentOffset, seq } = audience
    const frame = textFrames([{ type: 'heartbeat', offset: sentOffset, seq, feed }])
    const start = publisher.reserve(frame.length)
    this.describe(audience, start, publisher.write(frame, start), 0, 0)
  }

  private describe(
    audience: LaneAudience,
    start: number,
    end: number,
    messages: number,
    receivedUs: number,
  ): void {
    const { counters, publisher } = this.deps
    const { frames } = this
    frames.audience = audience.id
    frames.messages = messages
    frames.ticks = audience.tickCount
    frames.receivedUs = receivedUs
    frames.ticksTotal = audience.ticksTotal
    frames.lostTotal = audience.lostTotal
    frames.unknownLosses = audience.unknownLosses
    frames.statusNumber = audience.statusNumber
    frames.lastSerial = audience.sentSerial
    frames.lastOffset = audience.sentOffset
    frames.epoch = audience.sentEpoch
    publisher.describeFrames(frames, start, end)
    counters.values[LANE_SLOTS.framesBytes]! += end - start
  }

  beginTurn(pace: TurnPace): void {
    this.turnBegin.pace = pace
    this.deps.publisher.describeMark(this.turnBegin)
  }

  endTurn(): void {
    this.deps.publisher.describeMark(this.turnEnd)
  }
}

/** When the first tick of the audience's plan came in, µs; 0: the plan holds notices only. */
function firstReceivedUs(plan: LaneAudience, { ticks }: TurnBuffer): number {
  for (let span = 0; span < plan.spanCount; span++)
    if (!plan.isNotice(span)) return ticks[plan.spec.encoding].receivedUs[plan.firstTick(span)]!
  return 0
}
