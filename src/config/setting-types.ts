/**
 * The kinds of setting: each is a zod schema of the typed value, with a text form and a rule in words. Any thread.
 * A schema never coerces: a library user's `'5'` is refused where the text `5` of a flag or variable is read.
 */
import { z } from 'zod'
import { invariant } from '../common/errors.js'
import { isSymbol } from '../common/symbol.js'
import {
  booleanText,
  bytesText,
  decimalText,
  listText,
  millisecondsText,
  plainText,
  type TextForm,
  wholeText,
} from './units.js'

export interface SettingDetails {
  /** One line for --help and docs/settings.md. */
  readonly description: string
  /** What a value must be, as the end of a sentence: "must be true or false". */
  readonly rule: string
  readonly form: TextForm
  /** The default in words or as one would write it; empty: unset. */
  readonly defaultText: string
}

interface Range {
  readonly min: number
  readonly max: number
}

interface DefaultedRange extends Range {
  readonly initial: number
  readonly form?: TextForm
}

const registry = z.registry<SettingDetails>()

function setting<S extends z.ZodType>(schema: S, details: SettingDetails): S {
  registry.add(schema, details)
  return schema
}

/** The details of a schema that this file made. */
export function detailsOf(schema: z.ZodType): SettingDetails {
  const details = registry.get(schema)
  invariant(details !== undefined, 'every setting has details')
  return details
}

/** Not `z.int()`: a fraction makes that one abort, and the rules between settings would then go unchecked. */
const within = ({ min, max }: Range, rule: string) =>
  z.number({ error: rule }).refine(Number.isSafeInteger, rule).min(min, rule).max(max, rule)

const isPowerOfTwo = (value: number) => value > 0 && Number.isInteger(Math.log2(value))

export function whole(description: string, range: DefaultedRange) {
  const { min, max, initial, form = wholeText } = range
  const rule = `must be a whole number from ${min} to ${max}`
  const schema = within(range, rule).default(initial)
  return setting(schema, { description, rule, form, defaultText: form.write(initial) })
}

/** A whole number whose default depends on the machine: whoever parses fills it in first. */
export function wholeOfMachine(description: string, range: Range & { defaultText: string }) {
  const rule = `must be a whole number from ${range.min} to ${range.max}`
  const { defaultText } = range
  return setting(within(range, rule), { description, rule, form: wholeText, defaultText })
}

/** A whole number; unset by default, which then has a meaning of its own. */
export function wholeOrUnset(description: string, range: Range) {
  const rule = `must be a whole number from ${range.min} to ${range.max}`
  return setting(within(range, rule).optional(), { description, rule, form: wholeText, defaultText: '' })
}

/** Whole milliseconds. At most a day: somewhat past that (2^31 ms) a timer of Node fires at once. */
export function duration(description: string, { initial, min = 1 }: { initial: number; min?: number }) {
  return whole(description, { initial, min, max: 86_400_000, form: millisecondsText })
}

export function powerOfTwo(description: string, range: DefaultedRange) {
  const { min, max, initial, form = wholeText } = range
  const rule = `must be a power of two from ${form.write(min)} to ${form.write(max)}`
  const schema = within(range, rule).refine(isPowerOfTwo, rule).default(initial)
  return setting(schema, { description, rule, form, defaultText: form.write(initial) })
}

export function ringSize(description: string, range: DefaultedRange) {
  return powerOfTwo(description, { ...range, form: bytesText })
}

export function byteSize(description: string, range: DefaultedRange) {
  const { min, max, initial } = range
  const rule = `must be a size from ${bytesText.write(min)} to ${bytesText.write(max)}, such as 4096 or 64KiB`
  const schema = within(range, rule).default(initial)
  return setting(schema, { description, rule, form: bytesText, defaultText: bytesText.write(initial) })
}

export function decimal(description: string, { min, max, initial }: DefaultedRange) {
  const rule = `must be a number from ${min} to ${max}`
  const schema = z.number({ error: rule }).min(min, rule).max(max, rule).default(initial)
  return setting(schema, { description, rule, form: decimalText, defaultText: String(initial) })
}

export function flag(description: string, { initial }: { initial: boolean }) {
  const rule = 'must be true or false'
  const schema = z.boolean({ error: rule }).default(initial)
  return setting(schema, { description, rule, form: booleanText, defaultText: String(initial) })
}

export function choice<const T extends readonly [string, ...string[]]>(
  description: string,
  { of, initial }: { of: T; initial: z.util.NoUndefined<T[number]> },
) {
  const rule = `must be ${of.slice(0, -1).join(', ')} or ${of.at(-1)}`
  const form = plainText(of.length > 3 ? 'name' : of.join('|'))
  return setting(z.enum(of, { error: rule }).default(initial), {
    description,
    rule,
    form,
    defaultText: initial,
  })
}

/** A host name, an IPv4 or an IPv6 address. A first look only: the system's resolver has the last word. */
const isHost = (text: string) => /^[^\s:/[\]]+$/.test(text) || /^[\da-f.]*:[\da-f:.]*$/i.test(text)

export function host(description: string, { initial }: { initial: string }) {
  const rule = 'must be a host name or an IP address, without a port'
  const schema = z.string({ error: rule }).refine(isHost, rule).default(initial)
  return setting(schema, { description, rule, form: plainText('host'), defaultText: initial })
}

/** Whether `text` is `host:port` or `[ipv6]:port` with a port of `portMin` to 65535. */
export function isAddress(text: string, portMin: number): boolean {
  const match = /^(?:[^\s:/[\]]+|\[[\da-f:.]+\]):(\d{1,5})$/i.exec(text)
  const port = Number(match?.[1])
  return port >= portMin && port <= 65_535
}

/** `host:port` to listen at; port 0: any free one. */
export function listenAddress(description: string, { initial }: { initial: string }) {
  const rule = `must be host:port, such as ${initial}`
  const schema = z
    .string({ error: rule })
    .refine(text => isAddress(text, 0), rule)
    .default(initial)
  return setting(schema, { description, rule, form: plainText('host:port'), defaultText: initial })
}

/** `host:port` to call; unset by default. */
export function remoteAddress(description: string) {
  const rule = 'must be host:port, such as feed.example:50051'
  const schema = z
    .string({ error: rule })
    .refine(text => isAddress(text, 1), rule)
    .optional()
  return setting(schema, { description, rule, form: plainText('host:port'), defaultText: '' })
}

/** The path of a file; unset by default. Whether it can be read shows where it is read. */
export function filePath(description: string) {
  const rule = 'must be the path of a file'
  const isPath = (text: string) => text !== '' && !text.includes('\0')
  const schema = z.string({ error: rule }).refine(isPath, rule).optional()
  return setting(schema, { description, rule, form: plainText('path'), defaultText: '' })
}

/** Symbols as the upstream contract has them, with commas between; none by default. */
export function symbols(description: string) {
  const rule = 'must be symbols of 1 to 64 bytes with commas between them'
  const schema = z
    .array(z.string({ error: rule }).refine(isSymbol, rule), { error: rule })
    .readonly()
    .default([])
  return setting(schema, { description, rule, form: listText, defaultText: '' })
}
