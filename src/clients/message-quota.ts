/**
 * How many messages one client may send. Main thread.
 */
import type { Clock } from '../common/clock.js'
import { RateLimit } from '../common/token-bucket.js'

/**
 * Messages beyond those that it may send in a second that are refused before a client is closed; each second gives back as many
 * as it may send. A client that asks for all its symbols at once, one by one, is told which of them to ask for again.
 */
const REFUSALS_MAX = 1000

export class MessageLimits {
  /** Messages that are looked at … */
  readonly commands: RateLimit
  /** … those beyond that are refused, or else the client is closed … */
  readonly refusals: RateLimit
  /** … and answers to refused ones that have no id. */
  readonly warnings: RateLimit

  constructor(perSecond: number, clock: Clock) {
    this.commands = new RateLimit(perSecond, clock)
    this.refusals = new RateLimit(perSecond, clock, REFUSALS_MAX)
    this.warnings = new RateLimit(1, clock)
  }
}
