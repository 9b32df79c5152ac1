/**
 * The ticks of the past that a source can read again, behind an interface: a thread of its own reads them. Any thread.
 */
import type { TickCodec } from './tick-codec.js'

/** A place in the stream as clients name it: behind the tick with this offset. */
export interface NamedOffset {
  readonly epoch: string
  readonly offset: number
}

/** Where a reading is to begin: behind an offset, or with the first tick that was received at a time, µs since the Unix epoch. */
export type HistoryPoint = { readonly after: NamedOffset } | { readonly sinceUs: number }

/** Ticks, or a loss between ticks. Offsets are those of the epoch `epoch`. */
export type HistoryRecord = HistoryTicks | HistoryLoss

export interface HistoryTicks {
  readonly kind: 'ticks'
  readonly epoch: string
  /** Of the first tick; the others follow without a hole. The first ones may stand before the place that was asked for. */
  readonly offset: number
  readonly count: number
  /** Fields of the last number of `TickCodec.batchPath`, each with a tick. */
  readonly data: Uint8Array
  /** µs since the Unix epoch. */
  readonly receivedUs: number
}

export interface HistoryLoss {
  readonly kind: 'loss'
  readonly epoch: string
  readonly reason: 'upstream' | 'malformed' | 'overload' | 'resume'
  /** null: unknown. */
  readonly missed: number | null
  /** The offsets that are lost; `to` = `from` − 1: the lost ticks have none. */
  readonly from: number
  readonly to: number
  /** Whether the epoch begins here. */
  readonly beginsEpoch: boolean
}

/** What a reading has at one time. */
export interface HistoryBatch {
  readonly records: readonly HistoryRecord[]
  /** Whether the stream holds nothing behind these records, for now. */
  readonly isAtEnd: boolean
}

export interface HistoryReading {
  /** The place after which its records begin. */
  readonly start: NamedOffset
  /** Whether the stream holds something before the place. False of a time: nobody knows what came before. */
  readonly isWhole: boolean
  /** The records that follow, in order, 2 MiB at the most. One call at a time. Rejects when the reading has ended. */
  next(): Promise<HistoryBatch>
  /** Ends the reading. Safe at any time, and twice. */
  close(): void
}

export interface StreamHistory {
  /**
   * @param signal nobody needs the reading any more. Whoever listens ends what it has begun, and rejects
   * @returns undefined when the stream does not hold the epoch (any more). Rejects when the stream cannot be read now
   */
  open(point: HistoryPoint, signal: AbortSignal): Promise<HistoryReading | undefined>
  close(): Promise<void>
}

/** How another thread opens the history of a source. */
export interface HistoryOrigin {
  /** URL of a module whose `openHistory` is an OpenHistory. */
  readonly module: string
  /** Its first argument, which can be cloned. */
  readonly options: unknown
  /**
   * Whether the past is read from the feed itself, which others need, too. Such a past is only asked for what follows an
   * offset of the present epoch, and clients leave it as soon as the tick log has what follows. Default false.
   */
  readonly isFeed?: boolean
}

/** @param codec of the ticks of the stream */
export type OpenHistory = (options: never, codec: TickCodec) => StreamHistory
