/**
 * The replay that a client of a storm is in: where it began, how far the client's other entries were, and what it must
 * bring.
 */
import type { LiveMessage, SubscribedMessage } from '../../src/protocol/messages.js'
import type { Entries } from './entries.js'

interface Replay {
  /** The offset that it begins after. */
  readonly start: number
  /** Up to here the client has the ticks of the entries that it had before. */
  readonly reached: number
  readonly before: Entries
  /** The last offset before a gap behind which no ticks have come; undefined: no gap, or there were ticks. */
  readonly end: number | undefined
  readonly ticks: number
}

export class ReplayModel {
  /** Replays of entries that a command added. */
  ofCommands = 0
  private replay: Replay | undefined
  /** The offsets that commands resume from, by id. */
  private readonly askedOffsets = new Map<unknown, number>()
  private readonly wrong: (text: string) => void

  constructor(wrong: (text: string) => void) {
    this.wrong = wrong
  }

  connected(): void {
    this.replay = undefined
    this.askedOffsets.clear()
  }

  get isActive(): boolean {
    return this.replay !== undefined
  }

  /** The client sends a command whose entries go on from an offset. */
  asked(id: number, offset: number): void {
    this.askedOffsets.set(id, offset)
  }

  /** The replay of a client that has connected. */
  begin(start: number): void {
    this.replay = { start, reached: start, before: new Map(), end: undefined, ticks: 0 }
  }

  /**
   * The replay of entries that a command adds.
   *
   * @param before the entries that the client has had
   * @returns false when the replay has begun: several commands are replayed together
   */
  beginCommand({ id, offset }: SubscribedMessage, reached: number, before: Entries): boolean {
    const { replay } = this
    const asked = this.askedOffsets.get(id)
    if (offset !== asked && offset !== reached)
      this.wrong(`command ${id} resumed at ${offset} in place of ${asked}`)
    if (replay !== undefined) {
      if (replay.start !== offset || replay.reached !== reached || replay.ticks > 0)
        this.wrong(`command ${id} resumed at ${offset} to ${reached} in the midst of a replay`)
      return false
    }
    this.ofCommands++
    this.replay = { start: offset, reached, before: new Map(before), end: undefined, ticks: 0 }
    return true
  }

  /** The entries that the client had before the replay, where it has their ticks at an offset. */
  entriesBefore(offset: number): Entries | undefined {
    return this.replay !== undefined && offset <= this.replay.reached ? this.replay.before : undefined
  }

  /** Ticks have come, so a gap before them was a hole, and not the end of the replay. */
  countTicks(ticks: number): void {
    if (this.replay !== undefined)
      this.replay = { ...this.replay, end: undefined, ticks: this.replay.ticks + ticks }
  }

  /** Ticks after `end` are gone: all that follow, or some. */
  broken(end: number): void {
    if (this.replay !== undefined) this.replay = { ...this.replay, end }
  }

  live({ offset, replayed }: LiveMessage): void {
    const { replay } = this
    this.replay = undefined
    const { from, ticks, to } = replayed
    const hasEnd = to === offset || to === replay?.end
    if (from - 1 !== replay?.start || !hasEnd || ticks !== replay.ticks)
      this.wrong(`live at ${offset} after ${JSON.stringify(replayed)}, not ${JSON.stringify(replay)}`)
  }
}
