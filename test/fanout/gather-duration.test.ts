import { beforeEach, describe, expect, it } from 'vitest'
import { MAIN_SLOTS } from '../../src/metrics/metric-table.js'
import { GATHER_MS, MEASURE_MS, PacingStage } from '../support/pacing-stage.js'

/** Larger writes of one client would save little. */
const GATHERED_BYTES_MAX = 16 * 1024

let stage: PacingStage

beforeEach(() => {
  stage = new PacingStage()
})

it.each([
  ['as long as it may', 1, GATHERED_BYTES_MAX / GATHER_MS / 2, GATHER_MS],
  ['shorter', 1, GATHERED_BYTES_MAX / 5, 5],
  ['half as short where the other of two lanes publishes nothing', 2, GATHERED_BYTES_MAX / 5, 10],
])('holds ticks back %s: %i lanes, %f bytes/ms for an audience', (_, laneCount, bytesPerMs, holdMs) => {
  stage = new PacingStage({ laneCount })
  // The time before the measurement does not count.
  for (let round = 0; round < 3; round++) stage.turn({ bytes: 10 * bytesPerMs * MEASURE_MS })
  stage.work(0)
  stage.gather({ bytes: bytesPerMs * MEASURE_MS })
  stage.turn()
  expect(stage.clock.delaysMs).toEqual([holdMs])
})

describe('where `gatherMs` still takes more than half of the time', () => {
  /**
   * For how long the lane is held back after the transmitter was busy for these shares of the time, one after the
   * other.
   */
  function holdMs(...shares: number[]): number {
    stage.gather()
    for (const share of shares) stage.work(share)
    stage.clock.delaysMs.length = 0
    stage.clock.advance(MEASURE_MS)
    stage.turn()
    return stage.clock.delaysMs[0]!
  }

  it.each([
    ['for `gatherMs`', [0.5], GATHER_MS],
    ['for so much longer that it takes half of the time', [0.75], 1.5 * GATHER_MS],
    ['for longer still while that is not enough', [0.75, 0.6], 1.8 * GATHER_MS],
    ['for no longer when that takes half of the time', [0.75, 0.5, 0.5], 1.5 * GATHER_MS],
    ['for less long when that takes less', [0.75, 0.4], 1.2 * GATHER_MS],
    ['never for less than `gatherMs`', [0.75, 0.36, 0.36, 0.36], GATHER_MS],
    ['never for more than two and a half times `gatherMs`', [1, 1, 1], 2.5 * GATHER_MS],
  ] as const)('holds ticks back %s', (_, shares, expected) => {
    expect(holdMs(...shares)).toBeCloseTo(expected)
  })

  it('begins with `gatherMs` again after a pause', () => {
    holdMs(1, 1, 0.1)
    expect(holdMs(0.5)).toBe(GATHER_MS)
  })
})

it.each([
  ['for `gatherMs`', 90_000, GATHER_MS],
  ['shorter', 200_000, 10],
])('holds ticks back %s at %i ticks/s, since a lane has room for few', (_, ticksPerSecond, holdMs) => {
  // The time before the measurement does not count.
  stage.counters.values[MAIN_SLOTS.ticksReceived]! += 1_000_000
  stage.work(0)
  stage.counters.values[MAIN_SLOTS.ticksReceived]! += (ticksPerSecond * MEASURE_MS) / 1000
  stage.gather()
  stage.turn()
  expect(stage.clock.delaysMs).toEqual([holdMs])
})
