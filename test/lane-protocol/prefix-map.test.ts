import fc from 'fast-check'
import { afterEach, expect, it, vi } from 'vitest'
import { PrefixMap } from '../../src/lane-protocol/prefix-map.js'
import { laneAudience, spec } from '../support/specs.js'

afterEach(() => vi.restoreAllMocks())

it('finds the value of the longest prefix, up to a length', () => {
  const text = fc.string({ unit: fc.constantFrom('A', 'B', '😀'), maxLength: 5 })
  fc.assert(
    fc.property(fc.uniqueArray(text), text, fc.nat(6), (prefixes, symbol, lengthMax) => {
      const before = new PrefixMap<number>()
      for (const prefix of [...prefixes, 'AAAAAA', 'B']) before.set(prefix, -1)
      // A copy with other values, and without a prefix.
      const map = new PrefixMap(before)
      for (const prefix of ['AAAAAA', 'B', 'none']) map.delete(prefix)
      for (const [index, prefix] of prefixes.entries()) map.set(prefix, index)
      const matching = prefixes.filter(
        prefix => symbol.startsWith(prefix) && prefix.length <= Math.min(lengthMax, symbol.length),
      )
      const longest = matching.sort((a, b) => b.length - a.length)[0]
      const expected = longest === undefined ? undefined : prefixes.indexOf(longest)
      expect(map.ofLongest(symbol, lengthMax)).toBe(expected)
      expect(map.size).toBe(prefixes.length)
    }),
    { numRuns: 1000 },
  )
})

/** How often some text is compared with a prefix or cut to one. */
function countPrefixesTried(run: () => void): number {
  const spies = [vi.spyOn(String.prototype, 'startsWith'), vi.spyOn(String.prototype, 'slice')]
  run()
  const calls = spies.reduce((sum, { mock }) => sum + mock.calls.length, 0)
  vi.restoreAllMocks()
  return calls
}

const PREFIXES = Array.from({ length: 1000 }, (_, index) => `P${1000 + index}`)
const ENTRIES = PREFIXES.map(prefix => `${prefix}*`)

it('tries no more prefixes for a symbol than it has characters', () => {
  const audience = laneAudience({ spec: spec({ symbols: ENTRIES }) })
  const tried = countPrefixesTried(() => audience.deliveryOf('SYMBOL'))
  expect(tried).toBeGreaterThan(0)
  expect(tried).toBeLessThanOrEqual('SYMBOL'.length + 1)
})
