/**
 * One reading of what a feed still holds: a call of its own, from a position on. Runs in the thread that reads the past.
 * It keeps little that was not asked for: then it stops reading, and the feed has to wait or to drop.
 */
import { type Clock, wallUs } from '../../common/clock.js'
import { epochName } from '../../ingest/epoch-name.js'
import type { MessageForm } from '../../ingest/tick-sink.js'
import type { HistoryBatch, HistoryReading, NamedOffset } from '../../ticks/stream-history.js'
import type { TickCodec } from '../../ticks/tick-codec.js'
import { FeedRecords } from './feed-records.js'
import { type CallOutcome, GrpcCall } from './grpc-call.js'
import type { GrpcTarget } from './grpc-target.js'
import { tickFeedCall } from './tick-feed-service.js'

export interface GrpcReadingOptions {
  readonly target: GrpcTarget
  readonly form: MessageForm
  readonly codec: TickCodec
  readonly after: NamedOffset
  /** How long the feed may take to reply. */
  readonly waitMs: number
  /** Ends the reading. */
  readonly signal: AbortSignal
  readonly clock: Clock
}

// Why a feed gives no reading, for as long as it is the same feed.

/** It counts otherwise, or names no epoch. */
export const OTHER_EPOCH = 'other epoch'
/** It does not send what was asked for, nor what follows. */
export const NOT_HELD = 'not held'
/** It lacks the method. */
export const NO_METHOD = 'no method'
export type Refusal = typeof OTHER_EPOCH | typeof NOT_HELD | typeof NO_METHOD

/** Bytes of records that wait to be taken, from which on the call is not read. One more message may come. */
const WAITING_BYTES_MAX = 1024 * 1024
/** A feed that has sent nothing for so long may have nothing more. The reading goes on. */
const QUIET_MS = 1_000

export class GrpcReading implements HistoryReading {
  readonly start: NamedOffset
  readonly isWhole = true
  private readonly options: GrpcReadingOptions
  private readonly call: GrpcCall
  /** Resolves when the feed has replied. */
  private readonly replied: Promise<Refusal | undefined>
  private settle!: (refusal: Refusal | undefined) => void
  private fail!: (error: Error) => void
  /** undefined: the feed has not replied. */
  private records: FeedRecords | undefined
  private endReason: string | undefined
  private wake: (() => void) | undefined

  private constructor(options: GrpcReadingOptions) {
    const { after, form, signal, target } = options
    this.options = options
    this.start = after
    this.replied = new Promise((resolve, reject) => {
      this.settle = resolve
      this.fail = reject
    })
    const method = tickFeedCall(form, { symbols: [], fromPosition: after.offset + 1 })
    this.call = new GrpcCall(target, method, {
      connected: () => {},
      accepted: () => {},
      metadata: epoch => this.opened(epoch),
      message: message => this.take(message),
      ended: (outcome, reason) => this.ended(outcome, reason),
      failed: error => this.ended('failed', error instanceof Error ? error.message : String(error)),
    })
    signal.addEventListener('abort', this.aborted)
  }

  /** Rejects when the feed cannot be read now. */
  static async open(options: GrpcReadingOptions): Promise<GrpcReading | Refusal> {
    const { clock, signal, waitMs } = options
    signal.throwIfAborted()
    const reading = new GrpcReading(options)
    const timer = clock.after(waitMs, () => reading.end(`the feed has not replied within ${waitMs} ms`))
    try {
      return (await reading.replied) ?? reading
    } finally {
      timer.cancel()
    }
  }

  async next(): Promise<HistoryBatch> {
    const waiting = this.records!
    if (waiting.isEmpty && this.endReason === undefined) await this.something()
    const records = waiting.take()
    // What came before the end is taken first.
    if (records.length === 0 && this.endReason !== undefined) throw new Error(this.endReason)
    this.call.resume()
    return { records, isAtEnd: records.length === 0 }
  }

  close(): void {
    this.end('the reading was closed')
  }

  private readonly aborted = (): void => this.close()

  private opened(feedEpoch: string | undefined): void {
    const { after, codec, form } = this.options
    if (feedEpoch === undefined || epochName(feedEpoch) !== after.epoch) {
      this.settle(OTHER_EPOCH)
      this.close()
      return
    }
    this.records = new FeedRecords(codec, form, feedEpoch, after)
    this.settle(undefined)
  }

  private take(message: Uint8Array): void {
    const records = this.records!
    records.push(message, wallUs(this.options.clock))
    if (records.fault !== undefined) this.end(records.fault)
    else if (records.bytes >= WAITING_BYTES_MAX) this.call.pause()
    if (!records.isEmpty) this.wake?.()
  }

  private ended(outcome: CallOutcome, reason: string): void {
    if (outcome === 'unimplemented') this.settle(NO_METHOD)
    else if (outcome === 'unreadable') this.settle(NOT_HELD)
    this.end(reason)
  }

  private end(reason: string): void {
    if (this.endReason !== undefined) return
    this.endReason = reason
    this.call.cancel()
    this.options.signal.removeEventListener('abort', this.aborted)
    this.fail(new Error(reason))
    this.wake?.()
  }

  /** Resolves when there is something to tell, or after a moment. */
  private something(): Promise<void> {
    return new Promise(resolve => {
      const timer = this.options.clock.after(QUIET_MS, () => this.wake?.())
      this.wake = () => {
        this.wake = undefined
        timer.cancel()
        resolve()
      }
    })
  }
}
