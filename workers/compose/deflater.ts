/**
 * Compresses `ticks` messages with permessage-deflate (RFC 7692), each one by itself, so that all members of an
 * audience get the same bytes. One lane's own; synchronous, since a lane never returns to its event loop.
 */
import { constants, deflateRawSync } from 'node:zlib'
import type { CompressionSettings } from '../../src/lane-protocol/lane-task.js'
import type { CounterWriter } from '../../src/memory/counters.js'
import { LANE_SLOTS } from '../../src/metrics/metric-table.js'
import { writeCompressedFrameHeader } from '../../src/protocol/websocket-frame.js'

/** A flushed block ends with these bytes, which are not sent: https://www.rfc-editor.org/rfc/rfc7692#section-7.2.1 */
const TRAILER_BYTES = 4
/** The smallest chunk that Node takes: https://nodejs.org/docs/latest-v20.x/api/zlib.html#class-options */
const CHUNK_BYTES_MIN = 64

export class Deflater {
  private readonly bytes: Uint8Array
  private readonly settings: CompressionSettings
  private readonly counters: Float64Array

  /** @param bytes the lane's whole memory */
  constructor(bytes: Uint8Array, settings: CompressionSettings, counters: CounterWriter) {
    this.bytes = bytes
    this.settings = settings
    this.counters = counters.values
  }

  /**
   * Replaces a plain frame by a compressed one, unless the message is too short or would not get shorter. The plain
   * frame's header is at `start`, its payload at `[payloadStart, end)`. See
   * docs/decisions/0007-compress-once-per-audience.md.
   *
   * @param windowBits 9 to 15
   * @returns where the frame ends
   */
  deflate(start: number, payloadStart: number, end: number, windowBits: number): number {
    const payloadBytes = end - payloadStart
    const { bytes, counters, settings } = this
    if (payloadBytes < settings.bytesMin) return end
    const deflated = deflateRawSync(bytes.subarray(payloadStart, end), {
      level: settings.level,
      windowBits,
      // Ticks shrink to a tenth (JSON) or a third (protobuf). A result that is longer takes a second chunk.
      chunkSize: Math.max(CHUNK_BYTES_MIN, payloadBytes >>> 1),
      finishFlush: constants.Z_SYNC_FLUSH,
    })
    const deflatedBytes = deflated.length - TRAILER_BYTES
    const isShorter = deflatedBytes < payloadBytes
    counters[LANE_SLOTS.deflateInBytes]! += payloadBytes
    counters[LANE_SLOTS.deflateOutBytes]! += isShorter ? deflatedBytes : payloadBytes
    if (!isShorter) return end
    counters[LANE_SLOTS.messagesDeflated]! += 1
    const deflatedStart = writeCompressedFrameHeader(bytes, start, deflatedBytes)
    bytes.set(deflated.subarray(0, deflatedBytes), deflatedStart)
    return deflatedStart + deflatedBytes
  }
}
