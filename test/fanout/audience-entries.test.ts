import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AudienceEntries } from '../../src/fanout/audience-entries.js'
import type { Entry } from '../../src/lane-protocol/audience-spec.js'
import type { IntervalMs } from '../../src/protocol/delivery.js'

const name = fc.string({ unit: fc.constantFrom('A', 'B', '*', '€'), maxLength: 3 })
const entry = fc.tuple(name, fc.constantFrom<IntervalMs>(null, 0, 250)) as fc.Arbitrary<Entry>

describe('the entries of an audience', () => {
  it('have after changes the hash of what they are, whatever they were', () => {
    const change = fc.record({
      added: fc.array(entry, { maxLength: 4 }),
      removed: fc.array(name, { maxLength: 4 }),
    })
    fc.assert(
      fc.property(fc.array(entry), fc.array(change, { maxLength: 5 }), (first, changes) => {
        const plain = new Map(first)
        let entries = AudienceEntries.of(first)
        for (const each of changes) {
          for (const removed of each.removed) plain.delete(removed)
          for (const [added, intervalMs] of each.added) plain.set(added, intervalMs)
          const before = entries.selection
          const changed = entries.changedBy(each)
          expect(entries.selection).toEqual(before)
          entries = changed
        }
        // In another order.
        const expected = AudienceEntries.of([...plain].reverse())
        expect(entries.hash).toBe(expected.hash)
        const intervals = new Set(plain.values())
        expect(entries.groupCount).toBe([...intervals].filter(each => each !== null).length)
        expect(entries.isConflated).toBe(intervals.size > 0 && !intervals.has(null))
        expect([entries.isEqual(expected), expected.isEqual(entries)]).toEqual([true, true])
      }),
      { numRuns: 500 },
    )
  })

  it('have other hashes where they differ, but for accidents, and are not equal', () => {
    fc.assert(
      fc.property(fc.array(entry), fc.array(entry), (first, second) => {
        const [one, other] = [AudienceEntries.of(first), AudienceEntries.of(second)]
        const sorted = (entries: Entry[]) => [...new Map(entries)].map(String).sort()
        const isEqual = String(sorted(first)) === String(sorted(second))
        expect(one.isEqual(other)).toBe(isEqual)
        expect(one.hash === other.hash).toBe(isEqual)
      }),
      { numRuns: 500 },
    )
  })
})
