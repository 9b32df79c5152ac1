/**
 * Decides when clients are told what a source says of itself. Main thread.
 *
 *   down   after a moment: a feed that ends its stream and sends again at once was not lost
 *   live   behind the next message, since the lanes find at its ticks what is missing, and so behind the gap; if a feed
 *          is quiet, a second later: a feed that refuses the call has done so by then
 */
import { type Clock, type Timer, wallUs } from '../common/clock.js'
import type { FeedState } from '../protocol/messages.js'

/** Clients are to know of a loss within a second, ms. */
export const DOWN_AFTER_MS = 300
export const LIVE_AFTER_MS = 1_000

export interface SourceStateDeps {
  readonly clock: Pick<Clock, 'after' | 'aheadUs' | 'epochUs'>
  /** The state that clients were told last; undefined: none. */
  readonly told: () => FeedState | undefined
  readonly tell: (state: FeedState, reason: string | undefined, sinceUs: number) => void
}

export class SourceState {
  private readonly deps: SourceStateDeps
  private downTimer: Timer | undefined
  private liveTimer: Timer | undefined
  private liveReason: string | undefined

  constructor(deps: SourceStateDeps) {
    this.deps = deps
  }

  set(state: FeedState, reason: string | undefined): void {
    if (state === 'live') this.setLive(reason)
    else this.setDown(reason)
  }

  /** A message is in the log. */
  messagePushed(): void {
    if (this.liveTimer !== undefined) this.confirmLive()
  }

  /** Forgets what was not told. */
  stop(): void {
    this.downTimer?.cancel()
    this.downTimer = undefined
    this.liveTimer?.cancel()
    this.liveTimer = undefined
  }

  private setDown(reason: string | undefined): void {
    const { clock, tell, told } = this.deps
    this.liveTimer?.cancel()
    this.liveTimer = undefined
    const sinceUs = wallUs(clock)
    if (told() !== 'live') tell('down', reason, sinceUs)
    else
      this.downTimer ??= clock.after(DOWN_AFTER_MS, () => {
        this.downTimer = undefined
        tell('down', reason, sinceUs)
      })
  }

  private setLive(reason: string | undefined): void {
    this.liveReason = reason
    this.liveTimer ??= this.deps.clock.after(LIVE_AFTER_MS, () => this.confirmLive())
  }

  private confirmLive(): void {
    const { clock, tell } = this.deps
    this.stop()
    tell('live', this.liveReason, wallUs(clock))
  }
}
