/**
 * The types of setting: a whole number, a duration, an address and so on. Any thread. Pure.
 * A check never converts: the text `5` of a flag is read as a number first, and a library user's `'5'` is refused.
 */
import { z } from 'zod'
import { isSymbol } from '../common/symbol.js'
import {
  booleanText,
  bytesText,
  decimalText,
  listText,
  millisecondsText,
  plainText,
  type TextForm,
  wholeOrAutoText,
  wholeText,
} from './units.js'

export interface Setting<T = unknown> {
  /** One line for --help and docs/settings.md. */
  readonly description: string
  /** Says which values are allowed, as the end of a sentence: "must be true or false". */
  readonly rule: string
  readonly form: TextForm
  /** The default as a user would write it, or in words; undefined: unset. */
  readonly defaultText: string | undefined
  /** No message shows the value. */
  readonly isSecret?: boolean
  /** The value, or the default in place of `undefined`. Returns undefined when the value breaks the rule. */
  check(value: unknown): { readonly value: T } | undefined
}

export type ValueOf<S extends Setting> = S extends Setting<infer T> ? T : never

interface Range {
  readonly min: number
  readonly max: number
}

interface DefaultedRange extends Range {
  readonly initial: number
  readonly form?: TextForm
}

function setting<S extends z.ZodType>(schema: S, details: Omit<Setting, 'check'>): Setting<z.output<S>> {
  return {
    ...details,
    check(value) {
      const result = schema.safeParse(value)
      return result.success ? { value: result.data } : undefined
    },
  }
}

const wholeIn = ({ min, max }: Range) => z.int().min(min).max(max)

const isPowerOfTwo = (value: number) => value > 0 && Number.isInteger(Math.log2(value))

export function whole(description: string, range: DefaultedRange) {
  const { min, max, initial, form = wholeText } = range
  const rule = `must be a whole number from ${min} to ${max}`
  const schema = wholeIn(range).default(initial)
  return setting(schema, { description, rule, form, defaultText: form.write(initial) })
}

/** A whole number whose default depends on the machine. The caller of `check` puts the default in. */
export function wholeOfMachine(description: string, range: Range & { defaultText: string }) {
  const rule = `must be a whole number from ${range.min} to ${range.max}`
  return setting(wholeIn(range), { description, rule, form: wholeText, defaultText: range.defaultText })
}

/** A whole number, or `auto`. The caller of `check` puts the number of the machine in place of `auto`. */
export function wholeOrAuto(description: string, { min, max, initial }: DefaultedRange) {
  const rule = `must be auto or a whole number from ${min} to ${max}`
  const schema = wholeIn({ min, max }).default(initial)
  return setting(schema, { description, rule, form: wholeOrAutoText, defaultText: String(initial) })
}

/** A whole number. Unset by default; unset has a meaning of its own. */
export function wholeOrUnset(description: string, range: Range & { readonly form?: TextForm }) {
  const rule = `must be a whole number from ${range.min} to ${range.max}`
  const { form = wholeText } = range
  return setting(wholeIn(range).optional(), { description, rule, form, defaultText: undefined })
}

/** Whole milliseconds. At most a day: a timer of Node fires at once from 2^31 ms (25 days) on. */
export function duration(description: string, { initial, min = 1 }: { initial: number; min?: number }) {
  return whole(description, { initial, min, max: 86_400_000, form: millisecondsText })
}

/** Whole milliseconds. Unset by default; unset has a meaning of its own. */
export function durationOrUnset(description: string, { min = 1 }: { min?: number } = {}) {
  return wholeOrUnset(description, { min, max: 86_400_000, form: millisecondsText })
}

export function powerOfTwo(description: string, range: DefaultedRange) {
  const { min, max, initial, form = wholeText } = range
  const rule = `must be a power of two from ${form.write(min)} to ${form.write(max)}`
  const schema = wholeIn(range).refine(isPowerOfTwo).default(initial)
  return setting(schema, { description, rule, form, defaultText: form.write(initial) })
}

export function ringSize(description: string, range: DefaultedRange) {
  return powerOfTwo(description, { ...range, form: bytesText })
}

export function byteSize(description: string, range: DefaultedRange) {
  const { min, max, initial } = range
  const rule = `must be a size from ${bytesText.write(min)} to ${bytesText.write(max)}, such as 4096 or 64KiB`
  const schema = wholeIn(range).default(initial)
  return setting(schema, { description, rule, form: bytesText, defaultText: bytesText.write(initial) })
}

export function decimal(description: string, { min, max, initial }: DefaultedRange) {
  const rule = `must be a number from ${min} to ${max}`
  const schema = z.number().min(min).max(max).default(initial)
  return setting(schema, { description, rule, form: decimalText, defaultText: String(initial) })
}

export function flag(description: string, { initial }: { initial: boolean }) {
  const rule = 'must be true or false'
  const schema = z.boolean().default(initial)
  return setting(schema, { description, rule, form: booleanText, defaultText: String(initial) })
}

export function choice<const T extends readonly [string, ...string[]]>(
  description: string,
  { of, initial }: { of: T; initial: T[number] },
): Setting<T[number]> {
  const rule = `must be ${of.slice(0, -1).join(', ')} or ${of.at(-1)}`
  const form = plainText(of.length > 3 ? 'name' : of.join('|'))
  // The type that is inferred of an enum does not compile for users of the package who check the types of libraries.
  const schema: z.ZodType<T[number]> = z.enum<readonly string[]>(of).default(initial)
  return setting(schema, { description, rule, form, defaultText: initial })
}

