import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeEvent, encodeEvent, type StreamEvent } from '../../src/lane-protocol/stream-events.js'

const total = fc.maxSafeNat()
const loss = {
  op: fc.constant('lost' as const),
  reason: fc.constantFrom('overload' as const, 'malformed' as const, 'upstream' as const),
  missed: fc.oneof(fc.constant(null), total),
  from: total,
  to: total,
  offset: total,
}
const anyEvent: fc.Arbitrary<StreamEvent> = fc.oneof(
  fc.record(loss),
  fc.record({ ...loss, epoch: fc.record({ number: total, name: fc.string(), isShared: fc.boolean() }) }),
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
})
