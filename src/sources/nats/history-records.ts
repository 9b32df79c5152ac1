/**
 * Turns the messages of a stream into ticks and losses, from one place on. Any thread. Pure.
 * The rules for losses are those of stream-place.ts, so that a client is told the same of the past as others were of the
 * present.
 */
import { epochName } from '../../ingest/epoch-name.js'
import type { HistoryLoss, HistoryRecord, NamedOffset } from '../../ticks/stream-history.js'
import { lastOffsetOf, type StreamMessage } from './stream-message.js'
import type { StoredMessage } from './tick-stream.js'

const NS_PER_US = 1_000n

export class HistoryRecords {
  private readonly schema: string | undefined
  private epoch: string
  /** Up to here all is told. */
  private lastOffset: number
  private nextSequence: number
  /** Whether the stream has removed messages since the last ticks. */
  private isCut: boolean

  /**
   * @param schema hash of the schema of ticks that can be read; undefined: quotes and trades
   * @param after the place
   * @param sequence of the message that is expected first
   */
  constructor(schema: string | undefined, { epoch, offset }: NamedOffset, sequence: number) {
    this.schema = schema
    this.epoch = epoch
    this.lastOffset = offset
    this.nextSequence = sequence
    // What is missing at the beginning has been removed: the place was given to a client once.
    this.isCut = true
  }

  /** The ticks and losses of the next message. */
  take({ message, sequence, storedAtNs }: StoredMessage): HistoryRecord[] {
    if (sequence !== this.nextSequence) this.isCut = true
    this.nextSequence = sequence + 1
    if (message === undefined || message.schema !== this.schema) return []
    if (message.kind === 'start' || message.kind === 'status') return []
    const records: HistoryRecord[] = []
    if (epochName(message.epoch) !== this.epoch) records.push(this.beginEpoch(message))
    if (message.kind === 'loss') {
      if (message.offset >= this.lastOffset) records.push(this.lossOf(message.reason, message.missed, 0))
      return records
    }
    const { count, data, offset } = message
    const missed = offset - this.lastOffset - 1
    if (missed > 0) records.push(this.lossOf(this.isCut ? 'resume' : 'upstream', missed, missed))
    this.isCut = false
    if (lastOffsetOf(message) <= this.lastOffset) return records
    this.lastOffset = lastOffsetOf(message)
    const receivedUs = Number(storedAtNs / NS_PER_US)
    records.push({ kind: 'ticks', epoch: this.epoch, offset, count, data, receivedUs })
    return records
  }

  private beginEpoch(message: StreamMessage): HistoryLoss {
    this.epoch = epochName(message.epoch)
    this.lastOffset = message.kind === 'ticks' ? message.offset - 1 : message.offset
    const reason = this.isCut ? 'resume' : 'upstream'
    return { ...this.lossOf(reason, null, 0), beginsEpoch: true }
  }

  /** @param offsets how many offsets are lost */
  private lossOf(reason: HistoryLoss['reason'], missed: number | null, offsets: number): HistoryLoss {
    const { epoch, lastOffset } = this
    const to = lastOffset + offsets
    return { kind: 'loss', epoch, reason, missed, from: lastOffset + 1, to, beginsEpoch: false }
  }
}
