/**
 * The ticks and the notices of the turn that the lane collects now. Each tick stands there once per encoding that a client
 * needs. One lane's own; emptied when the turn is published.
 */

import type { LostEvent } from '../../src/lane-protocol/stream-events.js'
import type { LaneLayout } from '../../src/memory/lane-layout.js'
import type { Encoding } from '../../src/protocol/encoding.js'
import type { GapReason } from '../../src/protocol/messages.js'
import type { TickCodec, TickReader } from '../../src/ticks/tick-codec.js'
import type { KnownSymbol } from '../read/symbol-table.js'
import { EncodedTicks } from './encoded-ticks.js'

const COMMA = 0x2c

/** A loss between two ticks, told to every audience. */
export interface Gap {
  readonly reason: GapReason
  readonly from: number
  to: number
  /** 0: an epoch begins, and no tick is lost. */
  missed: number | null
  /** The name of the epoch that begins here, and the offset before its first one. */
  readonly epoch?: string
  readonly offset?: number
}

/** The gap that an event tells. */
export function gapOf({ epoch, from, missed, offset, reason, to }: LostEvent): Gap {
  const gap = { reason, missed, from, to }
  return epoch === undefined ? gap : { ...gap, epoch: epoch.name, offset }
}

/** A message between two ticks, for every audience: a gap, or a frame that is the same for all of them. */
export type Notice = Gap | Uint8Array

export class TurnBuffer {
  /** Its ticks. Behind each stands a separator of `EnvelopeFormat.separatorBytes`. */
  readonly ticks: Readonly<Record<Encoding, EncodedTicks>>
  readonly notices: Notice[] = []
  /** Counts how often the buffer was emptied. An index of a tick holds for one id. */
  id = 0
  private readonly bytes: Uint8Array

  /** @param bytes the lane's whole memory */
  constructor(bytes: Uint8Array, { scratchBytes, scratchStart }: LaneLayout, codec: TickCodec) {
    this.bytes = bytes
    const half = scratchStart + scratchBytes / 2
    this.ticks = {
      json: new EncodedTicks(scratchStart, half, codec.jsonBytesMax + 1),
      protobuf: new EncodedTicks(half, scratchStart + scratchBytes, codec.binaryBytesMax),
    }
  }

  hasRoom(): boolean {
    return this.ticks.json.hasRoom() && this.ticks.protobuf.hasRoom()
  }

  /** Encodes a tick as JSON. There must be room. @returns its index in `ticks.json` */
  addJson(tick: TickReader, symbol: KnownSymbol, offset: number, receivedUs: number): number {
    const { json } = this.ticks
    return json.add(writeJsonTick(this.bytes, json.end, tick, symbol), offset, receivedUs)
  }

  /**
   * Adds the feed's own bytes of the tick at `[start, end)` of the reader's bytes. There must be room.
   *
   * @returns its index in `ticks.protobuf`
   */
  addProtobuf(tick: TickReader, start: number, end: number, offset: number, receivedUs: number): number {
    const { protobuf } = this.ticks
    return protobuf.add(tick.writeBinary(this.bytes, protobuf.end, start, end), offset, receivedUs)
  }

  clear(): void {
    this.id++
    this.ticks.json.clear()
    this.ticks.protobuf.clear()
    this.notices.length = 0
  }
}

/** Writes a tick as JSON at `bytes[at]`, with the separator behind it. @returns where it ends */
export function writeJsonTick(bytes: Uint8Array, at: number, tick: TickReader, symbol: KnownSymbol): number {
  const end = tick.writeJson(bytes, at, symbol.jsonPrefixes)
  bytes[end] = COMMA
  return end + 1
}
