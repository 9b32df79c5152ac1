/**
 * Schemas that nobody here designed, random messages of them, and what clients are to get of each: the JSON mapping as
 * protobufjs reads the messages, which is the second opinion on our own codec.
 */
import fc from 'fast-check'
import protobuf from 'protobufjs'
import type { TickMapping, TickSchema } from '../../src/ticks/tick-schema.js'

export interface ForeignSchema {
  readonly name: string
  readonly proto: string
  readonly message: string
  readonly mapping: Partial<TickMapping> & Pick<TickMapping, 'symbol'>
}

const NO_MAPPING = {
  repeated: undefined,
  kind: undefined,
  time: undefined,
  sequence: undefined,
  position: undefined,
}
const WELL_KNOWN = ['timestamp', 'duration', 'wrappers', 'any', 'struct']

/** The schema of a `.proto` text. */
export function schemaOf({
  proto,
  message,
  mapping,
}: Pick<ForeignSchema, 'proto' | 'message' | 'mapping'>): TickSchema {
  const root = new protobuf.Root()
  for (const name of WELL_KNOWN)
    root.addJSON(protobuf.common.get(`google/protobuf/${name}.proto`)?.nested ?? {})
  protobuf.parse(proto, root, { keepCase: true })
  root.resolveAll()
  return { types: { ...root.toJSON() }, message, mapping: { ...NO_MAPPING, ...mapping } }
}

/** The message as protobufjs knows it, from the schema's own types. */
export function typeOf({ types, message }: TickSchema): protobuf.Type {
  const root = protobuf.Root.fromJSON(types as protobuf.INamespace)
  root.resolveAll()
  return root.lookupType(message)
}

export function encodeMessage(type: protobuf.Type, object: Record<string, unknown>): Uint8Array {
  return new Uint8Array(type.encode(type.fromObject(object)).finish())
}

export const FOREIGN_SCHEMAS: readonly ForeignSchema[] = [
  {
    name: 'a flat quote of scalars',
    proto: `syntax = "proto3"; package flat;
      message Quote {
        string instrument_id = 1; double bid_px = 2; double ask_px = 3; uint32 bid_qty = 4; uint32 ask_qty = 5;
        int64 ts_ns = 6; uint64 seq_no = 7; bool is_indicative = 8; float spread = 9; bytes raw = 300;
      }`,
    message: 'flat.Quote',
    mapping: { symbol: 'instrument_id', time: { path: 'ts_ns', unit: 'ns' }, sequence: 'seq_no' },
  },
  {
    name: 'a nested header and levels',
    proto: `syntax = "proto3"; package nest;
      message Header { string symbol = 1; Venue venue = 2; int64 seq = 3; string note = 4; }
      message Venue { string mic = 1; Header parent = 2; }
      message Level { double price = 1; sint64 size = 2; repeated string makers = 3; }
      message Book { Header header = 1; repeated Level bids = 2; repeated Level asks = 3; repeated int32 counts = 4; }`,
    message: 'nest.Book',
    mapping: { symbol: 'header.symbol', sequence: 'header.seq' },
  },
  {
    name: 'a oneof of events',
    proto: `syntax = "proto3"; package one;
      message Trade { string symbol = 1; double price = 2; fixed64 id = 3; }
      message TopOfBook { string symbol = 2; double bid = 3; double ask = 4; }
      message Halt { string symbol = 1; string reason = 2; }
      message Update { uint64 position = 9; oneof event { Trade trade = 1; TopOfBook top_of_book = 2; Halt halt = 3; } }`,
    message: 'one.Update',
    mapping: { symbol: 'event.symbol', kind: 'event', position: 'position' },
  },
  {
    name: 'well-known types',
    proto: `syntax = "proto3"; package well;
      import "google/protobuf/timestamp.proto"; import "google/protobuf/duration.proto"; import "google/protobuf/wrappers.proto";
      message Tick {
        string ticker = 1; google.protobuf.Timestamp at = 2; google.protobuf.Timestamp sent = 3;
        google.protobuf.Duration delay = 4; google.protobuf.DoubleValue price = 5; google.protobuf.Int64Value size = 6;
        google.protobuf.StringValue venue = 7; repeated google.protobuf.Timestamp fills = 8; google.protobuf.BoolValue is_live = 9;
      }`,
    message: 'well.Tick',
    mapping: { symbol: 'ticker', time: { path: 'at', unit: 'ns' } },
  },
  {
    name: 'kinds of an enum, and enums',
    proto: `syntax = "proto3"; package enums;
      enum EventType { EVENT_UNKNOWN = 0; EVENT_TRADE = 1; EVENT_QUOTE = 5; EVENT_NEGATIVE = -2; }
      message Event { string symbol = 1; EventType type = 2; optional EventType previous = 3; repeated EventType flags = 4;
        string kind = 5; map<string, EventType> sides = 6; }`,
    message: 'enums.Event',
    mapping: { symbol: 'symbol', kind: 'type' },
  },
  {
    name: 'decimals and times as strings',
    proto: `syntax = "proto3"; package dec;
      message Decimal { string units = 1; sint32 exponent = 2; }
      message Tick { string product_id = 1; string type = 2; string price = 3; string size = 4; string time_ms = 5;
        string sequence = 6; Decimal fee = 7; optional string side = 8; }`,
    message: 'dec.Tick',
    mapping: {
      symbol: 'product_id',
      kind: 'type',
      time: { path: 'time_ms', unit: 'ms' },
      sequence: 'sequence',
    },
  },
  {
    name: 'proto2 with groups, required fields and extensions',
    proto: `syntax = "proto2"; package two;
      message Tick {
        required string sym = 1; optional int64 when = 2 [default = 7]; repeated int32 unpacked = 3; repeated fixed32 packed = 4 [packed = true];
        optional group Depth = 5 { optional double bid = 1; repeated group Level = 2 { optional sfixed64 size = 1; } }
        extensions 100 to 199;
      }
      extend Tick { optional sint32 venue_code = 100; }`,
    message: 'two.Tick',
    mapping: { symbol: 'sym', time: { path: 'when', unit: 's' } },
  },
  {
    name: 'maps',
    proto: `syntax = "proto3"; package maps;
      message Level { double price = 1; uint64 size = 2; }
      message Snapshot { string symbol = 1; map<string, double> stats = 2; map<int32, Level> levels = 3; map<uint64, string> names = 4;
        map<bool, bytes> blobs = 5; map<sint64, fixed64> counts = 6; }`,
    message: 'maps.Snapshot',
    mapping: { symbol: 'symbol' },
  },
  {
    name: 'ticks within a batch within a message',
    proto: `syntax = "proto3"; package deep;
      message Tick { string s = 1; float px = 2; sfixed32 delta = 3; fixed32 flags = 4; int32 change = 5; }
      message Packet { uint64 number = 1; repeated Tick ticks = 7; }
      message Stream { string gateway = 1; repeated Packet packets = 40000; }`,
    message: 'deep.Stream',
    mapping: { repeated: 'packets.ticks', symbol: 's' },
  },
]

