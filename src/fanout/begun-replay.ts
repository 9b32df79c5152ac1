/**
 * How far the replay of one client is that was given a part of it: in the tick log, or in the past that the source is
 * asked for. Main thread; only Transfer changes it.
 */
import type { PastPart, PastPlace } from '../lane-protocol/history-messages.js'
import {
  type NamedPlace,
  NOT_IN_LOG,
  type ReplayPosition,
  type ReplayProgress,
} from '../lane-protocol/lane-commands.js'
import type { NamedOffset } from '../ticks/stream-history.js'
import type { Audience } from './audience.js'

/** The audience that a client was in before its replay, and the place where it left: it has the ticks up to there. */
export interface LeftAudience {
  readonly audience: Audience
  /** undefined: the replay is past that place, or nobody knows the place any more. */
  readonly at: NamedOffset | undefined
}

export class BegunReplay {
  /** undefined: the client was in none. The lane needs the audience to know what the client has. */
  readonly left: LeftAudience | undefined
  private _position: ReplayPosition
  private _past: PastPlace | undefined
  private isPastLeft = false

  /** @param past where the client is, if what follows is not in the tick log */
  constructor(position: ReplayPosition, left: LeftAudience | undefined, past: PastPlace | undefined) {
    this._position = position
    this.left = left
    this._past = past
  }

  get position(): ReplayPosition {
    return this._position
  }

  /** Where the client is, while the source is asked for what follows; undefined: the tick log has that. */
  get past(): PastPlace | undefined {
    return this._past
  }

  /** What the client has of what follows; undefined: nothing. */
  get has(): LeftAudience | undefined {
    return this.isPastLeft ? undefined : this.left
  }

  /** What the lane needs for the next part. */
  get progress(): ReplayProgress {
    return { ...this._position, earlier: this.left?.audience.id ?? 0 }
  }

  /** The lane has given a part. */
  movedTo(position: ReplayPosition): void {
    this._position = position
  }

  /** What follows has left the tick log. @param past the place of the client */
  gone(past: PastPlace): void {
    this._past = past
  }

  /** The source has given a part. */
  pastGiven({ isPastHad, place, seq, ticks }: PastPart): void {
    const { _position: before } = this
    const nowhere = { serial: NOT_IN_LOG, epoch: NOT_IN_LOG }
    this._position = { ...before, ...nowhere, offset: place.offset, seq, ticks: before.ticks + ticks }
    this._past = place
    this.isPastLeft = isPastHad
  }

  /** The tick log has what follows. */
  backInLog({ epoch, offset, serial }: NamedPlace): void {
    this._position = { ...this._position, serial, offset, epoch }
    this._past = undefined
  }

  /**
   * The source does not have what follows.
   *
   * @param epoch number of the place of the client; undefined: the place has none in this process
   */
  pastLost(epoch: number | undefined): void {
    const { _position: before } = this
    if (this._past !== undefined && before.serial === NOT_IN_LOG)
      this._position = { ...before, epoch: epoch ?? NOT_IN_LOG }
    this._past = undefined
  }
}
