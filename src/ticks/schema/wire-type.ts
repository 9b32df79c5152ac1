/** The wire types of protobuf: https://protobuf.dev/programming-guides/encoding/#structure */
export const VARINT = 0
export const FIXED64 = 1
export const LENGTH_DELIMITED = 2
export const START_GROUP = 3
export const END_GROUP = 4
export const FIXED32 = 5

/** Which wire type a scalar type of a `.proto` file has. */
export const WIRE_TYPES: Readonly<Record<string, number>> = {
  double: FIXED64,
  fixed64: FIXED64,
  sfixed64: FIXED64,
  float: FIXED32,
  fixed32: FIXED32,
  sfixed32: FIXED32,
  string: LENGTH_DELIMITED,
  bytes: LENGTH_DELIMITED,
  int32: VARINT,
  uint32: VARINT,
  sint32: VARINT,
  int64: VARINT,
  uint64: VARINT,
  sint64: VARINT,
  bool: VARINT,
}
