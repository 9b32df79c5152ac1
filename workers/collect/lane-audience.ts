/**
 * One audience in its lane: which symbols it gets, how far it was sent, and its frame plan for the current turn. One lane's own.
 */
import { type AudienceSpec, isConflated, prefixOf } from '../../src/lane-protocol/audience-spec.js'
import type { AudienceState } from '../../src/lane-protocol/lane-task.js'
import { PrefixMap } from '../../src/lane-protocol/prefix-map.js'
import {
  ENVELOPE_FORMATS,
  type EnvelopeFormat,
  MESSAGE_OVERHEAD_BYTES_MAX,
  STAMP_BYTES_MAX,
} from '../../src/protocol/envelope-format.js'
import { FramePlan } from './frame-plan.js'

/**
 * How often a prompt turn may flush one audience between two paced turns. The transmitter paces turns where it is busy; many
 * members that change their subscriptions must not take the time that this saves.
 */
const PROMPT_FLUSHES_MAX = 4

export const EVERY = 'every'
/** How an audience gets a symbol: every tick, or the latest ones with the conflation group of this index. */
export type Delivery = typeof EVERY | number

/** How far an audience was sent: totals since it opened. */
export interface AudienceProgress {
  readonly ticksTotal: number
  readonly lostTotal: number
  readonly unknownLosses: number
  readonly lastOffset: number
}

export class LaneAudience extends FramePlan {
  readonly id: number
  readonly spec: AudienceSpec
  readonly format: EnvelopeFormat
  /** Base-2 logarithm of the window that its messages are compressed with; 0: they are not compressed. */
  readonly windowBits: number
  /** The other encoding is protobuf. */
  readonly isJson: boolean
  /** Bytes that a tick takes in frames beside its own, at most. */
  readonly bytesPerTick: number
  /** Number of the last `ticks` message. */
  seq: number
  ticksTotal: number
  lostTotal: number
  unknownLosses: number
  /** All ticks up to this offset were published to it, maybe by an earlier lane. Conflated ticks do not count. */
  sentOffset: number
  /** How often a prompt turn flushed it before the paced turn `promptFlushesTurn`. */
  private promptFlushes = 0
  private promptFlushesTurn = 0
  private readonly byName = new Map<string, Delivery>()
  private readonly byPrefix = new PrefixMap<Delivery>()

  constructor(state: AudienceState) {
    super()
    const { spec } = state
    this.id = state.audience
    this.spec = spec
    this.format = ENVELOPE_FORMATS[spec.encoding]
    this.windowBits = spec.windowBits
    this.isJson = spec.encoding === 'json'
    this.bytesPerTick = (spec.batch ? 0 : MESSAGE_OVERHEAD_BYTES_MAX) + (spec.stamps ? STAMP_BYTES_MAX : 0)
    this.seq = state.seq
    this.ticksTotal = state.ticksTotal
    this.lostTotal = state.lostTotal
    this.unknownLosses = state.unknownLosses
    this.sentOffset = state.lastOffset
    for (const entry of spec.symbols ?? []) this.deliver(entry, EVERY)
    for (const [group, { symbols }] of spec.latest.entries())
      for (const entry of symbols) this.deliver(entry, group)
  }

  get progress(): AudienceProgress {
    const { lostTotal, sentOffset, ticksTotal, unknownLosses } = this
    return { ticksTotal, lostTotal, unknownLosses, lastOffset: sentOffset }
  }

  /** Whether its members get every tick of all symbols. */
  get isUnfiltered(): boolean {
    return this.spec.symbols === null
  }

  /** Whether its members get only the latest ticks. */
  get isConflated(): boolean {
    return isConflated(this.spec)
  }

  /** The symbols that its spec names, without prefixes, and how it gets each. */
  get names(): ReadonlyMap<string, Delivery> {
    return this.byName
  }

  /** The prefixes of its spec, the longest first, and how it gets the symbols of each that no longer entry names. */
  prefixes(): [prefix: string, delivery: Delivery][] {
    return [...this.byPrefix.entries()].sort(([one], [other]) => other.length - one.length)
  }

  /** Whether a prompt turn may flush it before the paced turn number `turn`. */
  mayFlushPromptly(turn: number): boolean {
    return this.promptFlushesTurn !== turn || this.promptFlushes < PROMPT_FLUSHES_MAX
  }

  /** Counts a flush in a prompt turn. */
  countPromptFlush(turn: number): void {
    if (this.promptFlushesTurn !== turn) this.promptFlushes = 0
    this.promptFlushesTurn = turn
    this.promptFlushes++
  }

  /** How the audience gets a symbol; undefined: not at all. The longest entry of its spec decides. */
  deliveryOf(symbol: string): Delivery | undefined {
    if (this.isUnfiltered) return EVERY
    return this.byName.get(symbol) ?? this.byPrefix.ofLongest(symbol)
  }

  private deliver(entry: string, delivery: Delivery): void {
    const prefix = prefixOf(entry)
    if (prefix === undefined) this.byName.set(entry, delivery)
    else this.byPrefix.set(prefix, delivery)
  }
}
