/**
 * The rules for the times that a caller of `shutdown` gives.
 */
import { TIMER_MS_MAX } from '../common/clock.js'
import type { OptionRule } from '../config/option-check.js'
import type { ShutdownTimes } from './shutdown.js'

const isMs = (value: unknown): value is number => typeof value === 'number' && value <= TIMER_MS_MAX

export const shutdownRules: Readonly<Record<keyof ShutdownTimes, OptionRule>> = {
  drainMs: {
    rule: `must be a number of milliseconds from 0 to ${TIMER_MS_MAX}`,
    holds: value => isMs(value) && value >= 0,
  },
  timeoutMs: {
    rule: `must be a positive number of milliseconds up to ${TIMER_MS_MAX}`,
    holds: value => isMs(value) && value > 0,
  },
}
