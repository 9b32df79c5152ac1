/**
 * How a value of a message is written as JSON, and how long that text is at most. Any thread.
 * 64-bit integers from 2^53 on are strings. The rest is the JSON mapping of protobuf:
 * https://protobuf.dev/programming-guides/json/
 */
import { NUMBER_BYTES_MAX } from '../number-text.js'

export const DOUBLE = 0
export const FLOAT = 1
export const INT32 = 2
export const UINT32 = 3
export const SINT32 = 4
export const FIXED32_NUMBER = 5
export const SFIXED32 = 6
export const INT64 = 7
export const UINT64 = 8
export const SINT64 = 9
export const FIXED64_NUMBER = 10
export const SFIXED64 = 11
export const BOOL = 12
export const ENUM = 13
export const STRING = 14
export const BYTES = 15
export const MESSAGE = 16
export const TIMESTAMP = 17
export const DURATION = 18
/** A wrapper such as `google.protobuf.DoubleValue`: written as its value. */
export const WRAPPER = 19

export const SCALAR_FORMS: Readonly<Record<string, number>> = {
  double: DOUBLE,
  float: FLOAT,
  int32: INT32,
  uint32: UINT32,
  sint32: SINT32,
  fixed32: FIXED32_NUMBER,
  sfixed32: SFIXED32,
  int64: INT64,
  uint64: UINT64,
  sint64: SINT64,
  fixed64: FIXED64_NUMBER,
  sfixed64: SFIXED64,
  bool: BOOL,
  string: STRING,
  bytes: BYTES,
}

const WRAPPERS = ['Double', 'Float', 'Int64', 'UInt64', 'Int32', 'UInt32', 'Bool', 'String', 'Bytes']

/** Messages that are not written as objects, by their full names. */
export const WELL_KNOWN_FORMS: ReadonlyMap<string, number> = new Map([
  ['.google.protobuf.Timestamp', TIMESTAMP],
  ['.google.protobuf.Duration', DURATION],
  ...WRAPPERS.map((name): [string, number] => [`.google.protobuf.${name}Value`, WRAPPER]),
])

export function isInteger(form: number): boolean {
  return form >= INT32 && form <= SFIXED64
}

/** The JSON of a field without presence that a message does not hold. Enums have a name in its place. */
export function defaultText(form: number): string {
  if (form === BOOL) return 'false'
  return form === STRING || form === BYTES ? '""' : '0'
}

/** Bounds the text of one value beside the bytes of strings: the longest is a timestamp or a number in quotes. */
export const VALUE_BYTES_MAX = NUMBER_BYTES_MAX + 12
/** A byte of a string takes six bytes at most (`\u0001`). */
export const STRING_BYTES_PER_BYTE = 6
