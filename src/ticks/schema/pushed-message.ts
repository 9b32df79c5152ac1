/**
 * Checks and encodes a tick of a user's schema that a library's user pushes as an object. Main thread.
 * The object has the fields of the message by their names in JSON or in the `.proto` file.
 */
import { RingcastError } from '../../common/errors.js'
import { protobuf } from '../../common/protobufjs.js'
import { quoteValue } from '../../common/quote-value.js'
import type { TickReader } from '../tick-codec.js'
import { jsonNameOf } from './plan-compiler.js'

/** An object that holds itself would be walked for ever. */
const DEPTH_MAX = 100

type Wire = Record<string, unknown>

interface IntegerRange {
  readonly min: bigint
  readonly max: bigint
  readonly bits: string
}

const range = (bits: 32 | 64, isSigned: boolean): IntegerRange => ({
  min: isSigned ? -(2n ** BigInt(bits - 1)) : 0n,
  max: 2n ** BigInt(isSigned ? bits - 1 : bits) - 1n,
  bits: `${isSigned ? 'a whole number' : 'a whole number from 0 on'} of ${bits} bits`,
})
const INT32 = range(32, true)
const UINT32 = range(32, false)
const INT64 = range(64, true)
const UINT64 = range(64, false)
const INTEGERS: Readonly<Record<string, IntegerRange>> = {
  int32: INT32,
  sint32: INT32,
  sfixed32: INT32,
  uint32: UINT32,
  fixed32: UINT32,
  int64: INT64,
  sint64: INT64,
  sfixed64: INT64,
  uint64: UINT64,
  fixed64: UINT64,
}

export class PushedMessage {
  private readonly type: protobuf.Type
  private readonly readerOf: (bytes: Uint8Array) => TickReader
  private readonly bytesMax: number

  /** @param readerOf makes the reader that checks the encoded tick */
  constructor(type: protobuf.Type, readerOf: (bytes: Uint8Array) => TickReader, bytesMax: number) {
    this.type = type
    this.readerOf = readerOf
    this.bytesMax = bytesMax
  }

  /** See `TickCodec.encodePushed`. */
  encode(tick: unknown): Uint8Array {
    const { bytesMax, type } = this
    const wire = messageOf(tick, type, 'tick', 0)
    const encoded = new Uint8Array(type.encode(type.fromObject(wire)).finish())
    if (encoded.length > bytesMax)
      throw new RingcastError(
        'tick_invalid',
        `a tick may have ${bytesMax} bytes, this one has ${encoded.length}`,
      )
    const reader = this.readerOf(encoded)
    if (!reader.decode(0, encoded.length) || reader.symbolLength === 0)
      throw new RingcastError(
        'tick_invalid',
        `a tick must have a symbol of 1 to 64 bytes, a kind of at most 64 bytes, and a position below 2^53`,
      )
    return encoded
  }
}

function messageOf(value: unknown, type: protobuf.Type, path: string, depth: number): Wire {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) fail(path, value, 'an object')
  if (depth > DEPTH_MAX) fail(path, value, `at most ${DEPTH_MAX} levels deep`)
  const wire: Wire = {}
  const set = new Set<protobuf.OneOf>()
  for (const [name, member] of Object.entries(value)) {
    if (member === undefined) continue
    const field = type.fieldsArray.find(each => jsonNameOf(each) === name || each.protoName === name)
    if (field === undefined)
      throw new RingcastError('tick_invalid', `${path}.${name}: ${type.fullName.slice(1)} has no such field`)
    const { partOf } = field
    if (partOf !== null && set.has(partOf))
      throw new RingcastError(
        'tick_invalid',
        `${path}.${name}: only one field of the oneof ${partOf.name} may be set`,
      )
    if (partOf !== null) set.add(partOf)
    wire[field.name] = fieldOf(member, field, `${path}.${name}`, depth)
  }
  return wire
}

function fieldOf(value: unknown, field: protobuf.Field, path: string, depth: number): unknown {
  if (field.map) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) fail(path, value, 'an object')
    const { keyType } = field as protobuf.Field & Pick<protobuf.MapField, 'keyType'>
    const entries = Object.entries(value)
    for (const [key] of entries) checkKey(key, keyType, `the key of ${path}`)
    return Object.fromEntries(
      entries.map(([key, each]) => [key, singleOf(each, field, `${path}.${key}`, depth)]),
    )
  }
  if (!field.repeated) return singleOf(value, field, path, depth)
  if (!Array.isArray(value)) fail(path, value, 'a list')
  // Not `map`, which skips the holes of a list: they would be encoded as they are.
  return Array.from(value, (each, index) => singleOf(each, field, `${path}[${index}]`, depth))
}

/** The library that encodes writes 0 or false for a key of another type. */
function checkKey(key: string, type: string, path: string): void {
  if (type === 'string') textOf(key, path)
  else if (type !== 'bool') integerOf(key, INTEGERS[type]!, path)
  else if (key !== 'true' && key !== 'false') fail(path, key, 'true or false')
}

function singleOf(
  value: unknown,
  { resolvedType, type }: protobuf.Field,
  path: string,
  depth: number,
): unknown {
  if (resolvedType instanceof protobuf.Type) return messageOf(value, resolvedType, path, depth + 1)
  if (resolvedType instanceof protobuf.Enum) return enumOf(value, resolvedType, path)
  switch (type) {
    case 'double':
    case 'float':
      return typeof value === 'number' ? value : fail(path, value, 'a number')
    case 'bool':
      return typeof value === 'boolean' ? value : fail(path, value, 'true or false')
    case 'string':
      return textOf(value, path)
    case 'bytes':
      return value instanceof Uint8Array ? value : fail(path, value, 'a Uint8Array')
    default:
      return integerOf(value, INTEGERS[type]!, path)
  }
}

function textOf(value: unknown, path: string): string {
  const isText = typeof value === 'string' && value.isWellFormed()
  return isText ? value : fail(path, value, 'a well-formed string')
}

/** @returns text, because that carries all 64 bits without a type of a library's own */
function integerOf(value: unknown, { bits, max, min }: IntegerRange, path: string): string | number {
  const isWhole =
    typeof value === 'bigint' ||
    Number.isSafeInteger(value) ||
    (typeof value === 'string' && /^-?\d{1,20}$/.test(value))
  if (!isWhole) fail(path, value, bits)
  const integer = BigInt(value as bigint | number | string)
  if (integer < min || integer > max) fail(path, value, bits)
  return max > UINT32.max ? String(integer) : Number(integer)
}

function enumOf(value: unknown, { values }: protobuf.Enum, path: string): number {
  if (typeof value === 'string' && Object.hasOwn(values, value)) return values[value]!
  if (Number.isInteger(value) && Math.abs(value as number) < 2 ** 31) return value as number
  return fail(path, value, `a number, or one of ${Object.keys(values).slice(0, 10).join(', ')}`)
}

function fail(path: string, value: unknown, rule: string): never {
  throw new RingcastError('tick_invalid', `${path} must be ${rule}, got ${quoteValue(value)}`)
}
