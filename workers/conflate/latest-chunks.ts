/**
 * Divides latest ticks into chunks, each small enough for one run of frames, and encodes them. One lane's own.
 * Call it when the frame plans of the audiences are written: it uses the turn's scratch again and again.
 */
import { FramePlan } from '../collect/frame-plan.js'
import type { LaneAudience } from '../collect/lane-audience.js'
import type { TurnBuffer } from '../collect/turn-buffer.js'
import type { LatestTick } from './latest-tick.js'
import type { LatestTicks } from './latest-ticks.js'

export interface LatestChunk {
  /** Its ticks, encoded in the turn. */
  readonly plan: FramePlan
  readonly isFirst: boolean
  readonly isLast: boolean
  /** Serial number of its last tick; 0 for none. */
  readonly lastSerial: number
}

export class LatestChunks {
  private readonly latest: LatestTicks
  private readonly turn: TurnBuffer
  /** Bytes of frames from which on a chunk is full. */
  private readonly chunkBytesMax: number
  private readonly plan = new FramePlan()

  constructor(latest: LatestTicks, turn: TurnBuffer, chunkBytesMax: number) {
    this.latest = latest
    this.turn = turn
    this.chunkBytesMax = chunkBytesMax
  }

  /** The chunks of `ticks`, at least one, maybe empty. A chunk holds until the next one is taken. */
  *of(audience: LaneAudience, ticks: readonly LatestTick[]): Generator<LatestChunk> {
    let first = 0
    do {
      const chunk = this.chunkFrom(audience, ticks, first)
      yield chunk
      first = chunk.end
    } while (first < ticks.length)
  }

  /** The first chunk of `ticks`, maybe empty. It holds until the next one is taken. */
  firstOf(audience: LaneAudience, ticks: readonly LatestTick[]): LatestChunk {
    return this.chunkFrom(audience, ticks, 0)
  }

  private chunkFrom(
    audience: LaneAudience,
    ticks: readonly LatestTick[],
    first: number,
  ): LatestChunk & { readonly end: number } {
    const { plan } = this
    plan.clear()
    const end = this.fill(audience, ticks, first)
    return {
      plan,
      isFirst: first === 0,
      isLast: end === ticks.length,
      lastSerial: ticks[end - 1]?.serial ?? 0,
      end,
    }
  }

  /** Fills the plan with `ticks` from `first` on. @returns the index after the last one that it took */
  private fill(audience: LaneAudience, ticks: readonly LatestTick[], first: number): number {
    const { chunkBytesMax, latest, plan, turn } = this
    const { bytesPerTick, spec } = audience
    const encoded = turn.ticks[spec.encoding]
    // Other groups and clients of this turn may get the same ticks, so the turn keeps them while it has room.
    if (first < ticks.length && encoded.isHalfFull) turn.clear()
    let next = first
    while (next < ticks.length && plan.planBytes < chunkBytesMax && encoded.hasRoom()) {
      const tick = latest.encode(ticks[next++]!, spec.encoding, turn)
      plan.addTick(tick, encoded.bytesOf(tick) + bytesPerTick)
    }
    return next
  }
}
