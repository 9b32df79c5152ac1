import { describe, expect, it } from 'vitest'
import { protobuf } from '../../../src/common/protobufjs.js'
import { schemaCodec } from '../../../src/ticks/schema/schema-codec.js'
import { clientJson, one } from '../../support/schema-client.js'

describe('a tick that a user pushes', () => {
  const schema = one('nested')
  const codec = schemaCodec(schema)

  it('has fields by their names in JSON or in the proto file', () => {
    const decoded = clientJson(
      schemaCodec(one('flat')),
      schemaCodec(one('flat')).encodePushed({
        instrumentId: 'A',
        bid_px: 1.5,
        tsNs: 1_723_161_255_088_169_167n,
        seqNo: '18446744073709551615',
        raw: new Uint8Array([1]),
      }),
    )
    expect(decoded).toMatchObject({ symbol: 'A', bidPx: 1.5, sequence: '18446744073709551615', raw: 'AQ==' })
    expect(decoded).toMatchObject({ time: 1_723_161_255_088_169 })
  })

  it.each([
    [null, 'tick must be an object, got null'],
    [{}, 'a tick must have a symbol'],
    [{ header: 5 }, 'tick.header must be an object, got 5'],
    [{ header: { symbol: 5 } }, 'tick.header.symbol must be a well-formed string, got 5'],
    [{ header: { symbol: '\ud800' } }, 'tick.header.symbol must be a well-formed string'],
    [{ header: { symbol: 'A', seq: 1.5 } }, 'tick.header.seq must be a whole number of 64 bits, got 1.5'],
    [{ header: { symbol: 'A', seq: 2n ** 63n } }, 'tick.header.seq must be a whole number of 64 bits'],
    [{ header: { symbol: 'A' }, bids: {} }, 'tick.bids must be a list, got an object'],
    [{ header: { symbol: 'A' }, bids: [{ price: '1' }] }, 'tick.bids[0].price must be a number, got "1"'],
    [{ header: { symbol: 'A' }, nothing: 1 }, 'tick.nothing: nest.Book has no such field'],
    [{ header: { symbol: 'A', note: 'x'.repeat(1024) } }, 'a tick may have 1024 bytes'],
  ])('is refused where it is wrong', (tick, message) => {
    expect(() => codec.encodePushed(tick)).toThrow(expect.objectContaining({ code: 'tick_invalid' }))
    expect(() => codec.encodePushed(tick)).toThrow(message)
  })

  describe('of a type with maps and a oneof', () => {
    const { root } = protobuf.parse(`syntax = "proto3";
      message Tick {
        string symbol = 1;
        map<int32, double> levels = 2;
        map<uint64, string> orders = 3;
        map<bool, string> sides = 4;
        map<string, string> notes = 5;
        oneof event { string trade = 6; string quote = 7; }
        repeated string tags = 8;
      }`)
    const schemaOfMaps = {
      types: { ...root.toJSON() },
      message: 'Tick',
      mapping: { ...schema.mapping, symbol: 'symbol', kind: undefined, time: undefined, sequence: undefined },
    }
    const codecOfMaps = schemaCodec(schemaOfMaps)

    it('keeps the keys of maps', () => {
      const maps = {
        levels: { '-5': 1.5 },
        orders: { '18446744073709551615': 'a' },
        sides: { true: 'b', false: 'c' },
        notes: { '': 'd' },
      }
      const decoded = clientJson(codecOfMaps, codecOfMaps.encodePushed({ symbol: 'A', ...maps }))
      expect(decoded).toMatchObject(maps)
    })

    it.each([
      [{ levels: { best: 1 } }, 'the key of tick.levels must be a whole number of 32 bits, got "best"'],
      [{ levels: { '5000000000': 1 } }, 'the key of tick.levels must be a whole number of 32 bits'],
      [{ orders: { '-1': 'a' } }, 'the key of tick.orders must be a whole number from 0 on of 64 bits'],
      [{ sides: { maybe: 'a' } }, 'the key of tick.sides must be true or false, got "maybe"'],
      [{ notes: { '\ud800': 'a' } }, 'the key of tick.notes must be a well-formed string'],
      [{ trade: 'a', quote: 'b' }, 'tick.quote: only one field of the oneof event may be set'],
      // biome-ignore lint/suspicious/noSparseArray: it is what the test is about
      [{ tags: [, 'a'] }, 'tick.tags[0] must be a well-formed string'],
    ])('is refused where it is wrong', (members, message) => {
      const encode = () => codecOfMaps.encodePushed({ symbol: 'A', ...members })
      expect(encode).toThrow(expect.objectContaining({ code: 'tick_invalid' }))
      expect(encode).toThrow(message)
    })

    it.each(['toString', 'constructor.name'])('needs a mapping that names fields, and not %s', kind => {
      const { mapping } = schemaOfMaps
      expect(() => schemaCodec({ ...schemaOfMaps, mapping: { ...mapping, kind } })).toThrow(
        expect.objectContaining({ code: 'option_invalid' }),
      )
    })
  })
})
