/** Which wire type a scalar type of a `.proto` file has: https://protobuf.dev/programming-guides/encoding/#structure */
import { FIXED32, FIXED64, LENGTH_DELIMITED, VARINT } from '../field-skipper.js'

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