/** A host name, an IPv4 or an IPv6 address. Only a first check: the system's resolver decides. */
const isHost = (text: string) => /^[^\s:/[\]]+$/.test(text) || /^[\da-f.]*:[\da-f:.]*$/i.test(text)

export function host(description: string, { initial }: { initial: string }) {
  const rule = 'must be a host name or an IP address, without a port'
  const schema = z.string().refine(isHost).default(initial)
  return setting(schema, { description, rule, form: plainText('host'), defaultText: initial })
}

export function hostOrUnset(description: string) {
  const rule = 'must be a host name or an IP address, without a port'
  const schema = z.string().refine(isHost).optional()
  return setting(schema, { description, rule, form: plainText('host'), defaultText: undefined })
}

/** Whether `text` is `host:port` or `[ipv6]:port` with a port of `portMin` to 65535. */
export function isAddress(text: string, portMin: number): boolean {
  const match = /^(?:[^\s:/[\]]+|\[[\da-f:.]+\]):(\d{1,5})$/i.exec(text)
  const port = Number(match?.[1])
  return port >= portMin && port <= 65_535
}

/** `host:port` to listen at; port 0: any free port. */
export function listenAddress(description: string, { initial }: { initial: string }) {
  const rule = `must be host:port, such as ${initial}`
  const schema = z
    .string()
    .refine(text => isAddress(text, 0))
    .default(initial)
  return setting(schema, { description, rule, form: plainText('host:port'), defaultText: initial })
}

/** One or more `host:port` to call, each once; unset by default. */
export function remoteAddresses(description: string) {
  const rule = 'must be host:port, such as feed.example:50051, or several with commas between them'
  const areAddresses = (texts: readonly string[]): boolean =>
    texts.every(text => isAddress(text, 1)) && new Set(texts).size === texts.length
  const schema = z.array(z.string()).min(1).readonly().refine(areAddresses).optional()
  return setting(schema, {
    description,
    rule,
    form: { ...listText, placeholder: 'host:port,…' },
    defaultText: undefined,
  })
}

const NATS_URL = /^(?:nats|tls):\/\/(?:[^\s/@,]+@)?(?:[^\s:/@[\],]+|\[[\da-f:.]+\])(?::(\d{1,5}))?\/?$/i

/** One or more URLs of servers of NATS, each once; unset by default. A URL may hold a password. */
export function natsUrls(description: string) {
  const rule = 'must be a URL such as nats://nats.example:4222, or several with commas between them'
  const isUrl = (text: string): boolean => {
    const match = NATS_URL.exec(text)
    return match !== null && Number(match[1] ?? 4222) <= 65_535
  }
  const areUrls = (texts: readonly string[]): boolean =>
    texts.every(isUrl) && new Set(texts).size === texts.length
  const schema = z.array(z.string()).min(1).readonly().refine(areUrls).optional()
  const form = { ...listText, placeholder: 'url,…' }
  return { ...setting(schema, { description, rule, form, defaultText: undefined }), isSecret: true }
}

/** The name of a stream of JetStream, which is also a part of subjects. */
export function streamName(description: string, { initial }: { initial: string }) {
  const rule = 'must be 1 to 32 letters, digits, - or _'
  const schema = z
    .string()
    .regex(/^[\w-]{1,32}$/)
    .default(initial)
  return setting(schema, { description, rule, form: plainText('name'), defaultText: initial })
}

/** The path of a file; unset by default. Whether the file can be read is found out when it is read. */
export function filePath(description: string) {
  const rule = 'must be the path of a file'
  const isPath = (text: string) => text !== '' && !text.includes('\0')
  const schema = z.string().refine(isPath).optional()
  return setting(schema, { description, rule, form: plainText('path'), defaultText: undefined })
}

interface TextRules {
  readonly rule: string
  readonly placeholder: string
  holds(text: string): boolean
}

/** A text with rules of its own. */
export function textSetting(description: string, rules: TextRules & { initial: string }): Setting<string>
export function textSetting(description: string, rules: TextRules): Setting<string | undefined>
export function textSetting(
  description: string,
  { rule, placeholder, holds, initial }: TextRules & { initial?: string },
): Setting<string | undefined> {
  const text = z.string().refine(holds)
  const schema = initial === undefined ? text.optional() : text.default(initial)
  return setting(schema, { description, rule, form: plainText(placeholder), defaultText: initial })
}

/** Symbols as the feed names them, separated by commas; none by default. */
export function symbols(description: string) {
  const rule = 'must be symbols of 1 to 64 bytes with commas between them'
  const schema = z.array(z.string().refine(isSymbol)).readonly().default([])
  return setting(schema, { description, rule, form: listText, defaultText: undefined })
}

/** Texts with rules of their own, separated by commas; none by default. */
export function listOf(description: string, { rule, placeholder, holds }: TextRules) {
  const schema = z.array(z.string().refine(holds)).readonly().default([])
  return setting(schema, { description, rule, form: { ...listText, placeholder }, defaultText: undefined })
}
