/** A clock that runs faster than that of the system, so that tests need not wait for what takes seconds. */
import { type Clock, systemClock } from '../../src/common/clock.js'

export function fastClock(times: number): Clock {
  return {
    nowMs: () => systemClock.nowMs() * times,
    epochUs: () => systemClock.epochUs(),
    aheadUs: () => 0,
    after: (delayMs, callback) => systemClock.after(delayMs / times, callback),
    every: (periodMs, callback) => systemClock.every(periodMs / times, callback),
  }
}
