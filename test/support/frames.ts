/** Takes frames of the server apart, with strictness of its own, so that composer and parser do not share a mistake. */

export interface Frame {
  readonly isText: boolean
  readonly payload: Uint8Array
}

/** The whole, final, unmasked frames, text or binary, that fill `bytes` to its end. */
export function frames(bytes: Uint8Array): Frame[] {
  const buffer = Buffer.from(bytes)
  const found: Frame[] = []
  for (let at = 0; at < buffer.length; ) {
    const first = buffer[at]!
    if (first !== 0x81 && first !== 0x82)
      throw new Error(`byte ${first} in place of a frame's first, at ${at}`)
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
    found.push({ isText: first === 0x81, payload: buffer.subarray(at, at + length) })
    at += length
  }
  return found
}

/** The texts in whole, final, unmasked text frames that fill `bytes` to its end. */
export function frameTexts(bytes: Uint8Array): string[] {
  return frames(bytes).map(({ isText, payload }) => {
    if (!isText) throw new Error('a binary frame in place of a text')
    return frameText(payload)
  })
}

/** The text of a text frame. */
export function frameText(payload: Uint8Array): string {
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(payload)
}
