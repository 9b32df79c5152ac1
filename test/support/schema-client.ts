/** What clients get of a tick of a user's schema from our own codec. */
import { expect } from 'vitest'
import { schemaCodec } from '../../src/ticks/schema/schema-codec.js'
import type { TickCodec, TickReader } from '../../src/ticks/tick-codec.js'
import type { TickSchema } from '../../src/ticks/tick-schema.js'
import { encodeMessage, FOREIGN_SCHEMAS, schemaOf, tickTypeOf } from './foreign-schemas.js'

export const BEFORE = 13
const BEHIND = 7

/** A reader of bytes amid others, as in the tick log. */
export function placed(codec: TickCodec, message: Uint8Array): TickReader {
  const bytes = new Uint8Array(BEFORE + message.length + BEHIND).fill(0x0a)
  bytes.set(message, BEFORE)
  return codec.createReader(bytes)
}

/** What a client gets of the message; undefined: nothing, because it is malformed or of no symbol. */
export function clientJson(codec: TickCodec, message: Uint8Array): unknown {
  const reader = placed(codec, message)
  if (!reader.decode(BEFORE, BEFORE + message.length) || reader.symbolLength === 0) return undefined
  const bytes = message.slice(reader.symbolStart - BEFORE, reader.symbolStart - BEFORE + reader.symbolLength)
  const prefixes = codec.jsonPrefixes(Buffer.from(bytes).toString())
  const target = Buffer.alloc(codec.jsonBytesMax + 20, 0x2a)
  const untouched = Buffer.from(target)
  const end = reader.writeJson(target, 9, prefixes)
  expect(end - 9).toBeLessThanOrEqual(codec.jsonBytesMax)
  expect(target[8]).toBe(0x2a)
  expect(target.subarray(end).equals(untouched.subarray(end))).toBe(true)
  return JSON.parse(target.toString('utf8', 9, end))
}

/** The foreign schema with this in its name. */
export const one = (name: string): TickSchema =>
  schemaOf(FOREIGN_SCHEMAS.find(each => each.name.includes(name))!)

/** A schema of a symbol and other fields. */
export function flat(fields: string, mapping: Partial<TickSchema['mapping']> = {}): TickSchema {
  const proto = `syntax = "proto3"; package t; message M { string symbol = 1; ${fields} }`
  return schemaOf({ proto, message: 't.M', mapping: { symbol: 'symbol', ...mapping } })
}

/** What a client gets of a message that protobufjs encodes. */
export function json(schema: TickSchema, message: Record<string, unknown>): unknown {
  return clientJson(schemaCodec(schema), encodeMessage(tickTypeOf(schema), message))
}
