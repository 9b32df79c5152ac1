/**
 * What a handler may be given besides its settings.
 */
import type { Authenticate, Authorize } from '../clients/access/identity.js'
import type { Clock } from '../common/clock.js'
import type { Log } from '../common/log.js'
import { clockRule, type OptionRule, withMethods } from '../config/option-check.js'

export interface StreamHandlerParts {
  /** Default: the time of the system. */
  readonly clock?: Clock
  /** Default: a log that is silent. */
  readonly log?: Log
  /** Whether a hole in the feed's positions is a loss. False for a source of some symbols only. Default true. */
  readonly positionsTellLosses?: boolean
  /** Whether several endpoints of one feed send the same ticks, and a tick whose position came before is dropped. Default false. */
  readonly ticksAreRepeated?: boolean
  /** Says who a client is. Default: everybody is let in and may have everything. */
  readonly authenticate?: Authenticate
  /** Says what of its entries a client may see, beside what its identity says. Needs `authenticate`. */
  readonly authorize?: Authorize
  /** URL of the worker's file, for tests. */
  readonly laneFile?: string
}

export const partRules: Readonly<Record<keyof StreamHandlerParts, OptionRule>> = {
  clock: clockRule,
  log: withMethods('debug', 'info', 'warn', 'error'),
  positionsTellLosses: { rule: 'must be true or false', holds: value => typeof value === 'boolean' },
  ticksAreRepeated: { rule: 'must be true or false', holds: value => typeof value === 'boolean' },
  authenticate: { rule: 'must be a function', holds: value => typeof value === 'function' },
  authorize: { rule: 'must be a function', holds: value => typeof value === 'function' },
  laneFile: { rule: 'must be the URL of a file', holds: value => typeof value === 'string' },
}
