/**
 * Bounds the work for commands and connections: of one client, of one address, and of all clients. Main thread.
 * Work is measured in bytes; docs/limits.md says how much each thing costs. A new connection shares its address's
 * budget.
 */
import type { Clock } from '../common/clock.js'
import type { PatientClock } from '../common/patient-clock.js'
import { TokenBucket } from '../common/token-bucket.js'
import type { HandlerOptions } from '../config/config.js'
import { AddressBuckets } from './address-buckets.js'

/** The work for a request to connect, without its URL and symbols. */
export const WORK_PER_CONNECTION = 2048
/** The work for each symbol of a URL or a command. */
export const WORK_PER_SYMBOL = 64
/** A command may wait this long for its budget. Beyond that it is refused. */
export const WAIT_MS_MAX = 1000
/** After a quiet time a budget holds the work of so many seconds. */
export const BURST_SECONDS = 8
/**
 * Of all clients' work so much is done at once: that of so many milliseconds at the pace. The ticks of others wait for
 * it, and then have their turn.
 */
const PACE_BURST_MS = 4

export interface WorkBudgetsDeps {
  readonly settings: HandlerOptions
  readonly clock: Clock
  readonly patience: Pick<PatientClock, 'heldUpMs'>
}

export class WorkBudgets {
  private readonly deps: WorkBudgetsDeps
  /**
   * Spreads the work that the budgets allow at once: after a quiet time, all that a total budget holds would keep the
   * thread for a third of a second.
   */
  readonly pace: TokenBucket
  private readonly total: TokenBucket
  private readonly byAddress: AddressBuckets

  constructor(deps: WorkBudgetsDeps) {
    this.deps = deps
    const { totalWorkPerSecond } = deps.settings
    const perSecond = totalWorkPerSecond * BURST_SECONDS
    // A thread that was held up must not be given as much work at once as it would have had meanwhile.
    const patience = { heldUpMs: () => 0 }
    this.pace = new TokenBucket(perSecond, deps.clock, patience, (perSecond * PACE_BURST_MS) / 1000)
    this.total = this.bucket(totalWorkPerSecond)
    this.byAddress = new AddressBuckets(() => this.bucket(deps.settings.addressWorkPerSecond))
  }

  get addressCount(): number {
    return this.byAddress.count
  }

  /**
   * The budgets of a request to connect. They leave out the pace, which the request waits for in its queue.
   *
   * @param address undefined: the connection has none, and only the total budget counts
   */
  ofConnection(address: string | undefined): WorkBudget {
    return new WorkBudget(undefined, () => this.shared(address))
  }

  ofClient(address: string | undefined): WorkBudget {
    const own = this.bucket(this.deps.settings.clientWorkPerSecond)
    return new WorkBudget(own, () => [...this.shared(address), this.pace])
  }

  private shared(address: string | undefined): TokenBucket[] {
    return address === undefined ? [this.total] : [this.byAddress.of(address), this.total]
  }

  private bucket(perSecond: number): TokenBucket {
    const { clock, patience } = this.deps
    return new TokenBucket(perSecond, clock, patience, perSecond * BURST_SECONDS)
  }
}

/** The budgets that one client or connection is charged to. Each must have paid its debt before the next command. */
export class WorkBudget {
  private readonly own: TokenBucket | undefined
  private readonly shared: () => readonly TokenBucket[]

  constructor(own: TokenBucket | undefined, shared: () => readonly TokenBucket[]) {
    this.own = own
    this.shared = shared
  }

  /**
   * Reserves work. Reservations are served in the order in which they are made.
   *
   * @returns how long the work has to wait; undefined, and nothing is reserved, when that is longer than WAIT_MS_MAX
   */
  reserve(work: number): number | undefined {
    const waitMs = this.debtMs()
    if (waitMs > WAIT_MS_MAX) return undefined
    this.charge(work)
    return waitMs
  }

  /** Charges work that was done, or gives back what was reserved too much. */
  charge(work: number): void {
    this.own?.charge(work)
    for (const bucket of this.shared()) bucket.charge(work)
  }

  /** Charges the client alone: many clients that were sent much must not put others into debt. */
  chargeOwn(work: number): void {
    this.own?.charge(work)
  }

  /** Takes from the shared budgets what they have, up to `work`. */
  spendShared(work: number): void {
    for (const bucket of this.shared()) bucket.spend(work)
  }

  /** The time until every debt is paid. */
  debtMs(): number {
    const sharedMs = this.shared().map(bucket => bucket.debtMs())
    return Math.max(this.own?.debtMs() ?? 0, ...sharedMs)
  }
}
