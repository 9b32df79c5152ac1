/**
 * The time and timers. Any thread. Injected, so that tests need not wait.
 * `nowMs` never goes back and counts from an arbitrary start. `epochUs` does not go back either, and is the same in all
 * threads. What others are told is `epochUs` + `aheadUs`, the time of the system's clock.
 */
import { performance } from 'node:perf_hooks'
import { WallClock } from './wall-clock.js'

export interface Timer {
  /** Safe to call at any time, and twice. */
  cancel(): void
}

export interface Clock {
  /** Monotonic milliseconds with a fraction. */
  nowMs(): number
  /** Monotonic microseconds since the Unix epoch, by the system's clock as it was when the process started. */
  epochUs(): number
  /** How many microseconds the system's clock has been stepped ahead of `epochUs` since then. Cheap. */
  aheadUs(): number
  /** Calls `callback` once after `delayMs`. The timer does not keep the process alive. */
  after(delayMs: number, callback: () => void): Timer
  /** Calls `callback` every `periodMs`. The timer does not keep the process alive. */
  every(periodMs: number, callback: () => void): Timer
}

/** The time of the system's clock, µs since the Unix epoch. */
export function wallUs(clock: Pick<Clock, 'epochUs' | 'aheadUs'>): number {
  return clock.epochUs() + clock.aheadUs()
}

/** A longer timer fires at once: https://nodejs.org/docs/latest-v20.x/api/timers.html#settimeoutcallback-delay-args */
export const TIMER_MS_MAX = 2 ** 31 - 1

/** Read once, because reading `performance.timeOrigin` costs half as much as reading the time. */
const TIME_ORIGIN_MS = performance.timeOrigin

const wallClock = new WallClock(
  () => TIME_ORIGIN_MS + performance.now(),
  () => Date.now(),
)

export const systemClock: Clock = {
  nowMs: () => performance.now(),
  epochUs: () => Math.floor((TIME_ORIGIN_MS + performance.now()) * 1000),
  aheadUs: () => wallClock.aheadUs(),
  after(delayMs, callback) {
    const timeout = setTimeout(callback, delayMs).unref()
    return { cancel: () => clearTimeout(timeout) }
  },
  every(periodMs, callback) {
    const interval = setInterval(callback, periodMs).unref()
    return { cancel: () => clearInterval(interval) }
  },
}
