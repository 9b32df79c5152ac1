/**
 * Writes UTF-8 and bytes as JSON, straight into bytes. Any thread.
 * Bytes that are no UTF-8 become U+FFFD, as `TextDecoder` does it: https://encoding.spec.whatwg.org/#utf-8-decoder
 */
const QUOTE = 0x22
const BACKSLASH = 0x5c

/** The letter behind the backslash of a character below U+0020; 0: it has none. */
const ESCAPES = new Uint8Array(0x20)
ESCAPES[0x08] = 0x62
ESCAPES[0x09] = 0x74
ESCAPES[0x0a] = 0x6e
ESCAPES[0x0c] = 0x66
ESCAPES[0x0d] = 0x72

const HEX = new TextEncoder().encode('0123456789abcdef')
const BASE64 = new TextEncoder().encode('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/')
const PADDING = 0x3d

/** Writes `source[start, start + length)` as a JSON string, with its quotes. @returns the index after it */
export function writeText(
  target: Uint8Array,
  at: number,
  source: Uint8Array,
  start: number,
  length: number,
): number {
  const end = start + length
  let next = at
  target[next++] = QUOTE
  for (let index = start; index < end; ) {
    const byte = source[index]!
    if (byte >= 0x80) {
      const run = runLength(source, index, end)
      if (run > 0) for (let left = run; left > 0; left--) target[next++] = source[index++]!
      else {
        index -= run
        target[next++] = 0xef
        target[next++] = 0xbf
        target[next++] = 0xbd
      }
      continue
    }
    if (byte < 0x20) next = writeEscape(target, next, byte)
    else {
      if (byte === QUOTE || byte === BACKSLASH) target[next++] = BACKSLASH
      target[next++] = byte
    }
    index++
  }
  target[next++] = QUOTE
  return next
}

/** Writes `source[start, start + length)` as a JSON string of base64. @returns the index after it */
export function writeBase64(
  target: Uint8Array,
  at: number,
  source: Uint8Array,
  start: number,
  length: number,
): number {
  const end = start + length
  let next = at
  target[next++] = QUOTE
  for (let index = start; index < end; index += 3) {
    const first = source[index]!
    const second = index + 1 < end ? source[index + 1]! : 0
    const third = index + 2 < end ? source[index + 2]! : 0
    target[next++] = BASE64[first >>> 2]!
    target[next++] = BASE64[((first & 3) << 4) | (second >>> 4)]!
    target[next++] = index + 1 < end ? BASE64[((second & 15) << 2) | (third >>> 6)]! : PADDING
    target[next++] = index + 2 < end ? BASE64[third & 63]! : PADDING
  }
  target[next++] = QUOTE
  return next
}

/** Whether `bytes[start, start + length)` are UTF-8. */
export function isUtf8(bytes: Uint8Array, start: number, length: number): boolean {
  const end = start + length
  for (let index = start; index < end; ) {
    if (bytes[index]! < 0x80) {
      index++
      continue
    }
    const run = runLength(bytes, index, end)
    if (run <= 0) return false
    index += run
  }
  return true
}

function writeEscape(target: Uint8Array, at: number, byte: number): number {
  target[at] = BACKSLASH
  if (ESCAPES[byte] !== 0) {
    target[at + 1] = ESCAPES[byte]!
    return at + 2
  }
  target[at + 1] = 0x75
  target[at + 2] = 0x30
  target[at + 3] = 0x30
  target[at + 4] = HEX[byte >>> 4]!
  target[at + 5] = HEX[byte & 15]!
  return at + 6
}

/**
 * Looks at the character that begins at `index` with a byte from 0x80 on.
 *
 * @returns its length in bytes; below 0: no character, so many bytes become one U+FFFD
 */
function runLength(bytes: Uint8Array, index: number, end: number): number {
  const first = bytes[index]!
  if (first < 0xc2 || first > 0xf4) return -1
  const length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4
  // The second byte rules out long forms, halves of surrogate pairs, and what is above U+10FFFF.
  let low = 0x80
  let high = 0xbf
  if (first === 0xe0) low = 0xa0
  else if (first === 0xed) high = 0x9f
  else if (first === 0xf0) low = 0x90
  else if (first === 0xf4) high = 0x8f
  for (let taken = 1; taken < length; taken++) {
    const byte = index + taken < end ? bytes[index + taken]! : 0
    if (byte < low || byte > high) return -taken
    low = 0x80
    high = 0xbf
  }
  return length
}
