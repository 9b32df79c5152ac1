/**
 * Compresses `ticks` messages as permessage-deflate has it (RFC 7692), each by itself, so that all members of an audience
 * can be given the same bytes. One lane's own; synchronous, since a lane never gets back to its event loop.
 */
import { constants, deflateRawSync } from 'node:zlib'
import type { CompressionSettings } from '../../src/lane-protocol/lane-task.js'
import type { CounterWriter } from '../../src/memory/counters.js'
import { LANE_SLOTS } from '../../src/metrics/metric-table.js'
import { writeCompressedFrameHeader } from '../../src/protocol/websocket-frame.js'

/** What a flushed block ends with; it is not sent: https://www.rfc-editor.org/rfc/rfc7692#section-7.2.1 */
const TRAILER_BYTES = 4
/** As Node has it: https://nodejs.org/docs/latest-v20.x/api/zlib.html#class-options */
const CHUNK_BYTES_MIN = 64

export class Deflater {
  private readonly bytes: Uint8Array
  private readonly bytesMin: number
  private readonly counters: Float64Array
  // A compressor for each message costs little: a call takes 6 µs in all for 200 bytes, 26 µs for 9.5 KB, reads shared memory where
  // it lies, and in 400,000 calls without a turn of the event loop the process did not grow. A compressor that is kept, a
  // stream of zlib, works through the event loop only.
  private readonly options

  /** @param bytes the lane's whole memory */
  constructor(bytes: Uint8Array, { bytesMin, level }: CompressionSettings, counters: CounterWriter) {
    this.bytes = bytes
    this.bytesMin = bytesMin
    this.counters = counters.values
    this.options = { level, windowBits: 0, chunkSize: 0, finishFlush: constants.Z_SYNC_FLUSH }
  }

  /**
   * Puts a compressed frame in the place of the plain one whose header is at `at` and whose payload is at `[payloadStart, end)`,
   * unless the message is too short or would not get shorter.
   *
   * @param windowBits 9 to 15
   * @returns the index after the frame
   */
  deflate(at: number, payloadStart: number, end: number, windowBits: number): number {
    const payloadBytes = end - payloadStart
    if (payloadBytes < this.bytesMin) return end
    const { bytes, counters, options } = this
    options.windowBits = windowBits
    // Room for the result. Ticks shrink to a tenth (JSON) or a third (protobuf); what does not, gets a second chunk.
    options.chunkSize = Math.max(CHUNK_BYTES_MIN, payloadBytes >>> 1)
    const deflated = deflateRawSync(bytes.subarray(payloadStart, end), options)
    const deflatedBytes = deflated.length - TRAILER_BYTES
    const isShorter = deflatedBytes < payloadBytes
    counters[LANE_SLOTS.deflateInBytes]! += payloadBytes
    counters[LANE_SLOTS.deflateOutBytes]! += isShorter ? deflatedBytes : payloadBytes
    if (!isShorter) return end
    counters[LANE_SLOTS.messagesDeflated]! += 1
    const start = writeCompressedFrameHeader(bytes, at, deflatedBytes)
    bytes.set(deflated.subarray(0, deflatedBytes), start)
    return start + deflatedBytes
  }
}
