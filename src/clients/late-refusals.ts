/**
 * Refuses requests to connect after a while, so that a client which connects again at each refusal cannot do so often.
 * Main thread.
 */
import type { Duplex } from 'node:stream'
import type { Clock } from '../common/clock.js'
import { holdSocket } from './held-socket.js'

export const REFUSED_AFTER_MS = 1000
/** Requests that wait for their refusal at most. One more, and the oldest is refused at once. */
export const LATE_REFUSALS_MAX = 1000

export class LateRefusals {
  private readonly clock: Pick<Clock, 'after'>
  private readonly refuse: (socket: Duplex) => void
  /** Refuses each request that waits, at once. The oldest first. */
  private readonly waiting = new Map<Duplex, () => void>()

  /** @param refuse writes the response */
  constructor(clock: Pick<Clock, 'after'>, refuse: (socket: Duplex) => void) {
    this.clock = clock
    this.refuse = refuse
  }

  get count(): number {
    return this.waiting.size
  }

  add(socket: Duplex): void {
    const { clock, refuse, waiting } = this
    if (waiting.size >= LATE_REFUSALS_MAX) waiting.values().next().value?.()
    const forget = (): void => {
      timer.cancel()
      waiting.delete(socket)
      release()
    }
    const end = (): void => {
      forget()
      refuse(socket)
    }
    const timer = clock.after(REFUSED_AFTER_MS, end)
    const release = holdSocket(socket, forget)
    waiting.set(socket, end)
  }

  /** Refuses all requests that wait. */
  flush(): void {
    for (const end of [...this.waiting.values()]) end()
  }
}
