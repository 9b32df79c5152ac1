/**
 * Gives each tick its offset, and begins epochs. Main thread.
 *
 *   counted      1, 2, 3 … under a random name: the source names no epoch, or its ticks have no positions
 *   positional   the feed's positions under the feed's name, so that each gateway gives a tick the same offset
 *
 * The first tick of a session decides. A broken count ends a positional epoch: nobody can compare what follows.
 * Reasons: docs/decisions/0080-offsets-belong-to-the-stream.md.
 */
import { randomBytes } from 'node:crypto'
import type { LostEvent, StreamEpoch } from '../lane-protocol/stream-events.js'
import { NO_SYMBOL, NO_TICK } from '../ticks/tick-codec.js'
import { BROKEN, SESSION_BOUNDARY, WHOLE } from './feed-positions.js'
import type { SourceLoss } from './tick-sink.js'

/** A random name: 8 characters of base64url. */
export function randomEpochName(): string {
  return randomBytes(6).toString('base64url')
}

/** What stands in the stream for one tick. */
export interface NumberedTick {
  /** Stands before the tick. */
  readonly loss: LostEvent | undefined
  /** undefined: the tick has none, and the loss stands in its place. */
  readonly offset: number | undefined
}

export class OffsetCounter {
  private current: StreamEpoch
  /** The last offset that was given, to a tick or to a loss. */
  private last: number
  /** The name of the positions that the session has; undefined: none that offsets could be. */
  private feedEpoch: string | undefined
  /** The feed has broken the count of this name. */
  private brokenEpoch: string | undefined
  /** A session has begun, and its first tick has not come. */
  private isUndecided = false

  /**
   * @param name of the first epoch, until the source names one
   * @param after of a positional epoch with that name: the last position that came before. Left out: the epoch is counted
   */
  constructor(name: string, after?: number) {
    this.current = { number: 0, name, isShared: after !== undefined }
    this.last = after ?? 0
  }

  get epoch(): StreamEpoch {
    return this.current
  }

  /** @param feedEpoch see FeedSession */
  sessionStarted(feedEpoch: string | undefined): void {
    this.feedEpoch = feedEpoch
    this.isUndecided = true
  }

  /** Whether the tick has the offset after the last one, with nothing before it to tell. */
  isNext(position: number, verdict: number): boolean {
    if (this.isUndecided || verdict !== WHOLE) return false
    return !this.current.isShared || position === this.last + 1
  }

  /** The offset of a tick for which `isNext` holds. */
  next(): number {
    return ++this.last
  }

  /**
   * Numbers any tick.
   *
   * @param position of the tick; 0: it has none; NO_TICK: it is no tick; NO_SYMBOL: it is no tick, and nothing is lost
   * @param verdict of FeedPositions, but not SEEN
   */
  take(position: number, verdict: number): NumberedTick {
    if (this.isUndecided && position >= 0) {
      this.isUndecided = false
      if (this.canBePositional(position)) {
        const isSame = this.current.isShared && this.current.name === this.feedEpoch
        if (!isSame) return this.begin(this.feedEpoch!, position, true)
      } else if (this.current.isShared) return this.begin(randomEpochName(), 1, false)
    }
    return this.current.isShared ? this.takePositional(position, verdict) : this.takeCounted(verdict)
  }

  /** Ticks are lost behind the last one, and have no positions that anybody knows. */
  lose({ missed, reason }: SourceLoss): LostEvent {
    const from = this.last + 1
    // In a counted epoch a loss takes an offset, so that a client that resumes behind it is not told it again.
    if (!this.current.isShared) this.last++
    return { op: 'lost', reason, missed, from, to: from - 1, offset: this.last }
  }

  private canBePositional(position: number): boolean {
    return this.feedEpoch !== undefined && this.feedEpoch !== this.brokenEpoch && position > 0
  }

  private takeCounted(verdict: number): NumberedTick {
    if (verdict === WHOLE) return { loss: undefined, offset: ++this.last }
    const loss = this.lose({ reason: 'upstream', missed: verdict > 0 ? verdict : null })
    return { loss, offset: ++this.last }
  }

  private takePositional(position: number, verdict: number): NumberedTick {
    if (position === NO_SYMBOL) return { loss: undefined, offset: undefined }
    if (position === NO_TICK)
      return { loss: this.lose({ reason: 'malformed', missed: 1 }), offset: undefined }
    if (position <= this.last || verdict === BROKEN) {
      this.brokenEpoch = this.current.name
      return this.begin(randomEpochName(), 1, false)
    }
    const from = this.last + 1
    this.last = position
    if (verdict === WHOLE) return { loss: undefined, offset: position }
    const missed = verdict === SESSION_BOUNDARY ? null : verdict
    const to = position - 1
    return { loss: { op: 'lost', reason: 'upstream', missed, from, to, offset: to }, offset: position }
  }

  /** @param offset of the tick with which the epoch begins */
  private begin(name: string, offset: number, isShared: boolean): NumberedTick {
    // Nothing was told before the first tick of the process, so nothing is missing.
    const isFirst = this.current.number === 0 && this.last === 0
    const epoch = { number: this.current.number + 1, name, isShared }
    this.current = epoch
    this.last = offset
    const to = offset - 1
    const missed = isFirst ? 0 : null
    return { loss: { op: 'lost', reason: 'upstream', missed, from: offset, to, offset: to, epoch }, offset }
  }
}
