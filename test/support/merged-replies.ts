/** Counts snapshots for several commands that were done together, at least one of them an `unsubscribe`. */
import type { ServerMessage } from '../../src/protocol/messages.js'

export class MergedReplies {
  snapshots = 0
  /** The types of the replies since the last other message. */
  private readonly lastReplies: ServerMessage['type'][] = []

  take({ type }: ServerMessage): void {
    const { lastReplies } = this
    if (type === 'subscribed' || type === 'unsubscribed') lastReplies.push(type)
    else if (type !== 'error' && type !== 'status') {
      if (type === 'snapshot' && lastReplies.length > 1 && lastReplies.includes('unsubscribed'))
        this.snapshots++
      lastReplies.length = 0
    }
  }
}
