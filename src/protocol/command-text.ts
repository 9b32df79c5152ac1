/**
 * Checks the text of a message before it is parsed, so that a hostile message costs no more than its length. Pure.
 * JSON.parse takes up to fifty times as long for nested objects, many fields and some numbers as for strings.
 */

/** A command has two levels. A few more are parsed, so that the error can name the wrong field. */
const DEPTH_MAX = 4
/** A command has few numbers, names and brackets. Its other characters stand in strings. */
const PLAIN_CHARACTERS_MAX = 256

const [QUOTE, BACKSLASH, COMMA, SPACE] = [0x22, 0x5c, 0x2c, 0x20]
const [LIST, LIST_END, OBJECT, OBJECT_END] = [0x5b, 0x5d, 0x7b, 0x7d]

/** Why the text is not parsed, in one sentence; undefined when it may be parsed. */
export function textFault(text: string): string | undefined {
  let depth = 0
  let plainCharacters = 0
  for (let index = 0; index < text.length; index++) {
    const character = text.charCodeAt(index)
    if (character === QUOTE) {
      index = stringEnd(text, index + 1)
      continue
    }
    // White space. The parser refuses control characters that JSON does not allow.
    if (character <= SPACE || character === COMMA) continue
    if (++plainCharacters > PLAIN_CHARACTERS_MAX)
      return `a command must have at most ${PLAIN_CHARACTERS_MAX} characters outside of strings, commas and spaces left aside`
    if (character === LIST || character === OBJECT) {
      if (++depth > DEPTH_MAX) return `a command must be nested at most ${DEPTH_MAX} levels deep`
    } else if (character === LIST_END || character === OBJECT_END) depth--
  }
  return undefined
}

/** @returns the index of the closing quote, or the length of the text when there is none */
function stringEnd(text: string, start: number): number {
  for (let quote = text.indexOf('"', start); quote >= 0; quote = text.indexOf('"', quote + 1)) {
    let backslashes = 0
    while (quote - backslashes > start && text.charCodeAt(quote - backslashes - 1) === BACKSLASH)
      backslashes++
    if (backslashes % 2 === 0) return quote
  }
  return text.length
}
