/** A state of the source that a library's user tells, and the rules for it. Main thread. */
import type { OptionRule } from '../config/option-check.js'
import { type FeedState, REASON_LENGTH_MAX } from '../protocol/messages.js'

export interface PushedState {
  readonly state: FeedState
  readonly reason?: string | undefined
}

const CONTROL_OR_HALF_PAIR = /[\p{Cc}\p{Cs}]/u

export const pushedStateRules: Readonly<Record<keyof PushedState, OptionRule>> = {
  state: {
    rule: "must be 'down' or 'live'",
    isRequired: true,
    holds: value => value === 'down' || value === 'live',
  },
  reason: {
    rule: `must be one sentence of 1 to ${REASON_LENGTH_MAX} characters, in one line of well-formed Unicode`,
    holds: value =>
      typeof value === 'string' &&
      value.length >= 1 &&
      value.length <= REASON_LENGTH_MAX &&
      !CONTROL_OR_HALF_PAIR.test(value),
  },
}
