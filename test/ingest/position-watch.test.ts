import { beforeEach, expect, it } from 'vitest'
import { silentLog } from '../../src/common/log.js'
import { PositionWatch } from '../../src/ingest/position-watch.js'
import { FakeClock } from '../support/fake-clock.js'

let clock: FakeClock
let logged: object[]
let watch: PositionWatch

beforeEach(() => {
  clock = new FakeClock()
  logged = []
  watch = new PositionWatch(clock, { ...silentLog, warn: (details: object) => void logged.push(details) })
})

it('logs a break of the count at once', () => {
  watch.broken()
  expect(logged).toEqual([{ ticks: 1 }])
})

it('logs the breaks that follow as one line, a minute later at the earliest', () => {
  for (let second = 0; second < 60; second++) {
    watch.broken()
    clock.advance(1_000)
  }
  expect(logged).toEqual([{ ticks: 1 }])
  watch.broken()
  expect(logged).toEqual([{ ticks: 1 }, { ticks: 60 }])
})

it('logs at its stop the breaks that have not been logged, and leaves no timer', () => {
  for (let each = 0; each < 4; each++) watch.broken()
  watch.stop()
  watch.stop()
  expect(logged).toEqual([{ ticks: 1 }, { ticks: 3 }])
  expect(clock.timerCount).toBe(0)
})
