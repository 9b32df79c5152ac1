import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { audienceKey, prefixOf, wantedSymbols } from '../../src/protocol/audience-spec.js'
import { anySymbol } from '../support/any-tick.js'

const anySpec = fc.record({
  symbols: fc.oneof(
    fc.constant(null),
    fc.array(fc.oneof(anySymbol, fc.constantFrom('A', 'B', 'A,B', '"', '","')), { maxLength: 3 }),
  ),
  batch: fc.boolean(),
  encoding: fc.constantFrom('json' as const, 'protobuf' as const),
})

describe('the key of an audience', () => {
  it('is the same for the same bytes, and for nothing else', () => {
    fc.assert(
      fc.property(anySpec, anySpec, (first, second) => {
        const isSame =
          first.batch === second.batch &&
          first.encoding === second.encoding &&
          JSON.stringify(first.symbols) === JSON.stringify(second.symbols)
        expect(audienceKey(first) === audienceKey(second)).toBe(isSame)
        expect(audienceKey(structuredClone(first))).toBe(audienceKey(first))
      }),
      { numRuns: 1000 },
    )
  })

  it('tells all symbols from none, and two symbols from one with a comma', () => {
    const keys = [null, [], ['A', 'B'], ['A,B'], ['A","B'], ['null']].map(symbols =>
      audienceKey({ symbols, batch: true, encoding: 'json' }),
    )
    expect(new Set(keys).size).toBe(keys.length)
  })
})

describe('the symbols that entries mean together', () => {
  it.each([
    [
      ['B', 'A', 'B'],
      ['A', 'B'],
    ],
    [['A', '*'], null],
    [[], []],
    [
      ['AB', 'A*', 'B'],
      ['A*', 'B'],
    ],
    [['ABC*', 'AB*', 'A!*', 'A*'], ['A*']],
  ])('of %j are %j', (entries, wanted) => {
    expect(wantedSymbols(entries)).toEqual(wanted)
  })

  it('cover what the entries cover, each symbol once', () => {
    const entry = fc.string({ unit: fc.constantFrom('A', 'B', '!'), maxLength: 3 })
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            entry,
            entry.map(prefix => `${prefix}*`),
          ),
        ),
        entry,
        (entries, symbol) => {
          const covers = (each: string) =>
            prefixOf(each) === undefined ? each === symbol : symbol.startsWith(prefixOf(each)!)
          const wanted = wantedSymbols(entries) ?? ['*']
          expect(wanted.filter(covers).length).toBe(entries.some(covers) ? 1 : 0)
        },
      ),
    )
  })
})
