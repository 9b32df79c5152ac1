import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { protobuf } from '../../../src/common/protobufjs.js'
import { checkMapping, type MappingPaths } from '../../../src/sources/schema/mapping-check.js'
import { loadTypesFile } from '../../../src/sources/schema/types-file.js'
import { TestFolder } from '../../support/acme-proto.js'

const folder = new TestFolder()
let types: protobuf.Root

beforeAll(() => {
  types = loadTypesFile(folder.writeAcme())
})
afterAll(() => folder.remove())

function check(paths: MappingPaths, message = 'acme.md.Update') {
  return checkMapping(types.lookupType(message), paths)
}

describe('a right mapping', () => {
  it('has the paths that were given, and the unit of the time', () => {
    const paths = {
      symbol: 'header.instrument',
      kind: 'event',
      time: 'time_ms:ms',
      sequence: 'header.seq',
      position: 'position',
    }
    expect(check(paths)).toEqual({
      mapping: { ...paths, repeated: undefined, time: { path: 'time_ms', unit: 'ms' } },
      withoutSymbol: [],
      faults: undefined,
    })
  })

  it.each<[string, Partial<MappingPaths>]>([
    ['a symbol in each case of a oneof', { symbol: 'event.symbol' }],
    ['an enum as kind', { kind: 'side' }],
    ['a string as kind', { kind: 'ticker' }],
    ['an enum within a message as kind', { kind: 'header.venue' }],
    ['a timestamp', { time: 'received' }],
    ['a timestamp in each case of a oneof', { time: 'event.at' }],
    ['a string of an integer as time', { time: 'header.sent_at:us' }],
    ['a string as sequence', { sequence: 'ticker' }],
  ])('may have %s', (_name, paths) => {
    expect(check({ symbol: 'ticker', ...paths }).faults).toBeUndefined()
  })

  it('begins at the repeated field', () => {
    const { mapping } = check({ repeated: 'updates', symbol: 'event.symbol' }, 'acme.md.UpdateBatch')
    expect(mapping).toMatchObject({ repeated: 'updates', symbol: 'event.symbol' })
  })
})

const MIXED = `syntax = "proto3"; message Trade { string symbol = 1; } message Beat { int64 at = 1; }
  message Mixed { oneof event { Beat beat = 1; string text = 2; Trade trade = 3; } }`

function mixed(paths: MappingPaths) {
  const { root } = protobuf.parse(MIXED, { keepCase: true })
  root.resolveAll()
  return checkMapping(root.lookupType('Mixed'), paths)
}

describe('a oneof whose cases are not all ticks', () => {
  it('needs the symbol in one of them, and the others are named', () => {
    const checked = mixed({ symbol: 'event.symbol', kind: 'event' })
    expect(checked.mapping).toMatchObject({ symbol: 'event.symbol' })
    expect(checked).toHaveProperty('withoutSymbol', [
      'the case beat of the oneof event (Beat has no field symbol; it has at)',
      'the case text of the oneof event',
    ])
  })

  it('needs the symbol to be a string wherever it is', () => {
    expect(mixed({ symbol: 'event.at' }).faults![0]!.problem).toBe('at of Beat is int64: name a string')
  })
})

