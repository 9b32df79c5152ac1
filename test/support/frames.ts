/** Takes frames of the server apart, with strictness of its own, so that composer and parser do not share a mistake. */

/** The texts in whole, final, unmasked text frames that fill `bytes` to its end. */
export function frameTexts(bytes: Uint8Array): string[] {
  const buffer = Buffer.from(bytes)
  const texts: string[] = []
  for (let at = 0; at < buffer.length; ) {
    if (buffer[at] !== 0x81) throw new Error(`byte ${buffer[at]} in place of a text frame's first, at ${at}`)
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
    texts.push(
      new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(buffer.subarray(at, at + length)),
    )
    at += length
  }
  return texts
}
