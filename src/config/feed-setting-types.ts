/**
 * The types of setting that say how a feed of any schema is called and read. Any thread. Pure.
 */
import { type Setting, textSetting } from './setting-types.js'

/** The service of proto/ringcast.proto, whose ticks need no mapping. */
const OWN_SERVICE = 'ringcast.v1.TickFeed/'
const METHOD = /^[A-Za-z_][\w.]*\/[A-Za-z_]\w*$/
const FIELD_PATH = /^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$/
/** https://grpc.github.io/grpc/core/md_doc__p_r_o_t_o_c_o_l-_h_t_t_p2.html: keys and ASCII values. */
const METADATA_KEY = /^[0-9a-z_.-]+$/
const METADATA_VALUE = /^[\x20-\x7e]*$/
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/

/** Whether a method is of a service other than `ringcast.v1.TickFeed`, so that its ticks need a mapping. */
export function isForeignMethod(method: unknown): boolean {
  return typeof method === 'string' && METHOD.test(method) && !method.startsWith(OWN_SERVICE)
}

/** The form of the messages of a method of `ringcast.v1.TickFeed`, by its full or its short name. */
export function ownMethod(method: string): 'batches' | 'single' {
  return method === 'single' || method === `${OWN_SERVICE}Stream` ? 'single' : 'batches'
}

export function feedMethod(description: string): Setting<string> {
  return textSetting(description, {
    rule: 'must be batches, single, or a method such as acme.md.MarketData/Subscribe',
    placeholder: 'name',
    holds: isFeedMethod,
    initial: 'batches',
  })
}

/** The full name of a method; unset by default. */
export function methodName(description: string): Setting<string | undefined> {
  return textSetting(description, {
    rule: 'must be a method such as acme.md.MarketData/Subscribe',
    placeholder: 'name',
    holds: text => METHOD.test(text),
  })
}

/** A JSON object, or `@` and the path of a file with one. */
export function jsonOrFile(description: string): Setting<string | undefined> {
  return textSetting(description, {
    rule: 'must be a JSON object, or @ and the path of a file with one',
    placeholder: 'json|@path',
    holds: text => isFile(text) || jsonObjectOf(text) !== undefined,
  })
}

/** `key=value,…`, or `@` and the path of a file with one `key=value` a line. */
export function metadataOrFile(description: string): Setting<string | undefined> {
  const setting = textSetting(description, {
    rule: 'must be key=value with commas between them, or @ and the path of a file with one key=value a line',
    placeholder: 'key=value,…|@path',
    holds: text => isFile(text) || metadataOf(text, ',') !== undefined,
  })
  return { ...setting, isSecret: true }
}

export function fieldPath(description: string): Setting<string | undefined> {
  return textSetting(description, {
    rule: 'must be the path of a field, such as header.symbol',
    placeholder: 'path',
    holds: text => FIELD_PATH.test(text),
  })
}

export function timePath(description: string): Setting<string | undefined> {
  return textSetting(description, {
    rule: 'must be the path of a field and a unit (ns, us, ms or s), such as header.time:ms, or the path of a timestamp',
    placeholder: 'path:unit',
    holds: text => FIELD_PATH.test(text.replace(/:(ns|us|ms|s)$/, '')),
  })
}

/** @returns undefined when the text is no JSON, or JSON of something else */
export function jsonObjectOf(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** @returns undefined when a part is no `key=value` that gRPC can send */
export function metadataOf(text: string, separator: ',' | '\n'): Record<string, string> | undefined {
  const entries: [string, string][] = []
  for (const part of text.split(separator)) {
    const line = part.trim()
    if (line === '') continue
    const equals = line.indexOf('=')
    const [key, value] = [line.slice(0, Math.max(0, equals)).toLowerCase(), line.slice(equals + 1)]
    if (!isMetadataEntry(key, value)) return undefined
    entries.push([key, value])
  }
  return entries.length === 0 ? undefined : Object.fromEntries(entries)
}

/** The value of a key that ends with `-bin` is base64. */
export function isMetadataEntry(key: string, value: unknown): boolean {
  if (!METADATA_KEY.test(key) || key.startsWith('grpc-') || typeof value !== 'string') return false
  return key.endsWith('-bin') ? BASE64.test(value) : METADATA_VALUE.test(value)
}

function isFeedMethod(text: string): boolean {
  if (text.startsWith(OWN_SERVICE)) return /^(Stream|StreamBatches)$/.test(text.slice(OWN_SERVICE.length))
  return text === 'batches' || text === 'single' || METHOD.test(text)
}

function isFile(text: string): boolean {
  return /^@[^\0]+$/.test(text)
}
