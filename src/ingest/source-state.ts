/**
 * Decides when clients are told what a source says of itself. Main thread. A feed that comes back may have lost ticks,
 * and the lanes find that at its first tick. So `live` is told behind the first message, and behind the gap. A feed
 * that is quiet is told as live a moment later.
 */
import type { Clock, Timer } from '../common/clock.js'
import type { FeedState } from '../protocol/messages.js'

/** How long a live feed may send nothing before clients are told that it is live, ms. */
export const QUIET_MS = 500

export class SourceState {
  private readonly clock: Pick<Clock, 'after'>
  private readonly tell: (state: FeedState, reason: string | undefined) => void
  /** Undefined: nothing waits to be told. */
  private liveTimer: Timer | undefined
  private liveReason: string | undefined

  constructor(clock: Pick<Clock, 'after'>, tell: (state: FeedState, reason: string | undefined) => void) {
    this.clock = clock
    this.tell = tell
  }

  set(state: FeedState, reason: string | undefined): void {
    this.stop()
    if (state === 'down') this.tell(state, reason)
    else {
      this.liveReason = reason
      this.liveTimer = this.clock.after(QUIET_MS, () => this.tellLive())
    }
  }

  /** A message is in the log. */
  messagePushed(): void {
    if (this.liveTimer !== undefined) this.tellLive()
  }

  stop(): void {
    this.liveTimer?.cancel()
    this.liveTimer = undefined
  }

  private tellLive(): void {
    this.stop()
    this.tell('live', this.liveReason)
  }
}
