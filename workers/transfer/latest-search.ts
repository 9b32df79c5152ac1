/**
 * Finds the latest ticks of one snapshot. The search goes step by step, so that ticks are published between two steps.
 * What changes meanwhile is found by `result`: the snapshot holds at one place. One lane's own.
 */

import { selects } from '../../src/lane-protocol/audience-spec.js'
import { NO_RECORD } from '../../src/memory/latest-store.js'
import { type Delivery, EVERY } from '../collect/delivery-map.js'
import type { LaneAudience } from '../collect/lane-audience.js'
import type { AudienceDirectory } from '../conflate/audience-directory.js'
import { bySerial } from '../conflate/conflation-group.js'
import type { LaneSymbol } from '../conflate/lane-symbol.js'
import type { LatestTick } from '../conflate/latest-tick.js'
import type { LatestTicks } from '../conflate/latest-ticks.js'
import { orderOf } from './offset-order.js'

/** Symbols that one step looks at: 50 to 100 µs. */
const SYMBOLS_PER_STEP = 512
const FOUND_AT_FIRST = 64

/** Which of the latest ticks a client missed: those with serial numbers above these. */
export interface Missed {
  /** `some`: the ticks after a place in the stream, or those that a replay leaves out. */
  readonly kind: 'none' | 'some' | 'all'
  /** For symbols that are delivered tick by tick. */
  readonly everyAfter: number
  /** For conflated symbols. */
  readonly latestAfter: number
}

export class LatestSearch {
  readonly audience: LaneAudience
  readonly missed: Missed
  /** Entries of which the client gets the latest ticks, whether or not it missed them. */
  readonly requested: readonly string[]
  private readonly directory: AudienceDirectory
  private readonly latest: LatestTicks
  /** Ticks that begin later are not found by the steps. */
  private readonly createdBefore: number
  /** The ticks that were found. One may stand here twice. */
  private readonly found: LatestTick[] = []
  /** The serial number of each when it was found. */
  private serials: Float64Array = new Float64Array(FOUND_AT_FIRST)
  /** The snapshot holds the tick if its serial number is above this one. */
  private afters: Float64Array = new Float64Array(FOUND_AT_FIRST)
  /** Whether a symbol of the snapshot has had a tick for which there was no room. */
  private lacksSome = false
  /** Indexes of the ticks in the order of the serial numbers at which they were found. */
  private order: Uint32Array = new Uint32Array(0)

  constructor(
    directory: AudienceDirectory,
    latest: LatestTicks,
    audience: LaneAudience,
    missed: Missed,
    requested: readonly string[],
  ) {
    this.directory = directory
    this.latest = latest
    this.audience = audience
    this.missed = missed
    this.requested = requested
    this.createdBefore = latest.created.length
  }

  /** How many ticks were found. */
  get count(): number {
    return this.order.length
  }

  /** Whether the snapshot may lack symbols. Ask after `result`. */
  get isIncomplete(): boolean {
    const { directory, lacksSome, missed, requested } = this
    return (lacksSome || directory.symbols.hasForgotten) && (requested.length > 0 || missed.kind !== 'none')
  }

  /**
   * The tick that was found at a rank, in the order of the serial numbers; undefined where the snapshot does not hold it.
   */
  tickAt(rank: number): LatestTick | undefined {
    const index = this.order[rank]!
    const tick = this.found[index]!
    return tick.serial > this.afters[index]! ? tick : undefined
  }

  /** Searches. Each `next` of the generator is one step. */
  *steps(): Generator<void> {
    const { directory, missed, requested } = this
    if (missed.kind !== 'none') yield* this.find(directory.symbolsOf(this.audience), false)
    for (const entry of requested) yield* this.find(directory.symbols.matching(entry), true)
    this.order = yield* orderOf(this.serials, this.found.length)
  }

  /** Searches at once. */
  whole(): this {
    for (const _ of this.steps());
    return this
  }

  /** The ticks of the snapshot as of now, in the order of their serial numbers. */
  result(): LatestTick[] {
    const { afters, found, serials, order } = this
    const unchanged: LatestTick[] = []
    const changed: LatestTick[] = []
    for (let rank = 0; rank < order.length; rank++) {
      const index = order[rank]!
      const tick = found[index]!
      this.lacksSome ||= tick.record === NO_RECORD
      if (tick.serial <= afters[index]!) continue
      if (tick.serial === serials[index]!) unchanged.push(tick)
      else changed.push(tick)
    }
    const { created } = this.latest
    for (let index = this.createdBefore; index < created.length; index++) {
      const tick = created[index]!
      const after = this.thresholdOf(tick)
      if (tick.record === NO_RECORD && after !== Number.POSITIVE_INFINITY) this.lacksSome = true
      if (tick.serial > after) changed.push(tick)
    }
    return merged(unchanged, changed.sort(bySerial))
  }

  private *find(symbols: Iterable<LaneSymbol>, isRequested: boolean): Generator<void> {
    const { audience, directory, missed } = this
    let symbolsLeft = SYMBOLS_PER_STEP
    for (const symbol of symbols) {
      // A later command of the same request may have unsubscribed from the symbol.
      const delivery = directory.deliveryOf(audience, symbol)
      if (delivery !== undefined) this.add(symbol, isRequested ? 0 : serialMissedAfter(missed, delivery))
      if (--symbolsLeft > 0) continue
      symbolsLeft = SYMBOLS_PER_STEP
      yield
    }
  }

  private add({ lacksLatest, latest }: LaneSymbol, after: number): void {
    if (after === Number.POSITIVE_INFINITY) return
    this.lacksSome ||= lacksLatest
    for (let kind = 0; kind < latest.length; kind++) {
      const tick = latest[kind]
      if (tick === undefined) continue
      if (this.found.length === this.serials.length) {
        this.serials = widened(this.serials)
        this.afters = widened(this.afters)
      }
      this.serials[this.found.length] = tick.serial
      this.afters[this.found.length] = after
      this.found.push(tick)
    }
  }

  /** The snapshot holds the tick if its serial number is above this one. */
  private thresholdOf({ symbol: { symbol } }: LatestTick): number {
    const delivery = this.audience.deliveryOf(symbol)
    if (delivery === undefined) return Number.POSITIVE_INFINITY
    if (this.requested.some(entry => selects(entry, symbol))) return 0
    return serialMissedAfter(this.missed, delivery)
  }
}

function serialMissedAfter({ everyAfter, latestAfter }: Missed, delivery: Delivery): number {
  return delivery === EVERY ? everyAfter : latestAfter
}

function widened(numbers: Float64Array): Float64Array {
  const larger = new Float64Array(2 * numbers.length)
  larger.set(numbers)
  return larger
}

/** Merges two lists in the order of the serial numbers. A tick may stand in both, or twice in one: it is taken once. */
function merged(one: LatestTick[], other: readonly LatestTick[]): LatestTick[] {
  const all: LatestTick[] = []
  let ofOne = 0
  let ofOther = 0
  let last: LatestTick | undefined
  while (ofOne < one.length || ofOther < other.length) {
    const isFirst =
      ofOther === other.length || (ofOne < one.length && one[ofOne]!.serial <= other[ofOther]!.serial)
    const tick = isFirst ? one[ofOne++]! : other[ofOther++]!
    if (tick !== last) all.push(tick)
    last = tick
  }
  return all
}