describe('a wrong mapping', () => {
  it.each<[MappingPaths, string]>([
    [{ symbol: 'tickr' }, 'acme.md.Update has no field tickr; did you mean ticker?'],
    [{ symbol: 'header.instrumnt' }, 'acme.common.Header has no field instrumnt; did you mean instrument?'],
    [
      { symbol: 'header.zzz' },
      'acme.common.Header has no field zzz; it has instrument, seq, venue and sent_at',
    ],
    [{ symbol: 'timeMs' }, 'acme.md.Update has no field timeMs; did you mean time_ms?'],
    [{ symbol: 'header.' }, 'acme.common.Header has no field without a name; it has instrument, seq, venue'],
    [{ symbol: '_position' }, 'acme.md.Update has no field _position; did you mean position?'],
    [{ symbol: 'constructor' }, 'acme.md.Update has no field constructor; it has'],
    [
      { symbol: 'header' },
      'header of acme.md.Update is acme.common.Header: name a string, such as header.instrument',
    ],
    [{ symbol: 'price' }, 'price of acme.md.Update is double: name a string'],
    [{ symbol: 'tags' }, 'tags of acme.md.Update is repeated string: name a string'],
    [{ symbol: 'labels' }, 'labels of acme.md.Update is map<string, string>: name a string'],
    [
      { symbol: 'labels.key' },
      'labels of acme.md.Update is map<string, string>, and a path leads through single',
    ],
    [{ symbol: 'event' }, 'event of acme.md.Update is a oneof: name a string'],
    [
      { symbol: 'event.bids.price' },
      'the case book of the oneof event does not fit: bids of acme.md.Book is repeated acme.md.Level, and a path',
    ],
    [
      { symbol: 'event.zzz' },
      'the case book of the oneof event does not fit: acme.md.Book has no field zzz; it has symbol, bids, asks and at',
    ],
    [{ symbol: 'event.price' }, 'price of acme.md.Trade is double: name a string'],
    [
      { symbol: 'note.zzz' },
      'the case text of the oneof note does not fit: text of acme.md.Update is string, which has no fields',
    ],
    [{ symbol: 'note.price' }, 'price of acme.md.Level is double: name a string'],
    [
      { symbol: 'ticker.length' },
      'ticker of acme.md.Update is string, which has no fields: end the path with ticker',
    ],
    [
      { symbol: 'ticker', kind: 'price' },
      'price of acme.md.Update is double: name an enum, a string or a oneof',
    ],
    [{ symbol: 'ticker', kind: 'header' }, 'header of acme.md.Update is acme.common.Header: name an enum'],
    [
      { symbol: 'ticker', time: 'time_ms' },
      'time_ms of acme.md.Update is int64 and needs a unit: write time_ms:ns, :us, :ms or :s',
    ],
    [{ symbol: 'ticker', time: 'time_ms:min' }, 'the unit min is unknown: write time_ms:ns, :us, :ms or :s'],
    [
      { symbol: 'ticker', time: 'received:ms' },
      'received of acme.md.Update is google.protobuf.Timestamp, which has its own unit: leave out :ms',
    ],
    [
      { symbol: 'ticker', time: 'price:ms' },
      'price of acme.md.Update is double: name an integer, a string of one or a google.protobuf.Timestamp',
    ],
    [
      { symbol: 'ticker', sequence: 'side' },
      'side of acme.md.Update is enum acme.md.Update.Side: name an integer or a string of one',
    ],
    [{ symbol: 'ticker', position: 'ticker' }, 'ticker of acme.md.Update is string: name an integer'],
    [
      { repeated: 'ticker', symbol: 'ticker' },
      'ticker of acme.md.Update is string: name a repeated field of messages',
    ],
    [
      { repeated: 'tags', symbol: 'ticker' },
      'tags of acme.md.Update is repeated string: name a repeated field of messages',
    ],
    [
      { repeated: 'labels', symbol: 'ticker' },
      'labels of acme.md.Update is map<string, string>: name a repeated field',
    ],
  ])('%j says why', (paths, problem) => {
    const { faults } = check(paths)
    expect(faults).toHaveLength(1)
    expect(faults![0]!.problem).toContain(problem)
  })

  it('tells all faults at once, each with its setting and what was given', () => {
    const { faults } = check({ symbol: 'sym', kind: 'price', time: 'time_ms:min', sequence: 'side' })
    expect(faults!.map(({ key, given }) => [key, given])).toEqual([
      ['symbol', 'sym'],
      ['kind', 'price'],
      ['time', 'time_ms:min'],
      ['sequence', 'side'],
    ])
  })
})
