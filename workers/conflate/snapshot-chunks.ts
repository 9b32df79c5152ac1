/**
 * Divides the ticks of a snapshot into chunks, each small enough for one run of frames. One lane's own.
 */
import type { LaneAudience } from '../collect/lane-audience.js'
import type { EncodedLatest } from './encoded-latest.js'
import type { LatestTick } from './latest-tick.js'
import { SnapshotPlan } from './snapshot-plan.js'

export interface SnapshotChunk {
  readonly plan: SnapshotPlan
  readonly isFirst: boolean
  readonly isLast: boolean
}

export class SnapshotChunks {
  private readonly encoded: EncodedLatest
  /** Bytes of frames from which on a chunk is full. */
  private readonly chunkBytesMax: number
  private readonly plan = new SnapshotPlan()

  constructor(encoded: EncodedLatest, chunkBytesMax: number) {
    this.encoded = encoded
    this.chunkBytesMax = chunkBytesMax
  }

  /** The chunks of `ticks`, at least one, maybe empty. A chunk holds until the next one is taken. */
  *of(audience: LaneAudience, ticks: readonly LatestTick[]): Generator<SnapshotChunk> {
    let first = 0
    do {
      const end = this.fill(audience, ticks, first)
      yield { plan: this.plan, isFirst: first === 0, isLast: end === ticks.length }
      first = end
    } while (first < ticks.length)
  }

  /** The first chunk of `ticks`, maybe empty. It holds until the next one is taken. */
  firstOf(audience: LaneAudience, ticks: readonly LatestTick[]): SnapshotChunk {
    const end = this.fill(audience, ticks, 0)
    return { plan: this.plan, isFirst: true, isLast: end === ticks.length }
  }

  /** Fills the plan with `ticks` from `first` on. @returns the index after the last one that it took */
  private fill({ bytesPerTick, spec }: LaneAudience, ticks: readonly LatestTick[], first: number): number {
    const { chunkBytesMax, encoded, plan } = this
    plan.clear()
    let next = first
    while (next < ticks.length && plan.planBytes < chunkBytesMax) {
      const tick = ticks[next++]!
      const { length, position } = encoded.keep(tick, spec.encoding)
      plan.addTick(encoded.startOf(position), length, bytesPerTick, tick.receivedUs)
    }
    return next
  }
}
