/** What clients get of a tick of a user's schema, made of what protobufjs decodes, see proto-json.ts. */
import type protobuf from 'protobufjs'
import type { TickSchema } from '../../src/ticks/tick-schema.js'
import { jsonOfMessage } from './proto-json.js'

type Json = Record<string, unknown>

const UNITS = { ns: 1n, us: 1000n, ms: 1_000_000n, s: 1_000_000_000n }

/** The tick's JSON; undefined: the tick has no symbol, or no position below 2^53, so it is malformed. */
export function schemaTickJson(
  { mapping }: TickSchema,
  type: protobuf.Type,
  bytes: Uint8Array,
): Json | undefined {
  const json = jsonOfMessage(type, bytes)
  const symbol = taken(json, type, mapping.symbol)
  const head: Json = { symbol, kind: 'tick' }
  if (typeof symbol !== 'string' || symbol === '' || Buffer.byteLength(symbol) > 64) return undefined
  const position = mapping.position === undefined ? 0 : json[mapping.position]
  if (typeof position !== 'number' || position < 0) return undefined
  if (mapping.kind !== undefined) {
    const oneof = type.oneofs?.[mapping.kind]
    const value =
      oneof === undefined
        ? taken(json, type, mapping.kind)
        : oneof.fieldsArray.map(field => field.jsonName!).find(name => Object.hasOwn(json, name))
    if (value !== undefined && value !== '') head.kind = String(value)
  }
  if (mapping.sequence !== undefined) {
    const value = taken(json, type, mapping.sequence)
    if (value !== undefined && value !== '') head.sequence = isInteger(value) ? Number(value) : value
  }
  if (mapping.time !== undefined) {
    const value = taken(json, type, mapping.time.path)
    if (value !== undefined && value !== '') head.time = microsOf(value, UNITS[mapping.time.unit])
  }
  for (const name of Object.keys(head)) {
    if (!Object.hasOwn(json, name)) continue
    json[`${name}_`] = json[name]
    delete json[name]
  }
  return { ...head, ...json }
}

/** Takes the field that a path names out of the JSON of a message. A segment may name a oneof: any case that is set. */
function taken(json: Json, type: protobuf.Type, path: string): unknown {
  const [segment, ...rest] = path.split('.')
  const field = type.fieldsArray.find(({ protoName }) => protoName === segment)
  if (field === undefined) {
    const set = type.oneofs![segment!]!.fieldsArray.find(({ jsonName }) => Object.hasOwn(json, jsonName!))
    return set && taken(json[set.jsonName!] as Json, set.resolvedType as protobuf.Type, rest.join('.'))
  }
  const name = field.jsonName!
  if (rest.length > 0) {
    const below = json[name]
    return below && taken(below as Json, field.resolvedType as protobuf.Type, rest.join('.'))
  }
  const value = json[name]
  delete json[name]
  return value
}

function isInteger(value: unknown): boolean {
  return (
    typeof value === 'number' ||
    (/^(0|-?[1-9]\d*)$/.test(String(value)) && Number.isSafeInteger(Number(value)))
  )
}

function microsOf(value: unknown, unit: bigint): number | null {
  const text = String(value)
  if (text.includes('T') && text.endsWith('Z')) {
    const [whole, digits = ''] = text.slice(0, -1).split('.')
    const micros = Date.parse(`${whole}Z`) * 1000 + Number(digits.padEnd(6, '0').slice(0, 6))
    return Number.isSafeInteger(micros) ? micros : null
  }
  if (!/^(0|-?[1-9]\d*)$/.test(text)) return null
  const nanos = BigInt(text) * unit
  const micros = nanos / 1000n - (nanos % 1000n < 0n ? 1n : 0n)
  const number = Number(micros)
  return Number.isSafeInteger(number) ? number : null
}
