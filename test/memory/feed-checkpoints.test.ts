import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CONTINUITY_AT_START } from '../../src/memory/continuity-state.js'
import { CHECKPOINT_TICKS, type Checkpoint, FeedCheckpoints } from '../../src/memory/feed-checkpoints.js'
import { CHECKPOINT_COUNT, laneLayout } from '../../src/memory/lane-layout.js'

const LAYOUT = laneLayout(8192, 512, 64)
const BEGINNING = { offset: 0, ...CONTINUITY_AT_START }
/** Ticks that the checkpoints reach back, about. */
const REACH = CHECKPOINT_COUNT * CHECKPOINT_TICKS

function begin(offset = 0) {
  const memory = new SharedArrayBuffer(LAYOUT.totalBytes)
  return { memory, checkpoints: new FeedCheckpoints(memory, LAYOUT, offset) }
}

/** Of the checkpoint after a tick, in tests whose checkpoints have the tick's own number as the feed's position. */
const at = (offset: number): Checkpoint => ({ ...BEGINNING, offset, lastPosition: offset })

const add = (checkpoints: FeedCheckpoints, offset: number) => checkpoints.add(offset, at(offset))

describe('checkpoints', () => {
  it('give the beginning of the stream while there is none', () => {
    const { checkpoints } = begin()
    expect(checkpoints.before(0)).toEqual(BEGINNING)
    expect(checkpoints.before(5000)).toEqual(BEGINNING)
  })

  it('hold from their own offset up to the next checkpoint', () => {
    const { checkpoints } = begin()
    add(checkpoints, 1050)
    add(checkpoints, 2048)
    expect(checkpoints.before(1049)).toEqual(BEGINNING)
    for (const offset of [1050, 1051, 2047]) expect(checkpoints.before(offset)).toEqual(at(1050))
    for (const offset of [2048, 2049, 9000]) expect(checkpoints.before(offset)).toEqual(at(2048))
  })

  it('keep every field of the state', () => {
    const { checkpoints } = begin()
    const first = {
      lastPosition: 2 ** 53 - 1,
      lostSincePosition: 7,
      lastMark: -(2 ** 31),
      resendDepth: 65_536,
      atSessionBoundary: true,
      isInDoubt: false,
    }
    checkpoints.add(1024, first)
    checkpoints.add(2048, CONTINUITY_AT_START)
    expect(checkpoints.before(2000)).toEqual({ offset: 1024, ...first })
    expect(checkpoints.before(2048)).toEqual({ ...BEGINNING, offset: 2048 })
  })

  it('are due once in CHECKPOINT_TICKS ticks, however long the record before them is', () => {
    const { checkpoints } = begin()
    expect([0, 1023, 1024, 1100].map(offset => checkpoints.isDue(offset))).toEqual([false, false, true, true])
    add(checkpoints, 1100)
    expect([1101, 2047, 2048].map(offset => checkpoints.isDue(offset))).toEqual([false, false, true])
    add(checkpoints, 2048)
    expect([2049, 3071, 3072].map(offset => checkpoints.isDue(offset))).toEqual([false, false, true])
  })

  it('of a lane are there for its successor, which adds to them', () => {
    const { checkpoints, memory } = begin()
    add(checkpoints, 1050)
    add(checkpoints, 2048)
    const successor = new FeedCheckpoints(memory, LAYOUT, 2100)
    expect(successor.before(2100)).toEqual(at(2048))
    expect([2101, 3071, 3072].map(offset => successor.isDue(offset))).toEqual([false, false, true])
    expect(new FeedCheckpoints(memory, LAYOUT, 1023).isDue(1024)).toBe(true)
  })

  it('are found behind a loss that took the offsets of many ticks', () => {
    const { checkpoints } = begin()
    add(checkpoints, 1050)
    add(checkpoints, 100_000)
    expect(checkpoints.before(99_999)).toEqual(at(1050))
  })

  it('give none when a loss took more offsets than the checkpoints reach back', () => {
    const { checkpoints } = begin()
    add(checkpoints, 1050)
    const last = 1024 + REACH - 1
    expect(checkpoints.before(last)).toEqual(at(1050))
    expect(checkpoints.before(last + 1)).toBeUndefined()
  })

  it('are overwritten one by one, and none is taken for one of another lap', () => {
    const { checkpoints } = begin()
    for (let slot = 1; slot <= CHECKPOINT_COUNT; slot++) add(checkpoints, slot * CHECKPOINT_TICKS)
    expect(checkpoints.before(1024)).toEqual(at(1024))
    add(checkpoints, REACH + 1024)
    // The one after tick 1024 had the same slot, and there is none before it.
    expect(checkpoints.before(2047)).toEqual(BEGINNING)
    expect(checkpoints.before(2048)).toEqual(at(2048))
    // None was added for the slot of the second, where that of the lap before still stands.
    expect(checkpoints.before(REACH + 3000)).toEqual(at(REACH + 1024))
  })

  it('give the last one at or before any offset, whatever was added', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            { weight: 8, arbitrary: fc.integer({ min: 0, max: 300 }) },
            { weight: 1, arbitrary: fc.integer({ min: 0, max: 10_000 }) },
            { weight: 1, arbitrary: fc.constantFrom(REACH - 1024, REACH, REACH + 1) },
          ),
          { maxLength: 20 },
        ),
        fc.array(fc.integer({ min: -1100, max: 1100 }), { minLength: 1, maxLength: 20 }),
        (overshoots, distances) => {
          const { checkpoints } = begin()
          const added: number[] = []
          let offset = 0
          for (const overshoot of overshoots) {
            offset += CHECKPOINT_TICKS - (offset % CHECKPOINT_TICKS) + overshoot
            expect(checkpoints.isDue(offset)).toBe(true)
            add(checkpoints, offset)
            added.push(offset)
          }
          for (const [index, away] of distances.entries()) {
            const asked = Math.max(0, (added[index % added.length] ?? 0) + away)
            const found = checkpoints.before(asked)
            const best = added.findLast(each => each <= asked) ?? 0
            const slot = (each: number) => Math.floor(each / CHECKPOINT_TICKS)
            const isKept = !added.some(
              each => each > best && (slot(each) - slot(best)) % CHECKPOINT_COUNT === 0,
            )
            const slotsBack = slot(asked) - slot(best)
            const isLast =
              best === 0 ? slotsBack < CHECKPOINT_COUNT - 1 : isKept && slotsBack < CHECKPOINT_COUNT
            if (isLast) expect(found).toEqual(best === 0 ? BEGINNING : at(best))
            // What is not the last has to be right still: an earlier one, or none.
            else if (found !== undefined && found.offset > 0) expect(added).toContain(found.offset)
            if (found !== undefined) expect(found.offset).toBeLessThanOrEqual(best)
          }
        },
      ),
      { numRuns: 100 },
    )
  })
})
