/** The offsets that the feed has left out, which gaps must tell a client of a storm. */
import type { GapMessage } from '../../src/protocol/messages.js'
import type { FeedRecord } from './feed-record.js'

export class HoleModel {
  /** Gaps that told what the feed has left out. */
  gaps = 0
  /** Ticks that the feed has lost, as gaps have told. */
  lost = 0
  private readonly record: FeedRecord
  private readonly wrong: (text: string) => void
  /** Up to here the holes are told. */
  private toldTo = 0

  constructor(record: FeedRecord, wrong: (text: string) => void) {
    this.record = record
    this.wrong = wrong
  }

  connected(): void {
    this.toldTo = 0
  }

  take({ from, missed, to }: GapMessage): void {
    const { record } = this
    let holes = 0
    for (let offset = from; offset <= to; offset++) if (!record.isSent(offset)) holes++
    const isLoss = missed === to - from + 1 && missed > holes && record.mayLose(from, to)
    if (isLoss) this.lost += missed - holes
    else this.gaps++
    if (missed !== holes && !isLoss)
      this.wrong(`a gap of ${missed} from ${from} to ${to} in place of ${holes}`)
    this.toldTo = Math.max(this.toldTo, to)
  }

  /** Whether the feed has left out this offset, and no gap has told that. */
  isUntold(offset: number): boolean {
    return offset > this.toldTo && !this.record.isSent(offset)
  }
}
