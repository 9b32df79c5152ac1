/**
 * One audience in its lane: which symbols it gets, how far it was sent, and its frame plan for the current turn. One
 * lane's own.
 */
import type { StreamForm } from '../../src/lane-protocol/audience-spec.js'
import type { AudienceState } from '../../src/lane-protocol/lane-task.js'
import type { StreamPlace } from '../../src/memory/stream-place.js'
import {
  ENVELOPE_FORMATS,
  type EnvelopeFormat,
  MESSAGE_OVERHEAD_BYTES_MAX,
  STAMP_BYTES_MAX,
} from '../../src/protocol/envelope-format.js'
import { type Delivery, type DeliveryMap, EVERY } from './delivery-map.js'
import { FramePlan } from './frame-plan.js'

/**
 * How often a prompt turn may flush one audience between two paced turns. The transmitter paces turns where it is busy;
 * many members that change their subscriptions must not take the time that this saves.
 */
const PROMPT_FLUSHES_MAX = 4

/** How far an audience is when it opens in this lane. */
export interface AudienceStart extends Omit<AudienceState, 'spec' | 'conflated'> {
  readonly spec: StreamForm
}

/** How far an audience was sent: totals since it opened. */
export interface AudienceProgress extends StreamPlace {
  readonly ticksTotal: number
  readonly lostTotal: number
  readonly unknownLosses: number
  readonly statusNumber: number
}

export class LaneAudience extends FramePlan {
  readonly id: number
  readonly spec: StreamForm
  readonly deliveries: DeliveryMap
  /** Whether its members get every tick of all symbols. */
  readonly isUnfiltered: boolean
  /** Whether its members get only the latest ticks. */
  readonly isConflated: boolean
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
  /** Number of the feed's status that it was told last, maybe by an earlier lane. */
  statusNumber: number
  /** All up to this serial number was published to it, maybe by an earlier lane. Conflated ticks do not count. */
  sentSerial: number
  /** The offset there, and the number of its epoch. */
  sentOffset: number
  sentEpoch: number
  /** When it was sent frames last, ms. Kept where its members get heartbeats. */
  lastFramesMs = 0
  /** How often a prompt turn flushed it before the paced turn `promptFlushesTurn`. */
  private promptFlushes = 0
  private promptFlushesTurn = 0

  constructor(state: AudienceStart, deliveries: DeliveryMap) {
    super()
    const { batch, encoding, heartbeatMs, stamps, windowBits } = state.spec
    this.id = state.audience
    this.spec = { batch, encoding, heartbeatMs, stamps, windowBits }
    this.deliveries = deliveries
    this.isUnfiltered = deliveries.isUnfiltered
    this.isConflated = deliveries.isConflated
    this.format = ENVELOPE_FORMATS[encoding]
    this.windowBits = windowBits
    this.isJson = encoding === 'json'
    this.bytesPerTick = (batch ? 0 : MESSAGE_OVERHEAD_BYTES_MAX) + (stamps ? STAMP_BYTES_MAX : 0)
    this.seq = state.seq
    this.ticksTotal = state.ticksTotal
    this.lostTotal = state.lostTotal
    this.unknownLosses = state.unknownLosses
    this.statusNumber = state.statusNumber
    this.sentSerial = state.serial
    this.sentOffset = state.offset
    this.sentEpoch = state.epoch
  }

  get progress(): AudienceProgress {
    const { lostTotal, statusNumber, ticksTotal, unknownLosses } = this
    return { ticksTotal, lostTotal, unknownLosses, statusNumber, ...this.place }
  }

  /** Where its members are in the stream. */
  get place(): StreamPlace {
    return { serial: this.sentSerial, offset: this.sentOffset, epoch: this.sentEpoch }
  }

  /**
   * The offset up to which its members have all ticks once the lane is at a place. A successor may be behind what was
   * told: a client that resumed from a lower offset would get ticks twice.
   */
  toldOffset({ offset, serial }: StreamPlace): number {
    return serial >= this.sentSerial ? offset : this.sentOffset
  }

  /** It was published all up to a place. An earlier lane may have come further. */
  sentUpTo({ epoch, offset, serial }: StreamPlace): void {
    if (serial < this.sentSerial) return
    this.sentSerial = serial
    this.sentOffset = offset
    this.sentEpoch = epoch
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

  /** How the audience gets a symbol; undefined: not at all. */
  deliveryOf(symbol: string): Delivery | undefined {
    return this.isUnfiltered ? EVERY : this.deliveries.ofSymbol(symbol)
  }
}
