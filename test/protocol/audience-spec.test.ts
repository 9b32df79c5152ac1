import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { audienceKey } from '../../src/protocol/audience-spec.js'
import { anySymbol } from '../support/any-tick.js'

const anySpec = fc.record({
  symbols: fc.oneof(
    fc.constant(null),
    fc.array(fc.oneof(anySymbol, fc.constantFrom('A', 'B', 'A,B', '"', '","')), { maxLength: 3 }),
  ),
  batch: fc.boolean(),
})

describe('the key of an audience', () => {
  it('is the same for the same bytes, and for nothing else', () => {
    fc.assert(
      fc.property(anySpec, anySpec, (first, second) => {
        const isSame =
          first.batch === second.batch && JSON.stringify(first.symbols) === JSON.stringify(second.symbols)
        expect(audienceKey(first) === audienceKey(second)).toBe(isSame)
        expect(audienceKey(structuredClone(first))).toBe(audienceKey(first))
      }),
      { numRuns: 1000 },
    )
  })

  it('tells all symbols from none, and two symbols from one with a comma', () => {
    const keys = [null, [], ['A', 'B'], ['A,B'], ['A","B'], ['null']].map(symbols =>
      audienceKey({ symbols, batch: true }),
    )
    expect(new Set(keys).size).toBe(keys.length)
  })
})
