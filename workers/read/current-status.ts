/**
 * The state of the feed at the place where the lane reads, and the frame that tells it to clients. One lane's own.
 */
import type { FeedStatus } from '../../src/lane-protocol/stream-events.js'
import type { FeedState } from '../../src/protocol/messages.js'
import { textFrames } from '../../src/protocol/text-frames.js'

const NO_BYTES = new Uint8Array(0)

export class CurrentStatus {
  private status: FeedStatus
  private message: Uint8Array

  constructor(status: FeedStatus) {
    this.status = status
    this.message = statusFrame(status)
  }

  /** Counts the changes, see FeedStatus. */
  get number(): number {
    return this.status.number
  }

  get feed(): FeedState {
    return this.status.feed
  }

  /** The message as a frame: the same for all clients. */
  get frame(): Uint8Array {
    return this.message
  }

  change(status: FeedStatus): void {
    this.status = status
    this.message = statusFrame(status)
  }

  /** The frame for a client that was told the status `told` last; empty when the client knows the current one. */
  frameAfter(told: number): Uint8Array {
    return told < this.number ? this.message : NO_BYTES
  }
}

function statusFrame({ feed, reason, sinceUs }: FeedStatus): Uint8Array {
  return textFrames([{ type: 'status', feed, since: sinceUs, ...(reason === undefined ? {} : { reason }) }])
}
