import { beforeEach, describe, expect, it } from 'vitest'
import { LANE_ASLEEP } from '../../src/memory/control-words.js'
import { ASLEEP_FOR_ROOM } from '../../src/memory/lane-wake-up.js'
import { GATHER_MS, MEASURE_MS, PacingStage } from '../support/pacing-stage.js'

let stage: PacingStage

beforeEach(() => {
  stage = new PacingStage()
})

describe('while there is time', () => {
  it('lets a lane publish again as soon as its turn is sent', () => {
    for (let round = 0; round < 50; round++) {
      stage.turn({ busyMs: 1 })
      expect(stage.turnsAhead()).toBe(0)
      stage.clock.advance(9)
    }
    expect(stage.clock.delaysMs).toEqual([])
  })

  it('counts a turn that is sent in several runs once', () => {
    stage.publish()
    stage.begin()
    for (let run = 0; run < 3; run++) stage.pacing.ran(stage.clock.nowMs(), stage.clock.nowMs())
    stage.end()
    expect(stage.turnsAhead()).toBe(0)
    stage.publish()
    stage.publish()
    stage.transmit()
    expect(stage.turnsAhead()).toBe(1)
    stage.transmit()
    expect(stage.turnsAhead()).toBe(0)
  })
})

it.each([
  ['half of the time', 0.5, {}, false],
  ['more than half of the time', 0.51, {}, true],
  ['a third of the time, for two arrivals in a write', 0.34, { arrivals: 2, ticks: 2 }, true],
  ['a quarter of the time, for two arrivals in a write', 0.25, { arrivals: 2, ticks: 2 }, false],
  ['a third of the time, for many ticks that came together', 0.34, { arrivals: 1, ticks: 64 }, false],
  ['a third of the time, for one of many arrivals', 0.34, { arrivals: 64, ticks: 1 }, false],
] as const)(
  'judges what it would take to send each arrival on its own: %s',
  (_, share, what, isGathering) => {
    // The first turn counts all arrivals since the beginning.
    stage.work(0)
    stage.work(share, what)
    stage.turn()
    expect(stage.turnsAhead()).toBe(isGathering ? 1 : 0)
  },
)

describe('while ticks are held back', () => {
  beforeEach(() => stage.gather())

  it('lets a lane have one turn ahead, and another one after `gatherMs`', () => {
    stage.turn()
    expect(stage.turnsAhead()).toBe(1)
    stage.turn()
    expect(stage.turnsAhead()).toBe(2)
    stage.clock.advance(GATHER_MS - 1)
    expect(stage.turnsAhead()).toBe(2)
    stage.clock.advance(1)
    expect(stage.turnsAhead()).toBe(1)
    stage.turn()
    expect(stage.turnsAhead()).toBe(2)
    expect(stage.clock.delaysMs).toEqual([GATHER_MS, GATHER_MS])
  })

  it('wakes the lane that it held back', () => {
    const control = new Int32Array(stage.handles[0]!.memory)
    stage.turn()
    stage.turn()
    control[LANE_ASLEEP] = ASLEEP_FOR_ROOM
    stage.clock.advance(GATHER_MS - 1)
    expect(stage.handles[0]!.isAsleep).toBe(true)
    stage.clock.advance(1)
    expect(stage.handles[0]!.isAsleep).toBe(false)
  })

  it('goes on while sending each arrival would take more than 0.35 of the time', () => {
    stage.work(0.36)
    stage.turn()
    expect(stage.turnsAhead()).toBe(2)
  })

  it('ends when sending each arrival would take no more than 0.35 of the time', () => {
    stage.turn()
    stage.work(0.35)
    stage.turn()
    expect(stage.turnsAhead()).toBe(0)
    expect(stage.clock.timerCount).toBe(0)
  })

  it('gives back all turns where it ends while the lane is held back', () => {
    stage.turn()
    stage.clock.advance(0.65 * MEASURE_MS)
    stage.turn({ busyMs: 0.35 * MEASURE_MS })
    expect(stage.turnsAhead()).toBe(2)
    stage.clock.advance(GATHER_MS)
    expect(stage.turnsAhead()).toBe(0)
  })

  it('keeps the current turn where it ends while the lane is held back', () => {
    stage.turn()
    stage.clock.advance(0.65 * MEASURE_MS)
    stage.turn({ busyMs: 0.35 * MEASURE_MS })
    stage.publish()
    stage.begin()
    stage.clock.advance(GATHER_MS)
    expect(stage.turnsAhead()).toBe(1)
    stage.end()
    expect(stage.turnsAhead()).toBe(0)
  })

  it('gives back all turns but the current one when the time comes during it', () => {
    stage.turn()
    stage.turn()
    stage.clock.advance(GATHER_MS)
    stage.publish()
    stage.begin()
    stage.clock.advance(GATHER_MS)
    expect(stage.turnsAhead()).toBe(1)
    stage.end()
    expect(stage.turnsAhead()).toBe(1)
    expect(stage.clock.timerCount).toBe(0)
  })

  it('lets a successor begin without turns ahead', () => {
    stage.turn()
    stage.turn()
    stage.laneEnded()
    expect([stage.turnsAhead(), stage.clock.timerCount]).toEqual([0, 0])
    stage.turn()
    expect(stage.turnsAhead()).toBe(1)
    stage.clock.advance(GATHER_MS)
    stage.turn()
    expect(stage.turnsAhead()).toBe(2)
  })

  it('counts the first turn of a successor of a lane that ended during a turn', () => {
    stage.turn()
    stage.publish()
    stage.begin()
    stage.laneEnded()
    stage.turn()
    stage.turn()
    expect(stage.turnsAhead()).toBe(2)
    stage.clock.advance(GATHER_MS)
    expect(stage.turnsAhead()).toBe(1)
  })

  it('leaves no timer behind when it is stopped', () => {
    stage.turn()
    expect(stage.clock.timerCount).toBe(1)
    stage.pacing.stop()
    expect(stage.clock.timerCount).toBe(0)
  })
})

it('never holds a lane back when `gatherMs` is 0', () => {
  stage = new PacingStage({ gatherMs: 0 })
  for (let round = 0; round < 5; round++) {
    stage.gather({ arrivals: 5, ticks: 5 })
    expect(stage.turnsAhead()).toBe(0)
  }
  expect(stage.clock.delaysMs).toEqual([])
})

describe('two lanes', () => {
  beforeEach(() => {
    stage = new PacingStage({ laneCount: 2 })
    stage.gather()
    for (let round = 0; round < 2; round++) for (const lane of [0, 1]) stage.turn({ lane })
  })

  it('are held back independently', () => {
    expect([stage.turnsAhead(0), stage.turnsAhead(1)]).toEqual([2, 2])
    stage.clock.advance(GATHER_MS)
    expect([stage.turnsAhead(0), stage.turnsAhead(1)]).toEqual([1, 1])
    stage.turn({ lane: 1 })
    expect([stage.turnsAhead(0), stage.turnsAhead(1)]).toEqual([1, 2])
    stage.clock.advance(GATHER_MS)
    expect([stage.turnsAhead(0), stage.turnsAhead(1)]).toEqual([1, 1])
  })

  it('are replaced independently', () => {
    stage.laneEnded()
    expect([stage.turnsAhead(0), stage.turnsAhead(1)]).toEqual([0, 2])
    stage.clock.advance(GATHER_MS)
    expect([stage.turnsAhead(0), stage.turnsAhead(1)]).toEqual([0, 1])
  })
})
