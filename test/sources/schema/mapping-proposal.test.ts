import { expect, it } from 'vitest'
import { protobuf } from '../../../src/common/protobufjs.js'
import { proposeMapping } from '../../../src/sources/schema/mapping-proposal.js'

/** @param fields of the message M; other messages may stand beside it */
function propose(fields: string, others = '') {
  const source = `syntax = "proto3"; import "google/protobuf/timestamp.proto"; message M { ${fields} } ${others}`
  const { root } = protobuf.parse(source, new protobuf.Root(), { keepCase: true })
  root.addJSON(protobuf.common.get('google/protobuf/timestamp.proto')!.nested!)
  root.resolveAll()
  return proposeMapping(root.lookupType('M'))
}

it.each([
  ['string symbol = 1; string name = 2;', 'symbol'],
  ['string id = 1; string ticker = 2;', 'ticker'],
  ['string instrument_id = 1;', 'instrument_id'],
  ['string currency_pair = 1;', 'currency_pair'],
  ['string exchange_symbol = 1;', 'exchange_symbol'],
  ['string exchange_symbol = 1; string ticker = 2;', 'ticker'],
  ['int32 symbol = 1; string ticker = 2;', 'ticker'],
  ['repeated string symbol = 1; string isin = 2;', 'isin'],
  ['H header = 1;', 'header.symbol'],
  ['H header = 1; string symbol = 2;', 'symbol'],
  ['oneof event { H quote = 1; H trade = 2; }', 'event.symbol'],
  // Messages without a symbol are no ticks: a heartbeat, a text.
  ['oneof event { T beat = 1; H trade = 2; string text = 3; }', 'event.symbol'],
  ['oneof event { T beat = 1; H trade = 2; } string instrument = 3;', 'instrument'],
  ['string text = 1;', undefined],
])('finds the symbol among %s', (fields, symbol) => {
  expect(propose(fields, 'message H { string symbol = 1; } message T { int64 at = 1; }').symbol).toBe(symbol)
})

it.each([
  ['int64 timestamp_ns = 1;', { path: 'timestamp_ns', isTimestamp: false, unit: 'ns' }],
  ['int64 time_micros = 1;', { path: 'time_micros', isTimestamp: false, unit: 'us' }],
  ['int64 tsMs = 1;', { path: 'tsMs', isTimestamp: false, unit: 'ms' }],
  ['int64 event_time_seconds = 1;', { path: 'event_time_seconds', isTimestamp: false, unit: 's' }],
  ['int64 ts = 1;', { path: 'ts', isTimestamp: false, unit: undefined }],
  ['google.protobuf.Timestamp timestamp = 1;', { path: 'timestamp', isTimestamp: true, unit: undefined }],
  ['google.protobuf.Timestamp seen = 1;', { path: 'seen', isTimestamp: true, unit: undefined }],
  ['double time = 1; int64 status = 2;', undefined],
])('finds the time among %s', (fields, time) => {
  expect(propose(fields).time).toEqual(time)
})

it.each([
  ['uint64 seq = 1;', 'seq'],
  ['uint64 sequence_number = 1;', 'sequence_number'],
  ['int64 seq_no = 1; double sequence = 2;', 'seq_no'],
  ['uint64 position = 1; uint64 count = 2;', undefined],
])('finds the sequence among %s', (fields, sequence) => {
  expect(propose(fields).sequence).toBe(sequence)
})

it.each([
  ['oneof event { A a = 1; A b = 2; } E kind = 3;', 'event'],
  ['E kind = 1;', 'kind'],
  ['string update_type = 1;', 'update_type'],
  ['oneof event { string text = 3; A a = 1; A b = 2; }', 'event'],
  ['oneof value { string a = 1; int32 b = 2; } optional A c = 3;', undefined],
])('finds the kind among %s', (fields, kind) => {
  expect(propose(fields, 'message A {} enum E { X = 0; }').kind).toBe(kind)
})

it('looks into a repeated field only where the message itself names no symbol', () => {
  const others = 'message Tick { string symbol = 1; int64 seq = 2; } message Level { double price = 1; }'
  expect(propose('repeated Tick ticks = 1; uint32 count = 2;', others)).toMatchObject({
    repeated: 'ticks',
    symbol: 'symbol',
    sequence: 'seq',
  })
  expect(propose('string symbol = 1; repeated Level bids = 2;', others).repeated).toBeUndefined()
  expect(propose('repeated Level bids = 2;', others).repeated).toBeUndefined()
})

it('looks for time and sequence where the ticks are', () => {
  const others =
    'message T { string symbol = 1; int64 time_ms = 2; } message U { string symbol = 1; int64 seq = 2; int64 time_ms = 3; } ' +
    'message B { int64 ts_ns = 1; int64 sequence = 2; }'
  expect(propose('oneof event { B beat = 1; T trade = 2; U quote = 3; }', others)).toEqual({
    repeated: undefined,
    symbol: 'event.symbol',
    kind: 'event',
    time: { path: 'event.time_ms', isTimestamp: false, unit: 'ms' },
    sequence: undefined,
  })
})
