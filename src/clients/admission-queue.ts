/**
 * Lets clients in at a steady pace: to accept a client takes the time in which others would get their ticks. Main thread.
 * Those that come faster wait, the oldest first, and so they do while other work has its turn. The number in a second
 * and the longest wait bound how many.
 */
import type { Duplex } from 'node:stream'
import type { Clock, Timer } from '../common/clock.js'
import { TokenBucket } from '../common/token-bucket.js'
import type { CounterWriter } from '../memory/counters.js'
import { MAIN_SLOTS } from '../metrics/metric-table.js'
import { holdSocket } from './held-socket.js'

/** The longest wait. Clients and balancers give a handshake more time than this. */
export const ADMISSION_WAIT_MS_MAX = 10_000
/** After a quiet time, the clients of so long a time are let in at once. */
const BURST_MS = 100
/** How often to look while clients wait: a few clients each time. */
const LOOK_MS = 10

export interface AdmissionQueueDeps {
  /** Clients that are let in in a second. */
  readonly perSecond: number
  /** The pace of the work for all clients. */
  readonly pace: Pick<TokenBucket, 'charge' | 'debtMs'>
  readonly clock: Clock
  readonly counters: Pick<CounterWriter, 'values'>
}

interface Waiting {
  readonly work: number
  readonly letIn: () => void
  readonly release: () => void
}

/** `now`: to be let in at once. `waits`: `letIn` is called later, or the connection ends. `full`: to be refused. */
export type AdmissionTurn = 'now' | 'waits' | 'full'

export class AdmissionQueue {
  private readonly clock: Clock
  private readonly counters: Pick<CounterWriter, 'values'>
  private readonly bucket: TokenBucket
  private readonly pace: Pick<TokenBucket, 'charge' | 'debtMs'>
  private readonly countMax: number
  private readonly waiting = new Map<Duplex, Waiting>()
  private timer: Timer | undefined

  constructor({ clock, counters, pace, perSecond }: AdmissionQueueDeps) {
    this.clock = clock
    this.pace = pace
    this.counters = counters
    this.countMax = Math.ceil((perSecond * ADMISSION_WAIT_MS_MAX) / 1000)
    // A thread that was held up by work must not be given as much work at once as it would have had meanwhile.
    const patience = { heldUpMs: () => 0 }
    const burst = Math.max(1, Math.ceil((perSecond * BURST_MS) / 1000))
    this.bucket = new TokenBucket(perSecond, clock, patience, burst)
  }

  get count(): number {
    return this.waiting.size
  }

  /**
   * @param work for letting the connection in
   * @param letIn called when the turn of the connection comes; not after `now` or `full`
   */
  enter(socket: Duplex, work: number, letIn: () => void): AdmissionTurn {
    const { waiting } = this
    if (waiting.size === 0 && this.tryTake(work)) return 'now'
    if (waiting.size >= this.countMax) return 'full'
    const release = holdSocket(socket, () => {
      waiting.delete(socket)
      this.writeCount()
    })
    waiting.set(socket, { work, letIn, release })
    this.writeCount()
    this.timer ??= this.clock.every(LOOK_MS, () => this.letIn())
    return 'waits'
  }

  /** Nobody is let in any more. @returns the connections that were waiting, which nobody watches now */
  close(): Duplex[] {
    this.stopLooking()
    const sockets = [...this.waiting.keys()]
    for (const { release } of this.waiting.values()) release()
    this.waiting.clear()
    this.writeCount()
    return sockets
  }

  private letIn(): void {
    for (const [socket, { letIn, release, work }] of this.waiting) {
      if (!this.tryTake(work)) return
      this.waiting.delete(socket)
      this.writeCount()
      release()
      letIn()
    }
    this.stopLooking()
  }

  private tryTake(work: number): boolean {
    if (this.pace.debtMs() > 0 || !this.bucket.tryTake()) return false
    this.pace.charge(work)
    return true
  }

  private writeCount(): void {
    this.counters.values[MAIN_SLOTS.connectionsWaiting] = this.waiting.size
  }

  private stopLooking(): void {
    this.timer?.cancel()
    this.timer = undefined
  }
}