/** The type of a schema's ticks. */
export function tickTypeOf(schema: TickSchema): protobuf.Type {
  let type = typeOf(schema)
  for (const segment of schema.mapping.repeated?.split('.') ?? [])
    type = type.fields[segment]!.resolve().resolvedType as protobuf.Type
  return type
}

const texts = fc.oneof(fc.string({ unit: 'binary', maxLength: 12 }), fc.constantFrom('', 'BTC-USD', '"\\/\n'))
const doubles = fc.oneof(fc.double(), fc.constantFrom(0, -0, 61_800.25, 0.1, 1e-9, 1e21))
const floats = fc.float()
const int32s = fc.oneof(fc.integer(), fc.constantFrom(0, -1))
const int64s = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.constantFrom(0n, 2n ** 53n - 1n, 2n ** 53n, -(2n ** 53n) + 1n, -(2n ** 53n), 1_723_161_255_088_169_167n),
)
const uint64s = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fc.constantFrom(0n, 2n ** 53n - 1n, 2n ** 53n),
)
const wide = (numbers: fc.Arbitrary<bigint>) => numbers.map(String)
const SCALARS: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  double: doubles,
  float: floats,
  int32: int32s,
  sint32: int32s,
  sfixed32: int32s,
  uint32: fc.nat(),
  fixed32: fc.nat({ max: 2 ** 32 - 1 }),
  int64: wide(int64s),
  sint64: wide(int64s),
  sfixed64: wide(int64s),
  uint64: wide(uint64s),
  fixed64: wide(uint64s),
  bool: fc.boolean(),
  string: texts,
  bytes: fc.uint8Array({ maxLength: 10 }),
}

/** Random messages of a type, as objects that protobufjs encodes. Of a oneof at most one member is there. */
export function anyMessage(type: protobuf.Type, depth = 0): fc.Arbitrary<Record<string, unknown>> {
  const members: Record<string, fc.Arbitrary<unknown>> = {}
  for (const field of type.fieldsArray) {
    const isMessage = field.resolvedType instanceof protobuf.Type
    if (isMessage && depth === 3) continue
    members[field.name] = anyField(field, depth)
  }
  const required = type.fieldsArray.filter(({ required }) => required).map(({ name }) => name)
  return fc.record(members, { requiredKeys: required }).chain(message => {
    const cases = type.oneofsArray.map(oneof => fc.constantFrom(...oneof.fieldsArray.map(({ name }) => name)))
    return fc.tuple(...cases).map(kept => {
      const whole = { ...message }
      for (const [index, oneof] of type.oneofsArray.entries())
        for (const { name } of oneof.fieldsArray) if (name !== kept[index]) delete whole[name]
      return whole
    })
  })
}

function anyField(field: protobuf.Field, depth: number): fc.Arbitrary<unknown> {
  const value = anyValue(field, depth)
  if (field.map) {
    const { keyType } = field as unknown as protobuf.MapField
    return fc.dictionary(SCALARS[keyType]!.map(String), value, { maxKeys: 3, noNullPrototype: true })
  }
  return field.repeated ? fc.array(value, { maxLength: 4 }) : value
}

function anyValue({ resolvedType, type }: protobuf.Field, depth: number): fc.Arbitrary<unknown> {
  if (resolvedType instanceof protobuf.Enum)
    return fc.oneof(fc.constantFrom(...Object.values(resolvedType.values)), fc.integer({ min: 40, max: 99 }))
  if (!(resolvedType instanceof protobuf.Type)) return SCALARS[type]!
  if (resolvedType.fullName === '.google.protobuf.Timestamp')
    return fc.record({
      seconds: fc.integer({ min: -62_135_596_800, max: 253_402_300_799 }),
      nanos: fc.constantFrom(0, 5_000_000, 5_000, 5, 999_999_999),
    })
  if (resolvedType.fullName === '.google.protobuf.Duration')
    return fc
      .record({ seconds: fc.nat(10 ** 9), nanos: fc.constantFrom(0, 5_000_000, 5), isNegative: fc.boolean() })
      .map(({ seconds, nanos, isNegative }) =>
        isNegative ? { seconds: -seconds, nanos: -nanos } : { seconds, nanos },
      )
  return anyMessage(resolvedType, depth + 1)
}
