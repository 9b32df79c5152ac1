/**
 * Turns the messages of a feed that was asked for a position into ticks and losses. Of the thread that reads the past.
 * The messages are taken apart as those of the live stream are, so a client is told the same of the past as others were of
 * the present.
 */
import type { MessageForm } from '../../ingest/tick-sink.js'
import {
  type LostEvent,
  type RecordType,
  type SplitTicks,
  TICK,
  TickSplitter,
} from '../../ingest/tick-splitter.js'
import type { HistoryLoss, HistoryRecord, NamedOffset } from '../../ticks/stream-history.js'
import type { TickCodec } from '../../ticks/tick-codec.js'
import { varintBytes, writeVarint } from '../../ticks/varint.js'

const LENGTH_DELIMITED = 2
/** Bytes in front of a loss, about, for the bound of what waits. */
const LOSS_BYTES = 64

export class FeedRecords implements SplitTicks {
  private readonly form: MessageForm
  private readonly epoch: string
  private readonly tag: number
  private readonly splitter: TickSplitter
  private receivedUs = 0
  private waiting: HistoryRecord[] = []
  private _bytes = 0
  private _fault: string | undefined
  /** Up to here all is told. */
  private lastOffset: number
  /** Ticks that were told as lost behind that place: they take positions that nobody has read. */
  private lostSince = 0
  /** Whether anything has come. What is missing before that is what the feed does not hold any more. */
  private hasBegun = false

  /**
   * @param feedEpoch as the feed names it
   * @param after the place before what was asked for
   */
  constructor(codec: TickCodec, form: MessageForm, feedEpoch: string, { epoch, offset }: NamedOffset) {
    this.form = form
    this.epoch = epoch
    this.lastOffset = offset
    this.tag = (codec.batchPath.at(-1)! << 3) | LENGTH_DELIMITED
    this.splitter = new TickSplitter({
      codec,
      epochName: epoch,
      after: offset,
      positions: { tellLosses: true, areRepeated: false },
      payloadBytesMax: Number.POSITIVE_INFINITY,
      target: this,
    })
    // Before offset 0 nothing came that the feed could send again.
    this.splitter.sessionStarted({ number: offset === 0 ? 1 : 2, continuous: true, epoch: feedEpoch })
  }

  /** Bytes of the records that wait, about. */
  get bytes(): number {
    return this._bytes
  }

  get isEmpty(): boolean {
    return this.waiting.length === 0
  }

  /** Why nothing can be read behind the records that wait; undefined: it can. */
  get fault(): string | undefined {
    return this._fault
  }

  /** Takes the next message. Its bytes must stay as they are. @param receivedUs µs since the Unix epoch */
  push(message: Uint8Array, receivedUs: number): void {
    this.receivedUs = receivedUs
    if (!this.splitter.push(message, this.form, undefined, receivedUs))
      this.splitter.lose({ reason: 'malformed', missed: null })
  }

  /** The records that wait, in their order. */
  take(): HistoryRecord[] {
    const { waiting } = this
    this.waiting = []
    this._bytes = 0
    return waiting
  }

  // SplitTicks

  pushTicks(
    type: RecordType,
    count: number,
    offset: number,
    message: Uint8Array,
    start: number,
    end: number,
  ): void {
    if (this._fault !== undefined) return
    const { epoch, lastOffset, lostSince, receivedUs } = this
    // The splitter compares nothing with offset 0.
    const missed = offset - lastOffset - 1 - lostSince
    if (missed > 0)
      this.add({ ...this.lossOf('resume', missed), from: lastOffset + 1, to: offset - 1 }, LOSS_BYTES)
    const ticks = message.subarray(start, end)
    const data = type === TICK ? this.fieldOf(ticks) : ticks
    this.add({ kind: 'ticks', epoch, offset, count, data, receivedUs }, data.length)
    this.lastOffset = offset + count - 1
    this.lostSince = 0
    this.hasBegun = true
  }

  pushLoss({ epoch, from, missed, offset, reason, to }: LostEvent): void {
    if (epoch !== undefined) this._fault ??= 'the feed has broken its count of positions'
    if (this._fault !== undefined) return
    const isGone = reason === 'upstream' && !this.hasBegun
    const told = isGone ? 'resume' : (reason as HistoryLoss['reason'])
    this.add({ ...this.lossOf(told, missed), from, to }, LOSS_BYTES)
    if (offset > this.lastOffset) this.lostSince = 0
    else this.lostSince += missed ?? 0
    this.lastOffset = offset
    this.hasBegun = true
  }

  seenBefore(): void {}

  positionsBroken(): void {}

  batchWasEmpty(): void {}

  private lossOf(reason: HistoryLoss['reason'], missed: number | null): Omit<HistoryLoss, 'from' | 'to'> {
    return { kind: 'loss', epoch: this.epoch, reason, missed, beginsEpoch: false }
  }

  private add(record: HistoryRecord, bytes: number): void {
    this.waiting.push(record)
    this._bytes += bytes
  }

  /** A message that is a tick, as a field of a batch. */
  private fieldOf(tick: Uint8Array): Uint8Array {
    const head = varintBytes(this.tag) + varintBytes(tick.length)
    const field = new Uint8Array(head + tick.length)
    field.set(tick, writeVarint(field, writeVarint(field, 0, this.tag), tick.length))
    return field
  }
}
