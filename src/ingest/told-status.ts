/** The state of the feed that clients were told last, and the next one. Main thread. */
import { type FeedStatus, STATUS_AT_START } from '../lane-protocol/stream-events.js'
import type { FeedState } from '../protocol/messages.js'

export class ToldStatus {
  private newest = STATUS_AT_START

  /** The state that was told last; undefined: none. */
  get state(): FeedState | undefined {
    return this.newest.number > 0 ? this.newest.feed : undefined
  }

  /**
   * @param sinceUs when the feed came into this state; kept from before where the state is the same
   * @returns the new status; undefined: nothing has changed
   */
  change(feed: FeedState, reason: string | undefined, sinceUs: number): FeedStatus | undefined {
    const { number, ...before } = this.newest
    const isSameState = number > 0 && before.feed === feed
    if (isSameState && before.reason === reason) return undefined
    this.newest = { number: number + 1, feed, sinceUs: isSameState ? before.sinceUs : sinceUs, reason }
    return this.newest
  }
}
