/**
 * Headers of WebSocket frames from the gateway to a client: unfragmented and unmasked. Any thread.
 * Layout: https://www.rfc-editor.org/rfc/rfc6455#section-5.2
 */

/** The first byte of an unfragmented frame, text or binary. */
const TEXT = 0x81
const BINARY = 0x82
/** A bit of the first byte: the message is compressed, https://www.rfc-editor.org/rfc/rfc7692#section-6 */
const RSV1 = 0x40
const LENGTH_IS_16_BITS = 126
const LENGTH_IS_64_BITS = 127

export const FRAME_HEADER_BYTES_MAX = 10

export function frameHeaderBytes(payloadBytes: number): number {
  if (payloadBytes < LENGTH_IS_16_BITS) return 2
  return payloadBytes < 0x10000 ? 4 : 10
}

/** Writes the header of a text frame at the index `at`. @returns the index of the payload */
export function writeTextFrameHeader(bytes: Uint8Array, at: number, payloadBytes: number): number {
  bytes[at] = TEXT
  return writeLength(bytes, at, payloadBytes)
}

/** Writes the header of a binary frame at the index `at`. @returns the index of the payload */
export function writeBinaryFrameHeader(bytes: Uint8Array, at: number, payloadBytes: number): number {
  bytes[at] = BINARY
  return writeLength(bytes, at, payloadBytes)
}

/**
 * Turns the header at the index `at` into the header of a compressed frame. Text stays text, binary stays binary.
 *
 * @param payloadBytes length of the compressed payload
 * @returns the index of the payload
 */
export function writeCompressedFrameHeader(bytes: Uint8Array, at: number, payloadBytes: number): number {
  bytes[at]! |= RSV1
  return writeLength(bytes, at, payloadBytes)
}

function writeLength(bytes: Uint8Array, at: number, payloadBytes: number): number {
  if (payloadBytes < LENGTH_IS_16_BITS) {
    bytes[at + 1] = payloadBytes
    return at + 2
  }
  if (payloadBytes < 0x10000) {
    bytes[at + 1] = LENGTH_IS_16_BITS
    bytes[at + 2] = payloadBytes >>> 8
    bytes[at + 3] = payloadBytes & 0xff
    return at + 4
  }
  bytes[at + 1] = LENGTH_IS_64_BITS
  bytes.fill(0, at + 2, at + 6)
  bytes[at + 6] = payloadBytes >>> 24
  bytes[at + 7] = (payloadBytes >>> 16) & 0xff
  bytes[at + 8] = (payloadBytes >>> 8) & 0xff
  bytes[at + 9] = payloadBytes & 0xff
  return at + 10
}
