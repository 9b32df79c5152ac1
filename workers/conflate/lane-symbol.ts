/**
 * A symbol in its lane: the audiences and conflation groups that get its ticks, and its latest ticks. One lane's own.
 */
import type { TickCodec } from '../../src/ticks/tick-codec.js'
import type { LaneAudience } from '../collect/lane-audience.js'
import { KnownSymbol } from '../read/symbol-table.js'
import type { ConflatedSymbol, ConflationGroup } from './conflation-group.js'
import type { LatestTick } from './latest-tick.js'

export class LaneSymbol extends KnownSymbol implements ConflatedSymbol {
  /** The audiences that get every tick of it. The unfiltered ones are not listed. */
  readonly audiences: LaneAudience[] = []
  /** The groups that get its latest ticks. */
  readonly groups: ConflationGroup[] = []
  /** The groups with an interval of 0. */
  readonly immediate: ConflationGroup[] = []
  ready: Set<ConflationGroup> | undefined = undefined
  /** Whether a tick has come for which the store of latest ticks had no room. */
  lacksLatest = false
  /** By the index of the kind. */
  readonly latest: (LatestTick | undefined)[]

  constructor(symbol: string, bytes: Uint8Array, isKept: boolean, codec: TickCodec) {
    super(symbol, bytes, isKept, codec)
    this.latest = Array.from({ length: codec.kindCount }, () => undefined)
  }
}
