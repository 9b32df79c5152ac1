/**
 * The settings of a process: its log, and how it stops. Any thread.
 */
import { LOG_LEVELS } from '../common/log.js'
import { choice, duration, durationOrUnset } from './setting-types.js'

export const ofProcess = {
  logLevel: choice('Least important log lines to print', {
    of: LOG_LEVELS,
    initial: 'info',
  }),
  logFormat: choice('Form of log lines; auto: text on a terminal, else JSON', {
    of: ['auto', 'json', 'text'],
    initial: 'auto',
  }),
  shutdownTimeoutMs: duration('How long the rest of an orderly stop may take', { initial: 10_000 }),
}

/** Of a gateway. */
export const drain = {
  drainDelayMs: durationOrUnset(
    'Clients are let in so long after SIGTERM; unset: 5 s if /readyz is polled, else 0',
    { min: 0 },
  ),
  drainMs: durationOrUnset('Clients are then sent away over this time; unset: 10 ms for each, at most 10 s', {
    min: 0,
  }),
}
