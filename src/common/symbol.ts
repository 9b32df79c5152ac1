/**
 * Says whether a string is a symbol. Any thread. Pure; called wherever a symbol comes in from outside.
 * A well-formed string and its UTF-8 bytes name the same symbol. Half of a surrogate pair has no UTF-8: an encoder
 * writes U+FFFD in its place, so two strings would share their bytes.
 */

/** The longest symbol in UTF-8: a bound that the proto file sets. */
export const SYMBOL_BYTES_MAX = 64

/** The end of a sentence: "must be …". */
export const SYMBOL_RULE = `a well-formed string of 1 to ${SYMBOL_BYTES_MAX} bytes of UTF-8`

export function isSymbol(value: unknown): value is string {
  return typeof value === 'string' && symbolFault(value) === undefined
}

/** Why a string is no symbol, in one sentence; undefined when it is one. */
export function symbolFault(symbol: string): string | undefined {
  if (symbol === '') return 'a symbol must have at least one character'
  if (Buffer.byteLength(symbol) > SYMBOL_BYTES_MAX)
    return `a symbol must have at most ${SYMBOL_BYTES_MAX} bytes`
  if (!symbol.isWellFormed())
    return 'a symbol must be well-formed Unicode: this one has half of a surrogate pair'
  return undefined
}
