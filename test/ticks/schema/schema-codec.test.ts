import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { schemaCodec } from '../../../src/ticks/schema/schema-codec.js'
import { NO_SYMBOL, NO_TICK } from '../../../src/ticks/tick-codec.js'
import type { TickSchema } from '../../../src/ticks/tick-schema.js'
import {
  anyMessage,
  encodeMessage,
  FOREIGN_SCHEMAS,
  schemaOf,
  tickTypeOf,
} from '../../support/foreign-schemas.js'
import { BEFORE, clientJson, flat, json, one, placed } from '../../support/schema-client.js'
import { schemaTickJson } from '../../support/schema-tick-json.js'

describe.each(FOREIGN_SCHEMAS)('the codec of $name', foreign => {
  const schema = schemaOf(foreign)
  const type = tickTypeOf(schema)
  const codec = schemaCodec(schema, 4096)

  it('gives clients what protobufjs reads of any message', () => {
    fc.assert(
      fc.property(anyMessage(type), message => {
        const bytes = encodeMessage(type, message)
        const shown = clientJson(codec, bytes) as { readonly time?: unknown } | undefined
        expect(shown).toEqual(schemaTickJson(schema, type, bytes))
        if (shown === undefined) return
        // What clients are not shown as a number is no time.
        const reader = placed(codec, bytes)
        reader.decode(BEFORE, BEFORE + bytes.length)
        const timeUs = reader.timeUs()
        expect(Number.isSafeInteger(timeUs) ? timeUs : 0).toBe(
          schema.mapping.time === undefined || typeof shown.time !== 'number' ? 0 : shown.time,
        )
      }),
      { numRuns: 100 },
    )
  })

  it('gives clients a message in pieces as one: last values, merged messages, joined lists', () => {
    fc.assert(
      fc.property(anyMessage(type), anyMessage(type), (one, other) => {
        const bytes = Buffer.concat([encodeMessage(type, one), encodeMessage(type, other)])
        expect(clientJson(codec, bytes)).toEqual(schemaTickJson(schema, type, bytes))
      }),
      { numRuns: 100 },
    )
  })

  it('reads nothing outside of the message, whatever the bytes are', () => {
    const mutated = anyMessage(type).chain(message => {
      const bytes = encodeMessage(type, message)
      const last = Math.max(0, bytes.length - 1)
      return fc
        .tuple(fc.nat(bytes.length), fc.array(fc.tuple(fc.nat(last), fc.nat(255)), { maxLength: 3 }))
        .map(([length, changes]) => {
          const changed = bytes.slice(0, length)
          for (const [index, byte] of changes) if (index < length) changed[index] = byte
          return changed
        })
    })
    fc.assert(
      fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 60 })), message => {
        const alone = clientJson(codec, message)
        // The same message amid other bytes.
        const bytes = new Uint8Array(message.length + 40).fill(0xff)
        bytes.set(message, 20)
        const reader = codec.createReader(bytes)
        const isTick = reader.decode(20, 20 + message.length)
        expect(isTick && reader.symbolLength > 0).toBe(alone !== undefined)
      }),
      { numRuns: 150 },
    )
  })
})

/** A oneof whose cases are not all ticks. */
const MIXED = schemaOf({
  proto: `syntax = "proto3"; package mix; message Trade { string symbol = 1; int64 at = 2; } message Beat { int64 at = 2; }
    message Update { oneof event { Beat beat = 1; string text = 2; Trade trade = 3; } uint64 position = 9; }`,
  message: 'mix.Update',
  mapping: { symbol: 'event.symbol', kind: 'event', position: 'position' },
})

/** What the codec reads of a message. */
function read(schema: TickSchema, message: Record<string, unknown>) {
  const bytes = encodeMessage(tickTypeOf(schema), message)
  const codec = schemaCodec(schema)
  const reader = placed(codec, bytes)
  const isWhole = reader.decode(BEFORE, BEFORE + bytes.length)
  return {
    isWhole,
    symbolLength: reader.symbolLength,
    position: codec.createPositionReader()?.positionOf(bytes, 0, bytes.length),
  }
}

