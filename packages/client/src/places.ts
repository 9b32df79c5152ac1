/** Where the entries of one connection are in the stream: at one place, but for those of a replay. */
import type { Entry } from './entry.js'
import type { Position } from './position.js'

interface Replay {
  readonly entries: ReadonlySet<Entry>
  at: Position
  /** All other entries are complete up to here, in the epoch of their place. −1: the replay is past that epoch. */
  reached: number
}

export class Places {
  /** Of all active entries, but for those of a replay that has not come so far. undefined: nothing has come. */
  private at: Position | undefined
  private replay: Replay | undefined

  /** The entries of the replay; undefined: there is none. */
  get replayed(): ReadonlySet<Entry> | undefined {
    return this.replay?.entries
  }

  /** Up to where everything has been told. undefined: nothing yet. */
  get position(): Position | undefined {
    return this.replay?.at ?? this.at
  }

  of(entry: Entry): Position | undefined {
    return this.replay?.entries.has(entry) ? this.replay.at : this.at
  }

  /** All active entries are at this place. */
  set(place: Position | undefined): void {
    this.at = place
  }

  /**
   * Entries are replayed from a place on: together with those of other commands that resume from there.
   *
   * @param reached the offset of all other entries; undefined: there are none
   */
  beginReplay(entries: readonly Entry[], at: Position, reached: number | undefined): void {
    const all = new Set([...(this.replay?.entries ?? []), ...entries])
    this.replay = { entries: all, at, reached: reached ?? at.offset }
    // The replay may begin in an earlier epoch than that of the others.
    this.at = reached === undefined ? at : { epoch: this.at?.epoch ?? at.epoch, offset: reached }
  }

  /** All entries are at this offset. */
  endReplay(offset: number): void {
    this.reach(offset)
    this.replay = undefined
  }

  /** Everything up to here has been told. @returns the entries that this concerns; undefined: all */
  reach(offset: number): ReadonlySet<Entry> | undefined {
    const { at, replay } = this
    if (at === undefined) return undefined
    if (replay !== undefined) {
      replay.at = furthest(replay.at, offset)
      if (replay.at.epoch !== at.epoch || offset <= replay.reached) return replay.entries
    }
    this.at = furthest(at, offset)
    return undefined
  }

  /** The ticks that follow are counted from a place of another epoch. @returns as `reach` */
  beginEpoch(place: Position): ReadonlySet<Entry> | undefined {
    const { at, replay } = this
    if (replay !== undefined) {
      const wasInEpochOfOthers = replay.at.epoch === at?.epoch
      replay.at = place
      // The others have been told of it before the replay.
      if (!wasInEpochOfOthers) return replay.entries
      replay.reached = -1
    }
    this.at = place
    return undefined
  }
}

function furthest({ epoch, offset }: Position, other: number): Position {
  return { epoch, offset: Math.max(offset, other) }
}
