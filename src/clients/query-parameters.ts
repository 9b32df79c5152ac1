/**
 * Splits the query of a URL into named parameters and decodes their values. Main thread. Pure.
 */
import { quoteValue } from '../common/quote-value.js'
import { badRequest, type Refusal } from './refusal.js'

export interface QueryValue {
  readonly text: string
  /** False: the value cannot be decoded, and the text is as the client sent it. */
  readonly isDecoded: boolean
  /** Whether the client wrote a `+`: forms mean a space by it, and people a plus. `text` has a space. */
  readonly hasPlus: boolean
}

/** @param names the parameters that exist; each may be given once */
export function readQuery(
  query: string,
  names: readonly string[],
): ReadonlyMap<string, QueryValue> | Refusal {
  const values = new Map<string, QueryValue>()
  for (const pair of query.split('&')) {
    if (pair === '') continue
    const equals = pair.indexOf('=')
    const name = decode(equals < 0 ? pair : pair.slice(0, equals)).text
    if (!names.includes(name)) {
      const message = `unknown parameter ${quoteValue(name)}: there are ${names.join(', ')}`
      return badRequest('unknown_parameter', message)
    }
    if (values.has(name)) {
      const hint = name === 'symbols' ? ', with commas between several values' : ''
      return badRequest('repeated_parameter', `${name} must be given once${hint}`)
    }
    values.set(name, decode(equals < 0 ? '' : pair.slice(equals + 1)))
  }
  return values
}

/**
 * Decodes percent-encoded UTF-8, with `+` for a space. URLSearchParams would make another symbol of a broken one: it
 * replaces bytes that are not UTF-8 by U+FFFD and keeps a percent sign that escapes nothing.
 */
function decode(encoded: string): QueryValue {
  // A `#` begins a fragment, and clients send no fragments.
  const hasPlus = encoded.includes('+')
  if (encoded.includes('#')) return { text: encoded, isDecoded: false, hasPlus }
  try {
    return { text: decodeURIComponent(encoded.replaceAll('+', ' ')), isDecoded: true, hasPlus }
  } catch {
    return { text: encoded, isDecoded: false, hasPlus }
  }
}
