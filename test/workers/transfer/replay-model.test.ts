import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Past } from '../../support/past.js'

describe('a replay from any place', () => {
  it('is the rest of the whole stream, in parts of any size', () => {
    const anyNumber = fc.oneof(fc.constant(null), fc.integer({ min: 1, max: 2000 }))
    const deed = fc.oneof(
      { weight: 6, arbitrary: fc.record({ ticks: fc.integer({ min: 1, max: 128 }) }) },
      { weight: 2, arbitrary: fc.record({ many: fc.integer({ min: 1, max: 1500 }) }) },
      { weight: 2, arbitrary: fc.record({ malformed: fc.constant(true) }) },
      { weight: 2, arbitrary: fc.record({ hole: fc.integer({ min: 1, max: 2 ** 40 }) }) },
      { weight: 1, arbitrary: fc.record({ lost: anyNumber }) },
      { weight: 1, arbitrary: fc.record({ gap: anyNumber }) },
      { weight: 1, arbitrary: fc.record({ epoch: fc.integer({ min: 1, max: 2 ** 40 }) }) },
    )
    fc.assert(
      fc.property(
        fc.array(deed, { minLength: 1, maxLength: 12 }),
        fc.array(fc.nat(), { minLength: 1, maxLength: 8 }),
        fc.constantFrom(200, 5000, 1 << 20),
        (deeds, cuts, partBytesMax) => {
          const past = new Past({ partBytesMax })
          for (const each of deeds) {
            if ('ticks' in each) past.batch(Array.from({ length: each.ticks }, () => ({})))
            else if ('many' in each) past.many(each.many, 100)
            else if ('malformed' in each) past.malformed()
            else if ('hole' in each) past.hole(each.hole)
            else if ('lost' in each) past.lost('overload', each.lost)
            else if ('gap' in each) past.gap(each.gap)
            else past.beginEpoch(`f${each.epoch}`, each.epoch)
          }
          // Each tick and each loss has one serial number.
          const all = past.stream(0)
          expect(all).toHaveLength(past.serial)
          for (const cut of cuts) {
            const serial = cut % (past.serial + 1)
            expect(past.stream(serial)).toEqual(all.slice(serial))
          }
        },
      ),
      { numRuns: 40 },
    )
  })
})
