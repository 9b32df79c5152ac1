import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  decodeEvent,
  encodeEvent,
  type LostEvent,
  lastLostOffset,
  offsetsOf,
  type StreamEvent,
} from '../../src/lane-protocol/stream-events.js'

const total = fc.maxSafeNat()
const anyEvent: fc.Arbitrary<StreamEvent> = fc.oneof(
  fc.record({ op: fc.constant('session' as const), first: fc.boolean(), continuous: fc.boolean() }),
  fc.record({
    op: fc.constant('lost' as const),
    reason: fc.constantFrom('overload' as const, 'malformed' as const),
    missed: fc.oneof(fc.constant(null), total),
  }),
  fc.record({
    op: fc.constant('lost' as const),
    reason: fc.constant('upstream' as const),
    missed: fc.oneof(fc.constant(null), total),
    isUnnumbered: fc.constant(true as const),
  }),
)

describe('a stream event', () => {
  it('comes out of shared memory as it went in', () => {
    fc.assert(
      fc.property(anyEvent, event => {
        const bytes = encodeEvent(event)
        const shared = new Uint8Array(new SharedArrayBuffer(bytes.length + 9)).fill(0x7b)
        shared.set(bytes, 4)
        expect(decodeEvent(shared.subarray(4, 4 + bytes.length))).toEqual(event)
      }),
    )
  })

  it('that tells a loss takes the offsets of its ticks, and one where they have none or nobody knows how many', () => {
    const lost = { op: 'lost', reason: 'upstream' } as const
    const range = (loss: LostEvent) => [offsetsOf(loss), lastLostOffset(loss, 10)]
    expect(range({ ...lost, missed: 7 })).toEqual([7, 16])
    expect(range({ ...lost, missed: null })).toEqual([1, 10])
    expect(range({ ...lost, missed: 2 ** 40, isUnnumbered: true })).toEqual([1, 9])
    expect(range({ ...lost, missed: null, isUnnumbered: true })).toEqual([1, 9])
  })
})
