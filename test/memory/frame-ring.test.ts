import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FrameRingWriter } from '../../src/memory/frame-ring-writer.js'
import { findTorn } from '../support/pattern.js'
import { LAYOUT, TestRing } from '../support/test-ring.js'

/** 0, and numbers before which counters wrap: at 2^31, and at 0 for the unsigned positions of the free queue. */
const STARTS = [0, 2 ** 31 - 5, -5, -(2 ** 31)]

describe('the frame ring', () => {
  it.each(STARTS)('carries descriptors round after round, positions from %i', start => {
    const ring = new TestRing(start)
    for (let number = 1; number <= 20; number++) {
      const at = ring.writer.reserve(77)!
      expect(ring.write(number, 77)).toBe(true)
      ring.writer.publish()
      expect(ring.read()).toBe(number)
      const segment = Math.floor((at - LAYOUT.framesStart) / LAYOUT.segmentBytes)
      expect(ring.last).toMatchObject({ length: 77, segment, start: at })
    }
  })

  it('shows no descriptor before it is published', () => {
    const ring = new TestRing()
    ring.write(1, 10)
    ring.describe(1, 0)
    expect(ring.reader.hasNext()).toBe(false)
    expect(ring.reader.next()).toBeUndefined()
    ring.writer.publish()
    expect([ring.read(), ring.read(), ring.read()]).toEqual([1, 1, 'nothing'])
  })

  it.each(STARTS)('takes segments back in any order, positions from %i', start => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(7), fc.integer({ min: 1, max: 4096 })), { maxLength: 200 }),
        steps => {
          const ring = new TestRing(start)
          const held: { segment: number; frames: { number: number; start: number; length: number }[] }[] = []
          let used = LAYOUT.segmentBytes
          let number = 0
          for (const [pick, length] of steps) {
            const fits = used + length <= LAYOUT.segmentBytes
            expect(ring.writer.hasRoomFor(length)).toBe(fits || held.length < LAYOUT.segmentCount)
            if (!ring.write(++number, length)) {
              // All eight are held. The segment in use stays.
              expect(fits || held.length < LAYOUT.segmentCount).toBe(false)
              const [back] = held.splice(pick % (held.length - 1), 1)
              for (const frame of back!.frames)
                expect(findTorn(ring.writer.bytes, frame.start, frame.length, frame.number)).toBe(-1)
              ring.reader.giveBack(back!.segment)
              number--
              continue
            }
            used = fits ? used + length : length
            ring.writer.publish()
            expect(ring.read()).toBe(number)
            const { segment, start: at } = ring.last
            if (!fits) {
              expect(held.map(({ segment }) => segment)).not.toContain(segment)
              held.push({ segment, frames: [] })
            }
            held.at(-1)!.frames.push({ number, start: at, length })
            ring.reader.release()
            expect(ring.reader.freeSegments()).toBe(LAYOUT.segmentCount - held.length)
          }
          for (const { frames } of held)
            for (const frame of frames)
              expect(findTorn(ring.writer.bytes, frame.start, frame.length, frame.number)).toBe(-1)
        },
      ),
      { numRuns: 60 },
    )
  })

  it('puts frames side by side, and never across the end of a segment', () => {
    const ring = new TestRing()
    const starts = [2000, 2000, 96, 1].map(length => {
      ring.write(length, length)
      ring.writer.publish()
      ring.read()
      return ring.last.start
    })
    expect(starts[1]! - starts[0]!).toBe(2000)
    expect(starts[2]! - starts[0]!).toBe(4000)
    expect((starts[3]! - LAYOUT.framesStart) % LAYOUT.segmentBytes).toBe(0)
    expect(ring.last.segment).not.toBe(0)
  })

  it('reserves nothing while no segment is free, and hasRoomFor says so', () => {
    const ring = new TestRing()
    for (let number = 0; number < LAYOUT.segmentCount; number++) expect(ring.write(number, 4096)).toBe(true)
    expect(ring.writer.hasRoomFor(1)).toBe(false)
    expect(ring.writer.reserve(1)).toBeUndefined()
    expect(ring.writer.reserve(1)).toBeUndefined()
    expect(ring.writer.hasRoomFor(0)).toBe(true)
    ring.reader.giveBack(5)
    expect(ring.writer.hasRoomFor(1)).toBe(true)
    expect(ring.writer.reserve(1)).toBe(LAYOUT.framesStart + 5 * LAYOUT.segmentBytes)
  })

  it('throws for frames larger than a segment, and for a segment given back twice', () => {
    const ring = new TestRing()
    expect(() => ring.writer.reserve(4097)).toThrow(/frames of 4097 bytes, segment 4096/)
    expect(() => ring.reader.giveBack(3)).toThrow(/segment 3 given back/)
  })

  it.each(STARTS)('tells when the descriptors are full, positions from %i', start => {
    const ring = new TestRing(start)
    for (let lap = 0; lap < 3; lap++) {
      for (let count = 0; count < LAYOUT.descriptorCount; count++) {
        if (!ring.writer.hasRoomForDescriptor()) expect.fail(`full after ${count}`)
        ring.describe(count, 0)
      }
      expect(ring.writer.hasRoomForDescriptor()).toBe(false)
      ring.writer.publish()
      for (let count = 0; count < LAYOUT.descriptorCount; count++)
        if (ring.read() !== count) expect.fail(`another descriptor in place of ${count}`)
      expect(ring.writer.hasRoomForDescriptor()).toBe(false)
      ring.reader.release()
      expect(ring.writer.hasRoomForDescriptor()).toBe(true)
    }
  })

  it.each(STARTS)('counts the turns ahead of the transmitter, positions from %i', start => {
    const ring = new TestRing(start)
    for (let turn = 0; turn < 12; turn++) {
      expect(ring.writer.turnsAhead()).toBe(0)
      ring.writer.countTurn()
      ring.writer.countTurn()
      expect(ring.writer.turnsAhead()).toBe(2)
      ring.reader.turnConsumed()
      expect(ring.writer.turnsAhead()).toBe(1)
      ring.reader.turnConsumed()
    }
  })

  it.each(STARTS)('prepares the ring for a successor, positions from %i', start => {
    const ring = new TestRing(start)
    for (let number = 1; number <= 3; number++) ring.write(number, 4096)
    ring.writer.publish()
    ring.writer.countTurn()
    // A segment that was taken, and a descriptor that was not published, end with the lane.
    ring.write(4, 4096)
    ring.writer.reserve(1)
    expect([ring.read(), ring.read(), ring.read(), ring.read()]).toEqual([1, 2, 3, 'nothing'])
    ring.reader.release()

    ring.reader.resetAfterLane(new Set([0, 2]))
    expect(ring.reader.freeSegments()).toBe(6)
    ring.writer = new FrameRingWriter(ring.memory, LAYOUT)
    expect(ring.writer.turnsAhead()).toBe(0)
    const segments = []
    for (let number = 10; number < 16; number++) {
      expect(ring.write(number, 4096)).toBe(true)
      ring.writer.publish()
      expect(ring.read()).toBe(number)
      segments.push(ring.last.segment)
    }
    expect(segments.sort()).toEqual([1, 3, 4, 5, 6, 7])
    expect(ring.writer.hasRoomFor(1)).toBe(false)
    // The successor did not touch the bytes that clients still hold.
    expect(findTorn(ring.writer.bytes, LAYOUT.framesStart, 4096, 1)).toBe(-1)
    expect(findTorn(ring.writer.bytes, LAYOUT.framesStart + 2 * LAYOUT.segmentBytes, 4096, 3)).toBe(-1)
    ring.reader.giveBack(2)
    expect(ring.writer.hasRoomFor(1)).toBe(true)
  })
})
