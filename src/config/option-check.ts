/**
 * Checks options that exist in the library only, so they have no variable and no flag. Any thread. Pure.
 * Every fault is reported at once, one line for each, in the form of `faultLines`.
 */
import { RingcastError } from '../common/errors.js'
import { quoteValue } from '../common/quote-value.js'
import { suggestion, unknownName } from './suggestion.js'

export interface OptionRule {
  /** The end of a sentence: "must be a function". */
  readonly rule: string
  readonly isRequired?: boolean
  holds(value: unknown): boolean
}

/** @throws RingcastError `option_invalid` when `options` is no object with keys */
export function checkObject(options: unknown, name: string): asserts options is object {
  if (typeof options === 'object' && options !== null && !Array.isArray(options)) return
  throw new RingcastError(
    'option_invalid',
    `${name} must be an object, such as {}, got ${quoteValue(options)}`,
  )
}

/** @throws RingcastError `option_invalid` */
export function checkOptions(
  options: unknown,
  rules: Readonly<Record<string, OptionRule>>,
  name: string,
): void {
  checkObject(options, name)
  const problems: string[] = []
  for (const key of Object.keys(options)) {
    if (!Object.hasOwn(rules, key)) problems.push(unknownName(key, suggestion(key, Object.keys(rules))))
  }
  for (const [key, { rule, isRequired, holds }] of Object.entries(rules)) {
    const value = (options as Readonly<Record<string, unknown>>)[key]
    if (value === undefined) {
      if (isRequired) problems.push(`${key}: ${rule}`)
    } else if (!holds(value)) problems.push(`${key}=${quoteValue(value)}: ${rule}`)
  }
  if (problems.length > 0) throw new RingcastError('option_invalid', problems.join('\n'))
}

export function wholeFrom(min: number, max: number): OptionRule {
  return {
    rule: `must be a whole number from ${min} to ${max}`,
    holds: value => Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max,
  }
}

export function hasMethods(value: unknown, names: readonly string[]): boolean {
  if (typeof value !== 'object' || value === null) return false
  return names.every(name => typeof (value as Readonly<Record<string, unknown>>)[name] === 'function')
}

/** An object with these methods. It may have others. */
export function withMethods(...names: string[]): OptionRule {
  return {
    rule: `must be an object with the ${names.length === 1 ? 'method' : 'methods'} ${names.join(', ')}`,
    holds: value => hasMethods(value, names),
  }
}

export const clockRule = withMethods('nowMs', 'epochUs', 'aheadUs', 'after', 'every')