describe('a tick of a schema', () => {
  it('skips unknown fields of every wire type, groups too, and known numbers of another wire type', () => {
    const unknown = Buffer.from([
      ...[0xa0, 0x06, 0xff, 0x01],
      ...[0xa1, 0x06, 1, 2, 3, 4, 5, 6, 7, 8],
      ...[0xa2, 0x06, 2, 1, 2],
      ...[0xa5, 0x06, 1, 2, 3, 4],
      ...[0xa3, 0x06, 0x08, 0x01, 0x13, 0x0a, 0x00, 0x14, 0xa4, 0x06],
      // `price` as a varint, and `symbol` as four bytes.
      ...[0x10, 0x05, 0x0d, 1, 2, 3, 4],
    ])
    const schema = flat('double price = 2;')
    const bytes = Buffer.concat([
      unknown,
      encodeMessage(tickTypeOf(schema), { symbol: 'A', price: 2 }),
      unknown,
    ])
    expect(clientJson(schemaCodec(schema), bytes)).toEqual({ symbol: 'A', kind: 'tick', price: 2 })
  })

  it('may be packed where the schema says unpacked, and the other way round', () => {
    const schema = flat('repeated sint32 a = 2; repeated double b = 3;')
    const bytes = Buffer.from([
      ...[0x0a, 1, 0x41, 0x10, 2, 0x12, 2, 3, 4, 0x10, 5],
      ...[0x19, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 0x1a, 0],
    ])
    expect(clientJson(schemaCodec(schema), bytes)).toMatchObject({ a: [1, -2, 2, -3], b: [1] })
    const halved = Buffer.from([0x0a, 1, 0x41, 0x1a, 3, 0, 0, 0])
    expect(clientJson(schemaCodec(schema), halved)).toBeUndefined()
  })

  it('is malformed with a symbol of more than 64 bytes', () => {
    const schema = one('nested')
    expect(json(schema, { header: { symbol: 'x'.repeat(64) } })).toMatchObject({ symbol: 'x'.repeat(64) })
    expect(read(schema, { header: { symbol: 'x'.repeat(65) } }).isWhole).toBe(false)
  })

  it('is none without a symbol, whatever else the message has', () => {
    for (const header of [undefined, {}, { symbol: '' }])
      expect(read(one('nested'), { header })).toMatchObject({ isWhole: true, symbolLength: 0 })
    expect(read(one('nested'), {})).toMatchObject({ isWhole: true, symbolLength: 0 })
    // The symbol is in the case that is set, and this one has none. The position counts nevertheless.
    expect(read(MIXED, { beat: { at: 7 }, position: 5 })).toMatchObject({
      ...{ isWhole: true, symbolLength: 0, position: 5 },
    })
    expect(read(MIXED, { text: 'closed' })).toMatchObject({ isWhole: true, symbolLength: 0 })
    expect(json(MIXED, { trade: { symbol: 'A', at: 7 } })).toMatchObject({ symbol: 'A', kind: 'trade' })
    expect(read(MIXED, { position: 2 ** 53 })).toMatchObject({ isWhole: false })
    expect(() => schemaCodec(MIXED).encodePushed({ beat: { at: 7 } })).toThrow('a symbol of 1 to 64 bytes')
  })

  it('leaves mapped fields out where they stand, and renames others that have a name of the head', () => {
    const schema = one('nested')
    const tick = { header: { symbol: 'A', seq: 7, note: 'n', venue: { parent: { symbol: 'B' } } } }
    expect(json(schema, tick)).toMatchObject({
      symbol: 'A',
      sequence: 7,
      header: { note: 'n', venue: { mic: '', parent: { symbol: 'B', seq: 0, note: '' } } },
    })
    expect((json(schema, tick) as { header: object }).header).not.toHaveProperty('symbol')
    const taken = flat('string id = 2; int64 time = 3; string kind = 4; int64 at = 5;', {
      symbol: 'id',
      time: { path: 'at', unit: 's' },
    })
    expect(json(taken, { id: 'A', symbol: 's', time: 5, kind: 'k', at: 2 })).toEqual({
      ...{ symbol: 'A', kind: 'tick', time: 2_000_000 },
      ...{ symbol_: 's', time_: 5, kind_: 'k' },
    })
  })

  it('leaves out the whole wrapper of a mapped value', () => {
    const proto = `syntax = "proto3"; package w; import "google/protobuf/wrappers.proto";
      message M { google.protobuf.StringValue symbol = 1; google.protobuf.Int64Value at = 2; google.protobuf.Int64Value n = 3; }`
    const mapping = { symbol: 'symbol.value', time: { path: 'at.value', unit: 's' } } as const
    const schema = schemaOf({ proto, message: 'w.M', mapping })
    expect(json(schema, { symbol: { value: 'A' }, at: { value: 2 }, n: { value: 3 } })).toEqual({
      ...{ symbol: 'A', kind: 'tick', time: 2_000_000, n: 3 },
    })
  })

  it('has a kind named by the case of its oneof, with the fields under that name', () => {
    const schema = one('oneof')
    expect(json(schema, { topOfBook: {}, top_of_book: { symbol: 'A', bid: 1, ask: 2 } })).toEqual({
      symbol: 'A',
      kind: 'topOfBook',
      position: 0,
      topOfBook: { bid: 1, ask: 2 },
    })
    // The last case that is set counts.
    const type = tickTypeOf(schema)
    const both = [{ trade: { symbol: 'A' } }, { halt: { symbol: 'B', reason: 'r' } }]
    const bytes = Buffer.concat(both.map(message => encodeMessage(type, message)))
    expect(clientJson(schemaCodec(schema), bytes)).toMatchObject({ symbol: 'B', kind: 'halt' })
    expect(json(schema, { position: 3 })).toBeUndefined()
  })

  it('has a kind named by an enum, or the number of a value that the schema does not know', () => {
    const schema = one('enum')
    expect(json(schema, { symbol: 'A', type: 5 })).toMatchObject({ kind: 'EVENT_QUOTE', kind_: '' })
    expect(json(schema, { symbol: 'A', type: 77, flags: [1, 78] })).toMatchObject({
      kind: '77',
      flags: ['EVENT_TRADE', 78],
    })
    expect(json(schema, { symbol: 'A' })).toMatchObject({ kind: 'EVENT_UNKNOWN' })
  })

  it('has a kind named by a string of at most 64 bytes of UTF-8', () => {
    const schema = flat('string k = 2;', { kind: 'k' })
    expect(json(schema, { symbol: 'A', k: '"é"' })).toEqual({ symbol: 'A', kind: '"é"' })
    expect(json(schema, { symbol: 'A' })).toEqual({ symbol: 'A', kind: 'tick' })
    expect(json(schema, { symbol: 'A', k: 'x'.repeat(65) })).toBeUndefined()
    expect(clientJson(schemaCodec(schema), Buffer.from([0x0a, 1, 0x41, 0x12, 2, 0xc3, 0x28]))).toBeUndefined()
  })

  it('has bytes that are no UTF-8 replaced as TextDecoder replaces them', () => {
    const schema = flat('string text = 2;')
    const codec = schemaCodec(schema)
    // First bytes whose second byte has bounds of its own, and those bounds.
    const ofCharacters = fc.constantFrom(
      0xe0,
      0xed,
      0xf0,
      0xf4,
      0x80,
      0x8f,
      0x90,
      0x9f,
      0xa0,
      0xbf,
      0xc2,
      0xef,
    )
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.nat(255), ofCharacters), { maxLength: 40 }), text => {
        const bytes = Buffer.from([0x0a, 1, 0x41, 0x12, text.length, ...text])
        const expected = new TextDecoder('utf-8', { ignoreBOM: true }).decode(new Uint8Array(text))
        expect(clientJson(codec, bytes)).toMatchObject({ text: expected })
      }),
      { numRuns: 500 },
    )
  })

  it('has no time when that is no time, and a sequence as it stands when that is no number', () => {
    const schema = flat('string t = 2; string s = 3; uint64 n = 4;', {
      time: { path: 't', unit: 'ns' },
      sequence: 's',
    })
    const head = (t: string, s: string) => json(schema, { symbol: 'A', t, s })
    expect(head('1723161255088169167', '12')).toMatchObject({ time: 1_723_161_255_088_169, sequence: 12 })
    expect(head('17231612550881691x7', '0012')).toMatchObject({ time: null, sequence: '0012' })
    expect(head('', '9007199254740993')).toEqual({
      symbol: 'A',
      kind: 'tick',
      sequence: '9007199254740993',
      n: 0,
    })
    const numbers = flat('uint64 t = 2; int64 s = 3;', { time: { path: 't', unit: 's' }, sequence: 's' })
    expect(json(numbers, { symbol: 'A', t: '18446744073709551615', s: '-9223372036854775808' })).toEqual({
      ...{ symbol: 'A', kind: 'tick', time: null, sequence: '-9223372036854775808' },
    })
  })

  it('has the position that the feed counts, and is malformed with one from 2^53 on', () => {
    const schema = flat('uint64 p = 2;', { position: 'p' })
    const codec = schemaCodec(schema)
    const type = tickTypeOf(schema)
    const read = (p: string) => {
      const bytes = encodeMessage(type, { symbol: 'A', p })
      const isTick = codec.createReader(bytes).decode(0, bytes.length)
      const amid = Buffer.concat([Buffer.alloc(3, 0xff), bytes, Buffer.alloc(3, 0xff)])
      return [isTick, codec.createPositionReader()!.positionOf(amid, 3, amid.length - 3)]
    }
    expect(read('9007199254740991')).toEqual([true, 2 ** 53 - 1])
    expect(read('9007199254740992')).toEqual([false, NO_TICK])
    expect(read('7')).toEqual([true, 7])
    expect(read('0')).toEqual([true, 0])
    const nameless = encodeMessage(type, { symbol: '', p: '7' })
    expect(codec.createPositionReader()!.positionOf(nameless, 0, nameless.length)).toBe(7)
    expect(codec.createPositionReader()!.positionOf(nameless, 0, 0)).toBe(NO_SYMBOL)
    expect(schemaCodec(flat('uint64 p = 2;', {})).createPositionReader()).toBeUndefined()
    expect(json(schema, { symbol: 'A', p: 7 })).toEqual({ symbol: 'A', kind: 'tick', p: 7 })
  })

  it('is malformed when it is longer than a tick may be, is nested too deep, or has too long a JSON', () => {
    const schema = one('nested')
    const type = tickTypeOf(schema)
    const codec = schemaCodec(schema, 2048)
    const header = { symbol: 'A' }
    const notes = (length: number) => encodeMessage(type, { header: { ...header, note: 'x'.repeat(length) } })
    expect(clientJson(codec, notes(2000))).toBeDefined()
    expect(clientJson(codec, notes(2048))).toBeUndefined()
    // `venue`, in it `parent`, in it `venue` …
    const nested = (depth: number): Buffer => {
      let inner: Buffer = Buffer.from([])
      for (let level = depth; level > 0; level--) {
        const length = inner.length < 128 ? [inner.length] : [(inner.length & 127) | 128, inner.length >>> 7]
        inner = Buffer.concat([Buffer.from([level === 1 ? 0x0a : 0x12, ...length]), inner])
      }
      return Buffer.concat([encodeMessage(type, { header }), inner])
    }
    expect(clientJson(codec, nested(100))).toBeDefined()
    expect(clientJson(codec, nested(101))).toBeUndefined()
    // Control characters take six bytes each: more than a JSON may have, all together.
    const shortControls = encodeMessage(type, { header, bids: [{ makers: ['\u0001'.repeat(1900)] }] })
    expect(clientJson(codec, shortControls)).toMatchObject({ bids: [{ makers: ['\u0001'.repeat(1900)] }] })
    const levels = (count: number) =>
      encodeMessage(type, { header, bids: Array.from({ length: count }, () => ({})) })
    // `{"price":0,"size":0,"makers":[]},` of two bytes.
    expect(clientJson(codec, levels(450))).toMatchObject({ bids: { length: 450 } })
    expect(clientJson(codec, levels(900))).toBeUndefined()
  })

  it('is carried to binary clients with its symbol, its kind and its own bytes', () => {
    const schema = one('decimals')
    const codec = schemaCodec(schema)
    const message = encodeMessage(tickTypeOf(schema), { product_id: 'BTC', type: 'match', price: '1.5' })
    const reader = placed(codec, message)
    reader.decode(BEFORE, BEFORE + message.length)
    const target = new Uint8Array(200)
    const end = reader.writeBinary(target, 3, BEFORE, BEFORE + message.length)
    expect(end - 3).toBeLessThanOrEqual(codec.binaryBytesMax)
    const inner = [
      0x0a,
      3,
      ...Buffer.from('BTC'),
      0x12,
      5,
      ...Buffer.from('match'),
      0x1a,
      message.length,
      ...message,
    ]
    expect([...target.subarray(3, end)]).toEqual([0x4a, inner.length, ...inner])
  })
})

