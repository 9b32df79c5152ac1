/**
 * Writes a foreign value into a message: short, on one line, with invisible characters escaped. Any thread. Pure.
 * An object is named by its kind, because writing it out could cost any time and recurse to any depth.
 */

/** The longest quoted text in characters, escapes included. */
const LENGTH_MAX = 100
/**
 * Characters to escape: controls, invisible characters, halves of surrogate pairs, every space but the plain one, the
 * quotation mark and the backslash.
 */
const HIDDEN = /(?! )[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}"\\]/u
/** Writing a longer bigint takes long. */
const BIGINT_BITS_MAX = 256

/** `JSON.parse` reads back a text that was not cut. */
export function quoteValue(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return quoteText(value)
    case 'number':
    case 'boolean':
      return String(value)
    case 'bigint':
      return BigInt.asIntN(BIGINT_BITS_MAX, value) === value ? String(value) : 'a huge bigint'
    case 'undefined':
      return 'none'
    case 'function':
      return 'a function'
    case 'symbol':
      return 'a JavaScript symbol'
    default:
      if (value === null) return 'null'
      return Array.isArray(value) ? 'a list' : 'an object'
  }
}

/** The text itself when every character is visible, otherwise the quoted text. */
export function quoteUnlessPlain(text: string): string {
  const quoted = quoteText(text)
  return quoted === `"${text}"` ? text : quoted
}

/** The first `lengthMax` UTF-16 units of a text, or one less where the cut would split a surrogate pair. */
export function cutText(text: string, lengthMax: number): string {
  if (text.length <= lengthMax) return text
  const splitsPair = text.codePointAt(lengthMax - 1)! > 0xffff
  return text.slice(0, splitsPair ? lengthMax - 1 : lengthMax)
}

/** The text on one line, in full length: what is not visible is escaped. */
export function visibleText(text: string): string {
  let visible = ''
  for (const character of text) {
    const isVisible = character === '"' || character === '\\' || !HIDDEN.test(character)
    visible += isVisible ? character : escaped(character)
  }
  return visible
}

function quoteText(text: string): string {
  let quoted = ''
  for (const character of text) {
    const piece = HIDDEN.test(character) ? escaped(character) : character
    if (quoted.length + piece.length > LENGTH_MAX) return `"${quoted}"…`
    quoted += piece
  }
  return `"${quoted}"`
}

function escaped(character: string): string {
  const inJson = JSON.stringify(character).slice(1, -1)
  if (inJson !== character) return inJson
  const units = Array.from({ length: character.length }, (_, index) => character.charCodeAt(index))
  return units.map(unit => `\\u${unit.toString(16).padStart(4, '0')}`).join('')
}
