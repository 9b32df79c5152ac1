import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Past } from '../../support/past.js'

describe('a replay from any offset', () => {
  it('is the rest of the whole stream, in parts of any size', () => {
    const deed = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({
          steps: fc.array(
            fc.constantFrom<number | 'wild' | 'again'>(...[1, 1, 1, 1, 0, 2, 5, -2], 'wild', 'again'),
            {
              minLength: 1,
              maxLength: 128,
            },
          ),
        }),
      },
      { weight: 2, arbitrary: fc.record({ many: fc.integer({ min: 1, max: 1500 }) }) },
      { weight: 2, arbitrary: fc.record({ malformed: fc.constant(true) }) },
      {
        weight: 1,
        arbitrary: fc.record({ lost: fc.oneof(fc.constant(null), fc.integer({ min: 1, max: 2000 })) }),
      },
      {
        weight: 1,
        arbitrary: fc.record({ gap: fc.oneof(fc.constant(null), fc.integer({ min: 1, max: 9 })) }),
      },
      { weight: 1, arbitrary: fc.record({ continuous: fc.boolean() }) },
    )
    fc.assert(
      fc.property(
        fc.array(deed, { minLength: 1, maxLength: 12 }),
        fc.array(fc.nat(), { minLength: 1, maxLength: 8 }),
        fc.constantFrom(200, 5000, 1 << 20),
        (deeds, cuts, partBytesMax) => {
          const past = new Past({ partBytesMax })
          let sent = 1
          let lastSequence = 0
          for (const each of deeds) {
            if ('steps' in each) {
              past.batch(
                each.steps.map((step, index) => {
                  if (step === 'wild') return { position: Number.MAX_SAFE_INTEGER }
                  const sequence = past.offset + 1 + index
                  // Sequences are offsets. The time makes the mark of the tick that is sent again equal to that of the tick before.
                  if (step === 'again')
                    return { position: sent, sourceTimeNs: (lastSequence << 2) ^ (sequence << 2) }
                  sent = Math.max(1, sent + step)
                  lastSequence = sequence
                  return { position: sent }
                }),
              )
            } else if ('many' in each) {
              for (let left = each.many; left > 0; left -= 100)
                past.batch(Array.from({ length: Math.min(left, 100) }, () => ({ position: ++sent })))
            } else if ('malformed' in each) past.malformed()
            else if ('lost' in each) past.lost('overload', each.lost)
            else if ('gap' in each) past.gap(each.gap)
            else past.session(each.continuous)
          }
          const all = past.stream(0)
          for (const cut of cuts) {
            const offset = cut % (past.offset + 1)
            expect(past.stream(offset)).toEqual(all.filter(text => toldAt(text) > offset))
          }
        },
      ),
      { numRuns: 40 },
    )
  })

  /** The offset at which a client has been told the tick or the gap. */
  function toldAt(text: string): number {
    const [, reason, from, to] = /^(\w+):(\d+)-(\d+):/.exec(text) ?? []
    if (reason === undefined) return Number(text.slice(1))
    return reason === 'upstream' ? Number(from) : Number(to)
  }
})
