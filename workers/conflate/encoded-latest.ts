/**
 * Latest ticks as they were last encoded for a snapshot, so that the next snapshot copies them. One lane's own.
 * A ring in the lane's memory: a tick that changes is encoded anew at the end, over the oldest ones. Ticks that were
 * encoded one after the other stand side by side, so one copy takes them.
 */
import type { LaneLayout } from '../../src/memory/lane-layout.js'
import type { Encoding } from '../../src/protocol/encoding.js'
import type { TickCodec } from '../../src/ticks/tick-codec.js'
import type { EncodedPlace, LatestTick } from './latest-tick.js'
import type { LatestTicks } from './latest-ticks.js'

export class EncodedLatest {
  private readonly bytes: Uint8Array
  private readonly latest: LatestTicks
  private readonly ringStart: number
  private readonly ringBytes: number
  private readonly tickBytesMax: number
  /** Bytes that may be encoded before a place that was found is used. */
  private readonly chunkBytesMax: number
  private end = 0

  /**
   * @param bytes the lane's whole memory
   * @param recordBytesMax bytes of one chunk of a snapshot at most
   */
  constructor(
    bytes: Uint8Array,
    { encodedBytes, encodedStart }: LaneLayout,
    codec: TickCodec,
    latest: LatestTicks,
    recordBytesMax: number,
  ) {
    this.bytes = bytes
    this.latest = latest
    this.ringStart = encodedStart
    this.ringBytes = encodedBytes
    this.tickBytesMax = Math.max(codec.jsonBytesMax + 1, codec.binaryBytesMax)
    this.chunkBytesMax = recordBytesMax
  }

  /** Bytes of ticks that stay while a snapshot is prepared and composed. */
  get lastingBytes(): number {
    return this.ringBytes - 2 * this.chunkBytesMax
  }

  /** Encodes a tick, unless it is there. @returns its place, which holds while the ticks of one chunk are encoded */
  keep(tick: LatestTick, encoding: Encoding): EncodedPlace {
    const place = tick.placeOf(encoding)
    if (place.serial === tick.serial && place.position >= this.end - this.lastingBytes) return place
    this.skipToRoom()
    const start = this.startOf(this.end)
    place.serial = tick.serial
    place.position = this.end
    place.length = this.latest.encodeAt(tick, encoding, this.bytes, start) - start
    this.end += place.length
    return place
  }

  /** Offset in bytes in the lane's memory. */
  startOf(position: number): number {
    return this.ringStart + (position % this.ringBytes)
  }

  /** A tick does not lie across the end of the ring. */
  private skipToRoom(): void {
    const left = this.ringBytes - (this.end % this.ringBytes)
    if (left < this.tickBytesMax) this.end += left
  }
}
