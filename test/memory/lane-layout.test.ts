import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CONTROL_BYTES } from '../../src/memory/control-words.js'
import { DESCRIPTOR_BYTES } from '../../src/memory/frame-descriptor.js'
import { COMMITTED_STATE_BYTES, laneLayout, SEGMENT_COUNT_MIN } from '../../src/memory/lane-layout.js'
import { distance, isPowerOfTwo, advance as positionAfter } from '../../src/memory/ring-position.js'

describe('the layout of a lane', () => {
  it('gives every area its own bytes, aligned, for all sizes', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 16, max: 30 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.nat(1 << 26),
        fc.nat(1 << 26),
        (power, part, scratch, encoded) => {
          const frameRingBytes = 2 ** power
          const recordBytesMax = 1 + Math.floor(part * (frameRingBytes / SEGMENT_COUNT_MIN / 2 - 1))
          const layout = laneLayout(frameRingBytes, recordBytesMax, scratch, encoded)
          const parts = [
            [0, CONTROL_BYTES],
            [CONTROL_BYTES, COMMITTED_STATE_BYTES],
            [layout.descriptorsStart, layout.descriptorCount * DESCRIPTOR_BYTES],
            [layout.freeQueueStart, layout.segmentCount * 4],
            [layout.framesStart, layout.segmentCount * layout.segmentBytes],
            [layout.scratchStart, layout.scratchBytes],
            [layout.encodedStart, layout.encodedBytes],
          ] as const
          let end = 0
          for (const [start, bytes] of parts) {
            expect(start).toBe(end)
            end = start + bytes
          }
          expect(layout.totalBytes).toBe(end)
          expect(layout.segmentCount * layout.segmentBytes).toBe(frameRingBytes)
          expect(layout.segmentBytes).toBeGreaterThanOrEqual(2 * recordBytesMax)
          expect(layout.descriptorsStart % 8).toBe(0)
          expect(layout.freeQueueStart % 4).toBe(0)
          expect(isPowerOfTwo(layout.descriptorCount) && isPowerOfTwo(layout.segmentCount)).toBe(true)
          expect(layout.segmentCount).toBeGreaterThanOrEqual(SEGMENT_COUNT_MIN)
        },
      ),
    )
  })

  it('refuses a ring that is no power of two, and records that are too large for it', () => {
    expect(() => laneLayout(100_000, 10, 0)).toThrow(/100000 bytes/)
    expect(() => laneLayout(65_536, 4097, 0)).toThrow(/65536 bytes, records of 4097/)
    expect(laneLayout(65_536, 4096, 0).segmentCount).toBe(SEGMENT_COUNT_MIN)
  })
})

describe('positions', () => {
  it('differ exactly, also where they wrap', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 0, max: 2 ** 31 - 1 }), (position, count) => {
        expect(distance(position, positionAfter(position, count))).toBe(count)
        expect(distance(positionAfter(position, count), position)).toBe(count === 0 ? 0 : -count)
      }),
    )
  })

  it('know a power of two', () => {
    expect([1, 2, 1024, 2 ** 30, 2 ** 40].every(isPowerOfTwo)).toBe(true)
    expect([0, -2, 3, 1023, 1.5, Number.NaN, 2 ** 40 + 1].some(isPowerOfTwo)).toBe(false)
  })
})
