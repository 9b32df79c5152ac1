import { beforeEach, expect, it } from 'vitest'
import { silentLog } from '../../src/common/log.js'
import { PositionWatch } from '../../src/lanes/position-watch.js'
import { CounterWriter, counterBlockBytes } from '../../src/memory/counters.js'
import { LANE_SLOT_COUNT, LANE_SLOTS } from '../../src/metrics/metric-table.js'
import { FakeClock } from '../support/fake-clock.js'

let clock: FakeClock
let logged: object[]
let watch: PositionWatch
/** Counts breaks as each of two lanes. */
let breakPositions: ((ticks: number) => void)[]

beforeEach(() => {
  clock = new FakeClock()
  logged = []
  const laneBlocks = [0, 1].map(() => new SharedArrayBuffer(counterBlockBytes(LANE_SLOT_COUNT)))
  breakPositions = laneBlocks.map(block => {
    const writer = new CounterWriter(new BigInt64Array(block))
    return ticks => {
      writer.values[LANE_SLOTS.positionBreaks]! += ticks
      writer.flush()
    }
  })
  const log = { ...silentLog, warn: (details: object) => void logged.push(details) }
  watch = new PositionWatch({ clock, log, laneBlocks })
})

it('logs a break of the count within a second, once for all lanes', () => {
  clock.advance(5_000)
  expect(logged).toEqual([])
  for (const lane of breakPositions) lane(1)
  clock.advance(1_000)
  expect(logged).toEqual([{ ticks: 1 }])
  clock.advance(600_000)
  expect(logged).toHaveLength(1)
})

it('logs the breaks that follow as one line, a minute later at the earliest', () => {
  breakPositions[1]!(1)
  clock.advance(1_000)
  for (let second = 0; second < 59; second++) {
    for (const lane of breakPositions) lane(2)
    clock.advance(1_000)
  }
  expect(logged).toEqual([{ ticks: 1 }])
  clock.advance(1_000)
  expect(logged).toEqual([{ ticks: 1 }, { ticks: 118 }])
})

it('logs at its stop the breaks that have not been logged, and leaves no timer', () => {
  breakPositions[0]!(1)
  clock.advance(1_000)
  breakPositions[0]!(3)
  watch.stop()
  expect(logged).toEqual([{ ticks: 1 }, { ticks: 3 }])
  expect(clock.timerCount).toBe(0)
})
