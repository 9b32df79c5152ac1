/** A gap that a library's user tells, and the rules for its fields. Main thread. */
import type { OptionRule } from '../config/option-check.js'
import { type GapReason, MISSED_MAX } from '../protocol/messages.js'

/** The reasons that a user can know of. Ringcast itself finds the others. */
const PUSHED_GAP_REASONS = ['upstream', 'malformed', 'overload'] as const satisfies readonly GapReason[]

export interface PushedGap {
  /** Ticks of any symbol that will not be pushed, 1 to 2^40; null: nobody knows how many, if any. */
  readonly missed: number | null
  /**
   * upstream (default): the ticks did not come. malformed: what came was no tick. overload: the ticks came, and
   * `broadcastTick` returned false.
   */
  readonly reason?: (typeof PUSHED_GAP_REASONS)[number]
}

export const pushedGapRules: Readonly<Record<keyof PushedGap, OptionRule>> = {
  missed: {
    rule: `must be a whole number from 1 to ${MISSED_MAX}, or null where nobody knows it`,
    isRequired: true,
    holds: value => value === null || isCount(value),
  },
  reason: {
    rule: "must be 'upstream', 'malformed' or 'overload'",
    holds: value => PUSHED_GAP_REASONS.some(reason => reason === value),
  },
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= MISSED_MAX
}
