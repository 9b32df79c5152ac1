import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { VisibleEntries } from '../../../src/clients/access/entry-scope.js'
import { selects } from '../../../src/lane-protocol/audience-spec.js'
import type { IntervalMs } from '../../../src/protocol/delivery.js'

const texts = fc.string({ unit: fc.constantFrom('A', 'B'), maxLength: 4 })
const entries = fc.uniqueArray(
  fc.tuple(texts, fc.boolean()).map(([text, isPrefix]) => (isPrefix || text === '' ? `${text}*` : text)),
  { maxLength: 6 },
)
const intervals = fc.constantFrom<IntervalMs>(null, 0, 100)
/** All symbols of A and B up to five characters. */
const SYMBOLS = ['A', 'B'].concat(
  ...[2, 3, 4, 5].map(length =>
    Array.from({ length: 2 ** length }, (_, bits) =>
      Array.from({ length }, (_, bit) => ((bits >> bit) & 1 ? 'A' : 'B')).join(''),
    ),
  ),
)

/** The interval of the longest entry of a symbol; undefined: it has none. A symbol is longer than its prefixes. */
function delivered(wanted: ReadonlyMap<string, IntervalMs>, symbol: string): IntervalMs | undefined {
  const length = (entry: string) => (entry.endsWith('*') ? entry.length - 1 : entry.length + 0.5)
  const [longest] = [...wanted.keys()]
    .filter(entry => selects(entry, symbol))
    .sort((one, other) => length(other) - length(one))
  return longest === undefined ? undefined : wanted.get(longest)
}

describe('what a client may see', () => {
  it('narrows its entries to exactly the symbols of both, each with the interval of its longest entry', () => {
    fc.assert(
      fc.property(entries, fc.array(fc.tuple(entries, intervals), { maxLength: 3 }), (visible, asked) => {
        const wanted = new Map(asked.flatMap(([list, intervalMs]) => list.map(entry => [entry, intervalMs])))
        const narrowed = new VisibleEntries(visible).narrowed(wanted)
        expect(narrowed.size).toBeLessThanOrEqual(wanted.size + visible.length)
        for (const symbol of SYMBOLS) {
          const may = visible.some(entry => selects(entry, symbol))
          expect([symbol, delivered(narrowed, symbol)]).toEqual([
            symbol,
            may ? delivered(wanted, symbol) : undefined,
          ])
        }
      }),
      { numRuns: 500 },
    )
  })

  it('holds something of an entry exactly when some symbol is of both', () => {
    fc.assert(
      fc.property(entries, entries, (visible, asked) => {
        const seen = new VisibleEntries(visible).seen(asked)
        for (const entry of asked) {
          const narrowed = new VisibleEntries(visible).narrowed(new Map([[entry, null]]))
          expect([entry, seen.has(entry)]).toEqual([entry, narrowed.size > 0])
        }
      }),
      { numRuns: 500 },
    )
  })
})
