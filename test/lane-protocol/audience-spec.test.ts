import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type AudienceSpec,
  audienceKey,
  isConflated,
  prefixOf,
  selectionOf,
} from '../../src/lane-protocol/audience-spec.js'
import type { IntervalMs } from '../../src/protocol/delivery.js'
import { anySymbol } from '../support/any-tick.js'
import { spec } from '../support/specs.js'

const anySymbols = fc.array(fc.oneof(anySymbol, fc.constantFrom('A', 'B', 'A,B', '"', '","')), {
  maxLength: 3,
})
const anySpec: fc.Arbitrary<AudienceSpec> = fc.record({
  symbols: fc.oneof(fc.constant(null), anySymbols),
  latest: fc.array(fc.record({ intervalMs: fc.nat(2), symbols: anySymbols }), { maxLength: 2 }),
  batch: fc.boolean(),
  stamps: fc.boolean(),
  encoding: fc.constantFrom('json' as const, 'protobuf' as const),
  windowBits: fc.constantFrom(0, 9, 13),
})

describe('the key of an audience', () => {
  it('is the same for the same bytes, and for nothing else', () => {
    const asText = ({ symbols, latest, batch, stamps, encoding, windowBits }: AudienceSpec) =>
      JSON.stringify({ symbols, latest, batch, stamps, encoding, windowBits })
    fc.assert(
      fc.property(anySpec, anySpec, (first, second) => {
        expect(audienceKey(first) === audienceKey(second)).toBe(asText(first) === asText(second))
        expect(audienceKey(structuredClone(first))).toBe(audienceKey(first))
      }),
      { numRuns: 1000 },
    )
  })

  it('tells all symbols from none, and two symbols from one with a comma', () => {
    const keys = [null, [], ['A', 'B'], ['A,B'], ['A","B'], ['null']].map(symbols =>
      audienceKey(spec({ symbols })),
    )
    expect(new Set(keys).size).toBe(keys.length)
  })
})

/** How a symbol's ticks are wanted: as the longest entry says. */
function wanted(symbol: string, entries: Iterable<readonly [string, IntervalMs]>): IntervalMs | undefined {
  let longest: readonly [string, IntervalMs] | undefined
  for (const [entry, intervalMs] of entries) {
    const prefix = prefixOf(entry)
    if (prefix === undefined ? entry !== symbol : !symbol.startsWith(prefix)) continue
    if (prefix === undefined) return intervalMs
    if (longest === undefined || entry.length > longest[0].length) longest = [entry, intervalMs]
  }
  return longest?.[1]
}

describe('what entries mean together', () => {
  it.each([
    [[['B', null]], ['B'], []],
    [
      [
        ['A', null],
        ['*', null],
      ],
      null,
      [],
    ],
    [[], [], []],
    [
      [
        ['AB', null],
        ['B', null],
        ['A*', null],
      ],
      ['A*', 'B'],
      [],
    ],
    [
      [
        ['*', null],
        ['B', 250],
        ['A', 0],
      ],
      ['*'],
      [
        { intervalMs: 0, symbols: ['A'] },
        { intervalMs: 250, symbols: ['B'] },
      ],
    ],
    [
      [
        ['ABC', null],
        ['AB*', 5],
        ['A*', null],
        ['ABD', 5],
      ],
      ['A*', 'ABC'],
      [{ intervalMs: 5, symbols: ['AB*'] }],
    ],
  ] satisfies [[string, IntervalMs][], string[] | null, unknown[]][])('of %j', (entries, symbols, latest) => {
    expect(selectionOf(new Map(entries))).toEqual({ symbols, latest })
  })

  it('is the same for each symbol, with no entry that could be left out', () => {
    const name = fc.string({ unit: fc.constantFrom('A', 'B', '!'), maxLength: 3 })
    const entry = fc.oneof(
      name,
      name.map(prefix => `${prefix}*`),
    )
    const interval = fc.constantFrom<IntervalMs>(null, 0, 250)
    fc.assert(
      fc.property(fc.array(fc.tuple(entry, interval)), name, (pairs, symbol) => {
        const entries = new Map(pairs)
        const { symbols, latest } = selectionOf(entries)
        const normal = new Map<string, IntervalMs>([
          ...(symbols ?? ['*']).map(each => [each, null] as const),
          ...latest.flatMap(({ intervalMs, symbols }) => symbols.map(each => [each, intervalMs] as const)),
        ])
        expect(wanted(symbol, normal)).toBe(wanted(symbol, entries))
        for (const left of normal.keys()) {
          const rest = [...normal].filter(([each]) => each !== left)
          const probe = prefixOf(left) === undefined ? left : `${prefixOf(left)}\u{10ffff}`
          expect(wanted(probe, rest)).not.toBe(wanted(probe, normal))
        }
      }),
      { numRuns: 1000 },
    )
  })

  it('is conflated when nothing is wanted tick by tick', () => {
    const latest = [{ intervalMs: 0, symbols: ['A'] }]
    expect(isConflated(spec({ symbols: [], latest }))).toBe(true)
    expect(isConflated(spec({ symbols: ['B'], latest }))).toBe(false)
    expect(isConflated(spec({ symbols: [] }))).toBe(false)
    expect(isConflated(spec())).toBe(false)
  })
})
