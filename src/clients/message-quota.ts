/**
 * How many messages one client may send. Main thread.
 */
import type { Clock } from '../common/clock.js'
import type { PatientClock } from '../common/patient-clock.js'
import { TokenBucket } from '../common/token-bucket.js'

/**
 * Messages beyond those that it may send in a second that are refused before a client is closed; each second gives back as many
 * as it may send. A client that asks for all its symbols at once, one by one, is told which of them to ask for again.
 */
const REFUSALS_MAX = 1000

export class MessageQuota {
  /** Messages that are looked at … */
  readonly commands: TokenBucket
  /** … those beyond that are refused, or else the client is closed … */
  readonly refusals: TokenBucket
  /** … and answers to refused ones that have no id. */
  readonly warnings: TokenBucket

  constructor(perSecond: number, clock: Clock, patience: PatientClock) {
    this.commands = new TokenBucket(perSecond, clock, patience)
    this.refusals = new TokenBucket(perSecond, clock, patience, REFUSALS_MAX)
    this.warnings = new TokenBucket(1, clock, patience)
  }
}
