/**
 * Logs that the feed has broken its count of positions, at most once a minute: a feed may break it with every tick. Main
 * thread.
 */
import type { Clock } from '../common/clock.js'
import type { Log } from '../common/log.js'

/** The least time between two lines. */
const QUIET_MS = 60_000

export class PositionWatch {
  private readonly clock: Pick<Clock, 'nowMs'>
  private readonly log: Log
  private unloggedBreaks = 0
  private quietUntilMs = Number.NEGATIVE_INFINITY

  constructor(clock: Pick<Clock, 'nowMs'>, log: Log) {
    this.clock = clock
    this.log = log
  }

  broken(): void {
    this.unloggedBreaks++
    if (this.clock.nowMs() >= this.quietUntilMs) this.tell()
  }

  /** Logs the breaks that have not been logged. */
  stop(): void {
    if (this.unloggedBreaks > 0) this.tell()
  }

  private tell(): void {
    this.log.warn(
      { ticks: this.unloggedBreaks },
      'positions of the feed went back or jumped too far to be true, and clients were told a gap of unknown size: ' +
        'correct how the feed counts, see Tick.position in proto/ringcast.proto',
    )
    this.unloggedBreaks = 0
    this.quietUntilMs = this.clock.nowMs() + QUIET_MS
  }
}
