/**
 * The turn in the making: every tick that somebody wants, encoded once in each encoding that is wanted, and the losses between
 * them. One lane's own; emptied when the turn is published.
 */

import type { Encoding } from '../../src/lane-protocol/audience-spec.js'
import type { LaneLayout } from '../../src/memory/lane-layout.js'
import { TICKS_TAG } from '../../src/protocol/envelope-format.js'
import type { GapReason } from '../../src/protocol/messages.js'
import { TICK_BYTES_MAX, type TickCodec, type TickReader } from '../../src/ticks/tick-codec.js'
import { writeVarint } from '../../src/ticks/varint.js'
import type { SymbolEntry } from '../read/symbol-table.js'
import { EncodedTicks } from './encoded-ticks.js'

const COMMA = 0x2c
/** Tag and length before a tick in a protobuf message. */
const TICK_FIELD_BYTES_MAX = 3

/** A loss that every audience is told, between two ticks. */
export interface Gap {
  readonly reason: GapReason
  readonly from: number
  to: number
  missed: number | null
}

export class Turn {
  /** Its ticks, each with what `EnvelopeFormat.separatorBytes` counts behind it. */
  readonly ticks: Readonly<Record<Encoding, EncodedTicks>>
  readonly gaps: Gap[] = []
  /** Rises whenever the turn is emptied: indexes belong to one id. */
  id = 0
  private readonly bytes: Uint8Array

  /** @param bytes the lane's whole memory */
  constructor(bytes: Uint8Array, { scratchBytes, scratchStart }: LaneLayout, codec: TickCodec) {
    this.bytes = bytes
    const half = scratchStart + scratchBytes / 2
    this.ticks = {
      json: new EncodedTicks(scratchStart, half, codec.jsonBytesMax + 1),
      protobuf: new EncodedTicks(half, scratchStart + scratchBytes, TICK_BYTES_MAX + TICK_FIELD_BYTES_MAX),
    }
  }

  hasRoom(): boolean {
    return this.ticks.json.hasRoom() && this.ticks.protobuf.hasRoom()
  }

  /** Encodes a tick as JSON; there must be room. @returns its index in `ticks.json` */
  addJson(tick: TickReader, symbol: SymbolEntry, offset: number, receivedUs: number): number {
    const { json } = this.ticks
    const end = tick.writeJson(this.bytes, json.end, symbol.jsonPrefixes[tick.kind]!)
    this.bytes[end] = COMMA
    return json.add(end + 1, offset, receivedUs)
  }

  /** Takes over the tick at `source[start, end)` as the feed sent it; there must be room. @returns its index in `ticks.protobuf` */
  addProtobuf(source: Uint8Array, start: number, end: number, offset: number, receivedUs: number): number {
    const { bytes } = this
    const { protobuf } = this.ticks
    let next = protobuf.end
    bytes[next++] = TICKS_TAG
    next = writeVarint(bytes, next, end - start)
    for (let index = start; index < end; index++) bytes[next++] = source[index]!
    return protobuf.add(next, offset, receivedUs)
  }

  clear(): void {
    this.id++
    this.ticks.json.clear()
    this.ticks.protobuf.clear()
    this.gaps.length = 0
  }
}
