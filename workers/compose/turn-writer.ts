/**
 * Writes what audiences have gathered into the frame ring, and the marks between turns. One lane's own.
 */
import type { CounterWriter } from '../../src/memory/counters.js'
import { AUDIENCE_FRAMES, FrameDescriptor, PROMPT_TURN, TURN_END } from '../../src/memory/frame-descriptor.js'
import { LANE_SLOTS } from '../../src/metrics/metric-table.js'
import { MESSAGE_OVERHEAD_BYTES_MAX } from '../../src/protocol/envelope-format.js'
import type { LaneAudience } from '../collect/lane-audience.js'
import type { Turn } from '../collect/turn-buffer.js'
import type { FrameComposer } from './frame-composer.js'
import type { FramePublisher } from './frame-publisher.js'

export interface TurnWriterDeps {
  readonly turn: Turn
  readonly composer: FrameComposer
  readonly publisher: FramePublisher
  readonly counters: CounterWriter
  /** Called with each audience: a turn of many takes its time, in which no record is read. */
  readonly heartbeat: () => void
}

export class TurnWriter {
  private readonly parts: TurnWriterDeps
  private readonly descriptor = new FrameDescriptor()

  constructor(parts: TurnWriterDeps) {
    this.parts = parts
  }

  /** @param offset of the last tick that was taken: so far the audience is then */
  write(audience: LaneAudience, offset: number): void {
    const { composer, counters, publisher, heartbeat, turn } = this.parts
    const { descriptor } = this
    const start = publisher.reserve(audience.gatheredBytes + MESSAGE_OVERHEAD_BYTES_MAX)
    const length = composer.compose(audience, start) - start
    audience.ticksTotal += audience.tickCount
    audience.sentOffset = offset
    descriptor.kind = AUDIENCE_FRAMES
    descriptor.target = audience.id
    descriptor.length = length
    descriptor.messages = composer.messages
    descriptor.ticks = audience.tickCount
    descriptor.receivedUs = firstReceivedUs(audience, turn)
    descriptor.ticksTotal = audience.ticksTotal
    descriptor.lostTotal = audience.lostTotal
    descriptor.unknownLosses = audience.unknownLosses
    descriptor.lastOffset = audience.sentOffset
    publisher.describe(descriptor)
    counters.values[LANE_SLOTS.framesBytes]! += length
    audience.clear()
    heartbeat()
  }

  endTurn(): void {
    this.mark(TURN_END)
  }

  /** What follows is between two turns. */
  beginAside(): void {
    this.mark(PROMPT_TURN, 1)
  }

  endAside(): void {
    this.mark(PROMPT_TURN)
  }

  private mark(kind: number, part = 0): void {
    const { descriptor } = this
    descriptor.kind = kind
    descriptor.length = 0
    descriptor.part = part
    this.parts.publisher.describe(descriptor)
    // As the frames of an audience have it that are no latest ticks.
    descriptor.part = 0
  }
}

/** When the first of the ticks came in that the audience has gathered, µs; 0: there are gaps only. */
function firstReceivedUs({ runCount, runs, spec }: LaneAudience, { ticks }: Turn): number {
  for (let run = 0; run < runCount; run++) {
    const first = runs[run * 2]!
    if (first >= 0) return ticks[spec.encoding].receivedUs[first]!
  }
  return 0
}
