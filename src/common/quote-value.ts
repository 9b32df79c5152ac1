/**
 * How a value that somebody else gave stands in a message: short and on one line, whatever it is. Any thread. Pure.
 * An object is named by its kind: to write it out would cost what it holds, and recurse as deep as it is nested.
 */

/** Characters of the longest text that is shown, escapes included. */
const LENGTH_MAX = 100
/**
 * What would not be seen, or be taken for something else: controls, invisible characters, halves of surrogate pairs, all
 * spaces but the plain one, and what ends or escapes a quoted text.
 */
const HIDDEN = /(?! )[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}"\\]/u
/** A longer bigint takes long to be written out. */
const BIGINT_BITS_MAX = 256

/** Of a text that was not cut, `JSON.parse` gives the text back. */
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

/** A text as it is where that shows all of it, otherwise quoted. */
export function quoteUnlessPlain(text: string): string {
  const quoted = quoteText(text)
  return quoted === `"${text}"` ? text : quoted
}

/** The beginning of a text, at most `lengthMax` UTF-16 units, without half of a surrogate pair that was whole. */
export function cutText(text: string, lengthMax: number): string {
  if (text.length <= lengthMax) return text
  const splitsPair = text.codePointAt(lengthMax - 1)! > 0xffff
  return text.slice(0, splitsPair ? lengthMax - 1 : lengthMax)
}

function quoteText(text: string): string {
  let shown = ''
  for (const character of text) {
    const piece = HIDDEN.test(character) ? escaped(character) : character
    if (shown.length + piece.length > LENGTH_MAX) return `"${shown}"…`
    shown += piece
  }
  return `"${shown}"`
}

function escaped(character: string): string {
  const inJson = JSON.stringify(character).slice(1, -1)
  if (inJson !== character) return inJson
  const units = Array.from({ length: character.length }, (_, index) => character.charCodeAt(index))
  return units.map(unit => `\\u${unit.toString(16).padStart(4, '0')}`).join('')
}
