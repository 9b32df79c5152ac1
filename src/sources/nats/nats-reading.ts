/**
 * One reading of the past of a stream: asks the server for no more than it holds itself, so that a slow client holds up
 * its own reading. Runs in the thread that reads the past.
 */
import type { Clock } from '../../common/clock.js'
import type { HistoryBatch, HistoryReading, HistoryRecord, NamedOffset } from '../../ticks/stream-history.js'
import { HistoryRecords } from './history-records.js'
import { StreamReader } from './stream-reader.js'
import type { FoundStart } from './stream-search.js'
import type { StoredMessage, TickStream } from './tick-stream.js'

/** Messages that wait to be taken, and their bytes, from which on the server is not asked for more. */
const WAITING_MAX = 64
const WAITING_BYTES_MAX = 1024 * 1024
/** A server that has sent nothing for so long may hold nothing. The reading goes on. */
const QUIET_MS = 1_000

export class NatsReading implements HistoryReading {
  readonly start: NamedOffset
  readonly isWhole: boolean
  private readonly clock: Pick<Clock, 'after'>
  private readonly records: HistoryRecords
  private reader: StreamReader | undefined
  private waiting: StoredMessage[] = []
  private waitingBytes = 0
  private isAtEnd: boolean
  private endReason: string | undefined
  private wake: (() => void) | undefined

  private constructor(start: FoundStart, schema: string | undefined, clock: Clock) {
    this.start = start.after
    this.isWhole = start.hasEarlier
    this.isAtEnd = start.isAtEnd
    this.clock = clock
    this.records = new HistoryRecords(schema, start.after, start.sequence)
  }

  static async open(
    stream: TickStream,
    start: FoundStart,
    schema: string | undefined,
    clock: Clock,
  ): Promise<NatsReading> {
    const reading = new NatsReading(start, schema, clock)
    reading.reader = await StreamReader.open(stream, start, () => false, clock, {
      message: (stored, pending) => reading.take(stored, pending),
      ended: reason => reading.ended(reason),
    })
    return reading
  }

  async next(): Promise<HistoryBatch> {
    if (this.waiting.length === 0 && !this.isAtEnd && this.endReason === undefined) await this.something()
    const stored = this.waiting
    this.waiting = []
    this.waitingBytes = 0
    // What came before the end is taken first.
    if (stored.length === 0 && this.endReason !== undefined) throw new Error(this.endReason)
    const { isAtEnd } = this
    this.reader!.resume()
    const records: HistoryRecord[] = []
    for (const each of stored) records.push(...this.records.take(each))
    return { records, isAtEnd: isAtEnd || stored.length === 0 }
  }

  close(): void {
    this.ended('the reading was closed')
    this.reader!.stop()
  }

  private take(stored: StoredMessage, pending: number): void {
    this.waiting.push(stored)
    this.isAtEnd = pending === 0
    const { message } = stored
    if (message?.kind === 'ticks') this.waitingBytes += message.data.length
    const isEnough = this.waiting.length >= WAITING_MAX || this.waitingBytes >= WAITING_BYTES_MAX
    if (isEnough) this.reader!.pause()
    this.wake?.()
  }

  private ended(reason: string): void {
    this.endReason ??= reason
    this.wake?.()
  }

  /** Resolves when there is something to tell, or after a moment. */
  private something(): Promise<void> {
    return new Promise(resolve => {
      const timer = this.clock.after(QUIET_MS, () => this.wake?.())
      this.wake = () => {
        this.wake = undefined
        timer.cancel()
        resolve()
      }
    })
  }
}
