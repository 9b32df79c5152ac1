import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { EnvelopeHead } from '../../src/protocol/envelope-head.js'
import {
  TICKS_HEAD_BYTES_MAX,
  TICKS_TAIL_BYTES,
  ticksHeadBytes,
  writeTicksHead,
  writeTicksTail,
} from '../../src/protocol/ticks-message.js'

describe('a ticks message', () => {
  it('is JSON around the ticks and has the announced length', () => {
    fc.assert(
      fc.property(fc.oneof(fc.maxSafeNat(), fc.nat(1000)), fc.maxSafeNat(), (seq, offset) => {
        const message = new EnvelopeHead()
        message.beginTicks(seq, offset)
        const bytes = new Uint8Array(TICKS_HEAD_BYTES_MAX + TICKS_TAIL_BYTES + 10)
        const head = writeTicksHead(bytes, 3, message)
        expect(head - 3).toBe(ticksHeadBytes(message))
        expect(head - 3).toBeLessThanOrEqual(TICKS_HEAD_BYTES_MAX)
        bytes[head] = 0x37
        const end = writeTicksTail(bytes, head + 1)
        expect(end).toBe(head + 1 + TICKS_TAIL_BYTES)
        const text = Buffer.from(bytes.subarray(3, end)).toString()
        expect(JSON.parse(text)).toEqual({ type: 'ticks', seq, offset, ticks: [7] })
        expect(text).toBe(JSON.stringify({ type: 'ticks', seq, offset, ticks: [7] }))
      }),
    )
  })
})
