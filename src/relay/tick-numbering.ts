/**
 * Gives the ticks of a feed their epoch and offsets. Main thread. Pure, but for the epochs that it draws.
 * Offsets are the feed's positions where the feed names an epoch and keeps positions, and are counted otherwise. A hole
 * in the positions is a hole in the offsets in both cases.
 */
import { randomBytes } from 'node:crypto'
import {
  BROKEN,
  FeedPositions,
  type PositionRules,
  SEEN,
  SESSION_BOUNDARY,
} from '../ingest/feed-positions.js'
import type { FeedSession } from '../ingest/tick-sink.js'
import type { MessageFrame } from '../sources/nats/stream-message.js'

/** Of the ticks at one place of the stream. */
export type OffsetFrame = Pick<MessageFrame, 'epoch' | 'feedEpoch'>

/** Where the stream ends. */
export interface StreamEnd extends OffsetFrame {
  readonly lastOffset: number
}

const EPOCH_BYTES = 6

export class TickNumbering {
  /** Of the last tick that was taken; 0: none of the epoch was. */
  lastOffset: number
  /** Ticks that are missing before the tick that was taken last, and have no offsets; null: an unknown number. */
  lost: number | null = 0
  lostReason: 'upstream' | 'malformed' = 'upstream'
  frame: OffsetFrame
  private readonly positions: FeedPositions
  private sessionEpoch: string | undefined
  /** Whether no tick came before, so that none can be missing. */
  private isAtBeginning: boolean

  /**
   * @param end undefined: the stream is empty
   * @param isWhole whether the end is for certain that of all that was counted. Otherwise an epoch of the relay ends, so
   *   that no offset is given twice. Positions of a feed can be read again
   */
  constructor(end: StreamEnd | undefined, isWhole: boolean, rules: PositionRules, tickBytesMax: number) {
    this.isAtBeginning = end === undefined
    const goesOn = end !== undefined && (isWhole || end.feedEpoch !== undefined)
    this.lastOffset = goesOn ? end.lastOffset : 0
    this.frame = goesOn ? { epoch: end.epoch, feedEpoch: end.feedEpoch } : counted()
    const lastPosition = this.frame.feedEpoch === undefined ? 0 : this.lastOffset
    this.positions = new FeedPositions(rules, tickBytesMax, lastPosition)
  }

  /** The position to go on from, see TickSink. */
  get lastPosition(): number {
    return this.frame.feedEpoch === undefined || this.positions.lastPosition === 0 ? 0 : this.lastOffset
  }

  sessionStarted({ continuous, epoch }: FeedSession): void {
    this.sessionEpoch = epoch
    this.positions.sessionStarted(this.isAtBeginning, continuous)
  }

  /** See FeedPositions. */
  keepTick(): void {
    this.positions.keepTick()
  }

  /**
   * Takes the next tick, at `[start, end)` of `bytes`: `lastOffset` is its offset then, and `lost` what to tell before it.
   *
   * @param position of the tick; 0: it has none
   * @param malformed ticks before it that could not be read
   * @returns false when the tick came before
   */
  take(position: number, malformed: number, bytes: Uint8Array, start: number, end: number): boolean {
    this.lost = 0
    const verdict = this.positions.take(position, bytes, start, end)
    if (verdict === SEEN) return false
    if (this.isAtBeginning) this.begin(position)
    else if (verdict === SESSION_BOUNDARY) this.beginSession(position)
    else if (verdict === BROKEN) this.breakCount(position)
    else this.goOn(position, verdict, malformed)
    this.isAtBeginning = false
    return true
  }

  private get hasPositions(): boolean {
    return this.frame.feedEpoch !== undefined
  }

  private begin(position: number): void {
    if (this.sessionEpoch === undefined || position === 0) this.count(1)
    else this.moveTo(this.sessionEpoch, this.sessionEpoch, position)
  }

  private beginSession(position: number): void {
    const { frame, sessionEpoch } = this
    if (sessionEpoch === undefined || position === 0) {
      if (this.hasPositions) this.moveTo(newEpoch(), undefined, 1)
      else {
        // Where the epoch has just begun, its beginning says that ticks may be missing.
        if (this.lastOffset > 0) this.tellLost('upstream', null)
        this.count(1)
      }
    } else if (sessionEpoch !== frame.feedEpoch) this.moveTo(sessionEpoch, sessionEpoch, position)
    else if (position > this.lastOffset) this.lastOffset = position
    else this.moveTo(newEpoch(), sessionEpoch, position)
  }

  private breakCount(position: number): void {
    if (this.hasPositions) this.moveTo(newEpoch(), this.frame.feedEpoch, position)
    else {
      this.tellLost('upstream', null)
      this.count(1)
    }
  }

  /** @param missing ticks before this one, by the positions */
  private goOn(position: number, missing: number, malformed: number): void {
    if (!this.hasPositions) this.count(Math.max(missing, malformed) + 1)
    else if (position === 0) this.moveTo(newEpoch(), undefined, 1)
    else {
      // Those that have positions are in the hole.
      if (malformed > missing) this.tellLost('malformed', malformed - missing)
      this.lastOffset = position
    }
  }

  private count(ticks: number): void {
    this.lastOffset += ticks
  }

  private moveTo(epoch: string, feedEpoch: string | undefined, offset: number): void {
    this.frame = { epoch, feedEpoch }
    this.lastOffset = offset
  }

  private tellLost(reason: 'upstream' | 'malformed', missed: number | null): void {
    this.lostReason = reason
    this.lost = missed
  }
}

function counted(): OffsetFrame {
  return { epoch: newEpoch(), feedEpoch: undefined }
}

function newEpoch(): string {
  return randomBytes(EPOCH_BYTES).toString('base64url')
}
