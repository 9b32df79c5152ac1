/**
 * One audience as its lane sees it: what it wants, how far it is, and what it has gathered for the turn in the making. One
 * lane's own.
 */
import { type AudienceSpec, isConflated, prefixOf } from '../../src/lane-protocol/audience-spec.js'
import type { Progress } from '../../src/lane-protocol/lane-commands.js'
import type { AudienceState } from '../../src/lane-protocol/lane-task.js'
import { PrefixMap } from '../../src/lane-protocol/prefix-map.js'
import {
  ENVELOPE_FORMATS,
  type EnvelopeFormat,
  MESSAGE_OVERHEAD_BYTES_MAX,
  STAMP_BYTES_MAX,
} from '../../src/protocol/envelope-format.js'
import { ConflationGroup } from '../conflate/conflation-group.js'
import { FramePlan } from './gathering.js'

/**
 * How often something of an audience is published between turns, before each of them. Turns are held back where the transmitter is busy. What goes out between them must not take its time instead, where many change that
 * share an audience with many others.
 */
const ASIDES_MAX = 4

/** How a symbol's ticks are delivered: one by one, or as the latest of a part. */
export const EVERY = 'every'
type Delivery = typeof EVERY | ConflationGroup

export class LaneAudience extends FramePlan {
  readonly id: number
  readonly spec: AudienceSpec
  readonly format: EnvelopeFormat
  /** Or else protobuf. */
  readonly isJson: boolean
  /** What a tick takes in the frames at the most beside its own bytes. */
  readonly bytesPerTick: number
  /** One for each of `spec.latest`. */
  readonly parts: readonly ConflationGroup[]
  /** Symbols that it names, not by a prefix. */
  readonly names: readonly string[]
  /** Number of the last `ticks` message. */
  seq: number
  ticksTotal: number
  lostTotal: number
  unknownLosses: number
  /** All its ticks up to this offset were published, maybe by an earlier lane; those that are conflated left aside. */
  sentOffset: number
  /** How often something of it was published before the turn `asidesBefore`, and not with it. */
  private asides = 0
  private asidesBefore = 0
  private readonly byName = new Map<string, Delivery>()
  private readonly byPrefix = new PrefixMap<Delivery>()

  constructor(state: AudienceState) {
    super()
    const { spec } = state
    this.id = state.audience
    this.spec = spec
    this.format = ENVELOPE_FORMATS[spec.encoding]
    this.isJson = spec.encoding === 'json'
    this.bytesPerTick = (spec.batch ? 0 : MESSAGE_OVERHEAD_BYTES_MAX) + (spec.stamps ? STAMP_BYTES_MAX : 0)
    this.seq = state.seq
    this.ticksTotal = state.ticksTotal
    this.lostTotal = state.lostTotal
    this.unknownLosses = state.unknownLosses
    this.sentOffset = state.lastOffset
    this.parts = spec.latest.map(
      ({ intervalMs }, index) => new ConflationGroup(this, index, intervalMs, state.conflated[index] ?? null),
    )
    for (const symbol of spec.symbols ?? []) this.want(symbol, EVERY)
    for (const [index, { symbols }] of spec.latest.entries())
      for (const symbol of symbols) this.want(symbol, this.parts[index]!)
    this.names = [...this.byName.keys()]
  }

  get progress(): Progress {
    return {
      ticksTotal: this.ticksTotal,
      lostTotal: this.lostTotal,
      unknownLosses: this.unknownLosses,
      lastOffset: this.sentOffset,
      flushedOffset: this.parts.reduce(
        (least, { flushedOffset }) => Math.min(least, flushedOffset),
        Infinity,
      ),
    }
  }

  /** Whether its members get nothing tick by tick. */
  get isConflated(): boolean {
    return isConflated(this.spec)
  }

  /** Whether it may want symbols that have not come by yet. */
  get hasPrefixes(): boolean {
    return this.byPrefix.size > 0
  }

  /** Whether what it has gathered may be published before that turn, and not with it. */
  mayGoAside(turn: number): boolean {
    return this.asidesBefore !== turn || this.asides < ASIDES_MAX
  }

  /** Counts that it is published so. */
  goAside(turn: number): void {
    if (this.asidesBefore !== turn) this.asides = 0
    this.asidesBefore = turn
    this.asides++
  }

  /** How the ticks of a symbol are delivered; undefined: not at all. The longest of its entries decides. */
  deliveryOf(symbol: string): Delivery | undefined {
    if (this.spec.symbols === null) return EVERY
    return this.byName.get(symbol) ?? this.byPrefix.ofLongest(symbol)
  }

  private want(entry: string, delivery: Delivery): void {
    const prefix = prefixOf(entry)
    if (prefix === undefined) this.byName.set(entry, delivery)
    else this.byPrefix.set(prefix, delivery)
  }
}
