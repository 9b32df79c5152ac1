/**
 * Logs that ticks of the past could not be read, at most once a minute: each client that waits for them asks several times.
 * Main thread.
 */
import type { Clock } from '../common/clock.js'
import type { Log } from '../common/log.js'

/** The least time between two lines. */
const QUIET_MS = 60_000

export class HistoryFailures {
  private readonly clock: Pick<Clock, 'nowMs'>
  private readonly log: Log
  private unlogged = 0
  private quietUntilMs = Number.NEGATIVE_INFINITY

  constructor(clock: Pick<Clock, 'nowMs'>, log: Log) {
    this.clock = clock
    this.log = log
  }

  /** @param reason one sentence */
  failed(reason: string): void {
    this.unlogged++
    const nowMs = this.clock.nowMs()
    if (nowMs < this.quietUntilMs) return
    this.quietUntilMs = nowMs + QUIET_MS
    this.log.warn(
      { failures: this.unlogged, reason },
      'old ticks could not be read: a client that wants them waits up to five seconds for a further try, and is told a gap then',
    )
    this.unlogged = 0
  }
}