describe('a schema that is broken', () => {
  const nested = FOREIGN_SCHEMAS[1]!
  it.each([
    [{ ...schemaOf(nested), message: 'nest.None' }, 'schema: must hold the message nest.None'],
    [schemaOf({ ...nested, mapping: { symbol: 'header.sym' } }), 'schema.mapping.symbol=header.sym'],
    [schemaOf({ ...nested, mapping: { symbol: 'bids' } }), 'must name a field of nest.Book'],
    [
      schemaOf({ ...nested, mapping: { symbol: 'header' } }),
      'schema.mapping.symbol=header: must name a string',
    ],
    [schemaOf({ ...nested, mapping: { symbol: 'header.symbol', kind: 'header' } }), 'must name an enum'],
    [schemaOf({ ...nested, mapping: { symbol: 'header.symbol', repeated: 'header' } }), 'a repeated message'],
    [
      schemaOf({
        proto: `syntax = "proto3"; package t; enum E { Z = 0; } message A { string k = 1; } message B { E k = 1; }
          message M { string symbol = 1; oneof body { A a = 2; B b = 3; } }`,
        message: 't.M',
        mapping: { symbol: 'symbol', kind: 'body.k' },
      }),
      'schema.mapping.kind=body.k: must name an enum in every case, or a string in every case',
    ],
  ])('is refused', (schema, message) => {
    expect(() => schemaCodec(schema)).toThrow(message)
  })
})
