/**
 * Writes the frame plans of audiences into the frame ring, and the marks that separate turns. One lane's own.
 */
import type { CounterWriter } from '../../src/memory/counters.js'
import { AUDIENCE_FRAMES, FrameDescriptor, PROMPT_TURN, TURN_END } from '../../src/memory/frame-descriptor.js'
import { LANE_SLOTS } from '../../src/metrics/metric-table.js'
import { MESSAGE_OVERHEAD_BYTES_MAX } from '../../src/protocol/envelope-format.js'
import type { LaneAudience } from '../collect/lane-audience.js'
import type { TurnBuffer } from '../collect/turn-buffer.js'
import type { FrameComposer } from './frame-composer.js'
import type { FramePublisher } from './frame-publisher.js'

/** Values of `FrameDescriptor.part` with PROMPT_TURN. */
const PROMPT_TURN_BEGINS = 1
const PROMPT_TURN_ENDS = 0

export interface TurnWriterDeps {
  readonly turn: TurnBuffer
  readonly composer: FrameComposer
  readonly publisher: FramePublisher
  readonly counters: CounterWriter
}

export class TurnWriter {
  private readonly deps: TurnWriterDeps
  private readonly frames = new FrameDescriptor()
  private readonly mark = new FrameDescriptor()

  constructor(deps: TurnWriterDeps) {
    this.deps = deps
    this.frames.kind = AUDIENCE_FRAMES
  }

  /** Writes and empties the audience's plan. @param offset of the last tick taken: the audience was then sent all up to it */
  write(audience: LaneAudience, offset: number): void {
    const { composer, counters, publisher, turn } = this.deps
    const { frames } = this
    const seqBefore = audience.seq
    const start = publisher.reserve(audience.planBytes + MESSAGE_OVERHEAD_BYTES_MAX)
    const end = composer.compose(audience, audience, start)
    audience.ticksTotal += audience.tickCount
    audience.sentOffset = offset
    frames.target = audience.id
    frames.messages = audience.seq - seqBefore
    frames.ticks = audience.tickCount
    frames.receivedUs = firstReceivedUs(audience, turn)
    frames.ticksTotal = audience.ticksTotal
    frames.lostTotal = audience.lostTotal
    frames.unknownLosses = audience.unknownLosses
    frames.lastOffset = audience.sentOffset
    publisher.describeFrames(frames, start, end)
    counters.values[LANE_SLOTS.framesBytes]! += end - start
    audience.clear()
  }

  endTurn(): void {
    this.writeMark(TURN_END, 0)
  }

  beginPromptTurn(): void {
    this.writeMark(PROMPT_TURN, PROMPT_TURN_BEGINS)
  }

  endPromptTurn(): void {
    this.writeMark(PROMPT_TURN, PROMPT_TURN_ENDS)
  }

  private writeMark(kind: number, part: number): void {
    this.mark.kind = kind
    this.mark.part = part
    this.deps.publisher.describeMark(this.mark)
  }
}

/** When the first tick of the audience's plan came in, µs; 0: the plan holds gaps only. */
function firstReceivedUs({ runCount, runs, spec }: LaneAudience, { ticks }: TurnBuffer): number {
  for (let run = 0; run < runCount; run++) {
    const first = runs[run * 2]!
    if (first >= 0) return ticks[spec.encoding].receivedUs[first]!
  }
  return 0
}
