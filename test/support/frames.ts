/** Takes frames of the server apart, with strictness of its own, so that composer and parser do not share a mistake. */
import { constants, inflateRawSync } from 'node:zlib'

export interface Frame {
  /** Flags and opcode: 0x81 a text, 0x82 binary, 0xc1 and 0xc2 the same compressed. */
  readonly first: number
  readonly payload: Buffer
}

/** The whole, unmasked frames that fill `bytes` to its end. */
export function framesOf(bytes: Uint8Array): Frame[] {
  const buffer = Buffer.from(bytes)
  const frames: Frame[] = []
  for (let at = 0; at < buffer.length; ) {
    const first = buffer[at]!
    let length = buffer[at + 1]!
    at += 2
    if (length === 126) {
      length = buffer.readUInt16BE(at)
      at += 2
      if (length < 126) throw new Error(`16 bits for a length of ${length}`)
    } else if (length === 127) {
      length = Number(buffer.readBigUInt64BE(at))
      at += 8
      if (length < 0x10000) throw new Error(`64 bits for a length of ${length}`)
    }
    if (length > buffer.length - at)
      throw new Error(`a frame of ${length} bytes, ${buffer.length - at} are there`)
    frames.push({ first, payload: buffer.subarray(at, at + length) })
    at += length
  }
  return frames
}

/**
 * The texts in frames that fill `bytes` to its end.
 *
 * @param windowBits what compressed frames are inflated with; 0: there must be none
 */
export function frameTexts(bytes: Uint8Array, windowBits = 0): string[] {
  return framesOf(bytes).map(frame => frameText(frame, windowBits))
}

/** The text in a text frame, see `frameTexts`. */
export function frameText({ first, payload }: Frame, windowBits = 0): string {
  const isCompressed = first === 0xc1 && windowBits > 0
  if (first !== 0x81 && !isCompressed) throw new Error(`byte ${first} in place of a text frame's first`)
  const text = isCompressed ? inflated(payload, windowBits) : payload
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(text)
}

/** The message in a compressed payload, as https://www.rfc-editor.org/rfc/rfc7692#section-7.2.2 has it. */
export function inflated(payload: Uint8Array, windowBits: number): Buffer {
  const whole = Buffer.concat([payload, Buffer.from([0x00, 0x00, 0xff, 0xff])])
  // In the smallest chunks, since what is in the chunk in hand can be copied from further back than the window reaches.
  return inflateRawSync(whole, { windowBits, chunkSize: 64, finishFlush: constants.Z_SYNC_FLUSH })
}
