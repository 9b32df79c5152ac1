/**
 * What a symbol is. Any thread; asked at every border where one comes in.
 * A well-formed string and its UTF-8 stand for each other, so clients, who name strings, and lanes, which compare bytes,
 * mean the same symbol. Half of a surrogate pair has no UTF-8: encoders write that of U+FFFD in its place.
 */
import { SYMBOL_BYTES_MAX } from '../ticks/tick-fields.js'

/** The end of a sentence: "must be …". */
export const SYMBOL_RULE = `a well-formed string of 1 to ${SYMBOL_BYTES_MAX} bytes of UTF-8`

export function isSymbol(value: unknown): value is string {
  return typeof value === 'string' && symbolFault(value) === undefined
}

/** What is wrong with a symbol, in one sentence; undefined when nothing is. */
export function symbolFault(symbol: string): string | undefined {
  if (symbol === '') return 'a symbol must have at least one character'
  if (Buffer.byteLength(symbol) > SYMBOL_BYTES_MAX)
    return `a symbol must have at most ${SYMBOL_BYTES_MAX} bytes`
  if (!symbol.isWellFormed())
    return 'a symbol must be well-formed Unicode: this one has half of a surrogate pair'
  return undefined
}
