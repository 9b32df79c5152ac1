/**
 * How many messages one client may send. Main thread. Each message counts, whatever it says.
 */
import type { Clock } from '../common/clock.js'
import type { PatientClock } from '../common/patient-clock.js'
import { TokenBucket } from '../common/token-bucket.js'

/**
 * Refused messages before the client is closed. So a client that sends a command for each of its 1,000 symbols at once
 * is told which commands it has to repeat.
 */
const REFUSALS_MAX = 1000

/** `accept` the message, `refuse` it, or `close` the client, which has sent far too many. */
export type Verdict = 'accept' | 'refuse' | 'close'

export class MessageQuota {
  private readonly commands: TokenBucket
  private readonly refusals: TokenBucket
  /** Errors for refused messages without an id. */
  private readonly errors: TokenBucket

  constructor(perSecond: number, clock: Clock, patience: Pick<PatientClock, 'heldUpMs'>) {
    this.commands = new TokenBucket(perSecond, clock, patience)
    this.refusals = new TokenBucket(perSecond, clock, patience, REFUSALS_MAX)
    this.errors = new TokenBucket(1, clock, patience)
  }

  /** Counts one message. */
  judge(): Verdict {
    if (this.commands.tryTake()) return 'accept'
    return this.refusals.tryTake() ? 'refuse' : 'close'
  }

  /** Whether a refused message without an id gets an error: one in a second does. */
  tryError(): boolean {
    return this.errors.tryTake()
  }
}
