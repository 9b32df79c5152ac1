/**
 * The time and timers. Any thread. Injected, so that tests need not wait.
 * `nowMs` never goes back and counts from an arbitrary start. `epochUs` is wall-clock time.
 */
import { performance } from 'node:perf_hooks'

export interface Timer {
  /** Safe to call at any time, and twice. */
  cancel(): void
}

export interface Clock {
  /** Monotonic milliseconds with a fraction. */
  nowMs(): number
  /** Microseconds since the Unix epoch. */
  epochUs(): number
  /** Calls `callback` once after `delayMs`. The timer does not keep the process alive. */
  after(delayMs: number, callback: () => void): Timer
  /** Calls `callback` every `periodMs`. The timer does not keep the process alive. */
  every(periodMs: number, callback: () => void): Timer
}

/** A longer timer fires at once: https://nodejs.org/docs/latest-v20.x/api/timers.html#settimeoutcallback-delay-args */
export const TIMER_MS_MAX = 2 ** 31 - 1

/** Read once, because reading `performance.timeOrigin` costs half as much as reading the time. */
const TIME_ORIGIN_MS = performance.timeOrigin

export const systemClock: Clock = {
  nowMs: () => performance.now(),
  epochUs: () => Math.floor((TIME_ORIGIN_MS + performance.now()) * 1000),
  after(delayMs, callback) {
    const timeout = setTimeout(callback, delayMs).unref()
    return { cancel: () => clearTimeout(timeout) }
  },
  every(periodMs, callback) {
    const interval = setInterval(callback, periodMs).unref()
    return { cancel: () => clearInterval(interval) }
  },
}
