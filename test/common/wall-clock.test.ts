import { expect, it } from 'vitest'
import { WallClock } from '../../src/common/wall-clock.js'

const START_MS = 1_700_000_000_000.25

/** A monotonic clock that goes on by 10 µs with each reading, and a system's clock that is so far ahead. */
function clocks(): { pass(ms: number): void; step(ms: number): void; clock: WallClock } {
  let nowMs = START_MS
  let aheadMs = 0
  const tick = () => {
    nowMs += 0.01
  }
  const clock = new WallClock(
    () => {
      tick()
      return nowMs
    },
    () => {
      tick()
      return Math.floor(nowMs + aheadMs)
    },
  )
  return {
    clock,
    pass: ms => {
      nowMs += ms
    },
    step: ms => {
      aheadMs += ms
    },
  }
}

it.each([3_600_000, -3_600_000.4, 6.2])(
  'follows a step of %d ms within a second, to some microseconds',
  stepMs => {
    const { clock, pass, step } = clocks()
    expect(clock.aheadUs()).toBe(0)
    step(stepMs)
    pass(500)
    expect(clock.aheadUs()).toBe(0)
    pass(501)
    expect(Math.abs(clock.aheadUs() - stepMs * 1000)).toBeLessThan(50)
    step(-stepMs)
    pass(1_001)
    expect(Math.abs(clock.aheadUs())).toBeLessThan(50)
  },
)

it('takes the truncation of the clock of the system for no step', () => {
  const { clock, pass, step } = clocks()
  step(0.9)
  for (let second = 0; second < 100; second++) {
    expect(clock.aheadUs()).toBe(0)
    pass(1_000.37)
  }
})

it('does not wait for a system clock that stands still', () => {
  let nowMs = START_MS
  const clock = new WallClock(
    () => {
      nowMs += 0.1
      return nowMs
    },
    () => 5,
  )
  expect(clock.aheadUs()).toBeLessThan(0)
})
