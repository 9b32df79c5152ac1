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

interface Buckets {
  readonly commands: TokenBucket
  readonly refusals: TokenBucket
  /** Errors for refused messages without an id. */
  readonly errors: TokenBucket
}

export interface MessageQuotaDeps {
  readonly perSecond: number
  readonly clock: Clock
  readonly patience: Pick<PatientClock, 'heldUpMs'>
}

export class MessageQuota {
  readonly #deps: MessageQuotaDeps
  /** Made with the first message: most clients send none. */
  #buckets: Buckets | undefined

  constructor(deps: MessageQuotaDeps) {
    this.#deps = deps
  }

  /** Counts one message. */
  judge(): Verdict {
    this.#buckets ??= buckets(this.#deps)
    if (this.#buckets.commands.tryTake()) return 'accept'
    return this.#buckets.refusals.tryTake() ? 'refuse' : 'close'
  }

  /** Whether a refused message without an id gets an error: one in a second does. */
  tryError(): boolean {
    this.#buckets ??= buckets(this.#deps)
    return this.#buckets.errors.tryTake()
  }
}

function buckets({ perSecond, clock, patience }: MessageQuotaDeps): Buckets {
  return {
    commands: new TokenBucket(perSecond, clock, patience),
    refusals: new TokenBucket(perSecond, clock, patience, REFUSALS_MAX),
    errors: new TokenBucket(1, clock, patience),
  }
}
