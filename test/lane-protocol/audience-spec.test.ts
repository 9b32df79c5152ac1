import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { entriesOf, selectionOf } from '../../src/lane-protocol/audience-spec.js'
import type { IntervalMs } from '../../src/protocol/delivery.js'

describe('the selection of entries', () => {
  it.each([
    [[['B', null]], ['B'], []],
    [
      [
        ['A', null],
        ['*', null],
      ],
      ['A', '*'],
      [],
    ],
    [[], [], []],
    [
      [
        ['AB', null],
        ['B', null],
        ['A*', null],
      ],
      ['AB', 'B', 'A*'],
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
      ['ABC', 'A*'],
      [{ intervalMs: 5, symbols: ['AB*', 'ABD'] }],
    ],
  ] satisfies [[string, IntervalMs][], string[] | null, unknown[]][])('of %j', (entries, symbols, latest) => {
    expect(selectionOf(new Map(entries))).toEqual({ symbols, latest })
  })

  it('holds each entry with its interval, and null in place of the only entry for all symbols', () => {
    const entry = fc.string({ unit: fc.constantFrom('A', 'B', '*'), maxLength: 3 })
    const interval = fc.constantFrom<IntervalMs>(null, 0, 250)
    fc.assert(
      fc.property(fc.array(fc.tuple(entry, interval)), pairs => {
        const entries = new Map(pairs)
        const selection = selectionOf(entries)
        expect(new Map(entriesOf(selection))).toEqual(entries)
        expect(selection.symbols === null).toBe(entries.size === 1 && entries.get('*') === null)
        const intervals = selection.latest.map(({ intervalMs }) => intervalMs)
        expect(intervals).toEqual([...new Set(intervals)].sort((a, b) => a - b))
      }),
      { numRuns: 1000 },
    )
  })
})
