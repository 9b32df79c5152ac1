/**
 * Asks `authenticate` who a client is: a bounded number at once, each for a bounded time. Main thread.
 * An answer that is late, wrong or an error lets nobody in.
 */
import type { Clock, Timer } from '../../common/clock.js'
import type { Log } from '../../common/log.js'
import {
  type AccessAnswer,
  type AccessDenied,
  type AccessRequest,
  type Authenticate,
  type Identity,
  type IdentityLimits,
  identityFault,
  isDenied,
} from './identity.js'

/** Requests that are asked about at once. */
export const ASKED_MAX = 64

export interface GatekeeperDeps {
  readonly authenticate: Authenticate
  readonly limits: IdentityLimits
  /** An answer must come in this time, and so must the turn of the request. */
  readonly timeoutMs: number
  /** Requests that wait for their turn at most. */
  readonly waitingMax: number
  readonly clock: Pick<Clock, 'nowMs' | 'after'>
  readonly log: Log
}

/** All but the signal, which is the gatekeeper's. */
export type Credentials = Omit<AccessRequest, 'signal'>

interface Waiting {
  readonly ask: () => void
  readonly giveUp: () => void
}

const UNAVAILABLE: AccessDenied = {
  code: 'auth_unavailable',
  denied: 'nobody can say now who you are: try again later',
}

export class Gatekeeper {
  private readonly deps: GatekeeperDeps
  private readonly waiting = new Set<Waiting>()
  private askedCount = 0

  constructor(deps: GatekeeperDeps) {
    this.deps = deps
  }

  /** Requests that wait for their turn, and those that are asked about. */
  get count(): number {
    return this.waiting.size + this.askedCount
  }

  /** Never rejects. */
  async check(credentials: Credentials): Promise<AccessAnswer> {
    return (await this.turn()) ? await this.ask(credentials) : UNAVAILABLE
  }

  close(): void {
    for (const { giveUp } of [...this.waiting]) giveUp()
  }

  /** @returns false when too many wait, or the wait was too long */
  private turn(): Promise<boolean> {
    const { clock, timeoutMs, waitingMax } = this.deps
    if (this.askedCount < ASKED_MAX) {
      this.askedCount++
      return Promise.resolve(true)
    }
    if (this.waiting.size >= waitingMax) return Promise.resolve(false)
    return new Promise(resolve => {
      const end = (hasTurn: boolean) => () => {
        timer.cancel()
        this.waiting.delete(waiting)
        resolve(hasTurn)
      }
      const waiting: Waiting = { ask: end(true), giveUp: end(false) }
      const timer = clock.after(timeoutMs, waiting.giveUp)
      this.waiting.add(waiting)
    })
  }

  private async ask(credentials: Credentials): Promise<AccessAnswer> {
    const { authenticate, clock, log, timeoutMs } = this.deps
    const late = new AbortController()
    let timer: Timer | undefined
    const timedOut = new Promise<AccessDenied>(resolve => {
      timer = clock.after(timeoutMs, () => {
        late.abort()
        resolve(UNAVAILABLE)
      })
    })
    try {
      const answer = await Promise.race([authenticate({ ...credentials, signal: late.signal }), timedOut])
      return this.checked(answer)
    } catch (err) {
      log.error({ err, address: credentials.address }, 'authenticate has failed: the client is refused')
      return UNAVAILABLE
    } finally {
      timer?.cancel()
      this.passTurn()
    }
  }

  /** The next request that waits has the turn of one that is done. */
  private passTurn(): void {
    for (const { ask } of this.waiting) {
      ask()
      return
    }
    this.askedCount--
  }

  private checked(answer: AccessAnswer): AccessAnswer {
    if (answer === undefined || isDenied(answer)) return answer
    const fault = identityFault(answer, this.deps.limits)
    return fault === undefined ? pruned(answer) : { code: 'bad_identity', denied: fault }
  }
}

/** Without what else the answer may hold. */
function pruned({
  connectionsMax,
  entriesMax,
  expiresMs,
  latestIntervalMs,
  symbols,
  user,
}: Identity): Identity {
  return { user, symbols, latestIntervalMs, connectionsMax, entriesMax, expiresMs }
}
