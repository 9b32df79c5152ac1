/**
 * The JSON messages from Ringcast to a client: their types, and the text of those that carry no ticks. Any thread.
 * `ticks` messages are written straight into bytes, by ticks-message.ts.
 */

/** Sent first, and whenever the stream that a client gets begins anew. */
export interface SubscribedMessage {
  readonly type: 'subscribed'
  /** The symbols, sorted; `["*"]` for all. */
  readonly symbols: readonly string[]
  /** The client's id, unique among all processes. */
  readonly client: string
  /** Names the run of the process that the offsets belong to. */
  readonly epoch: string
  /** Every later tick of the symbols has an offset above this one and will be sent. */
  readonly offset: number
  /** The next `ticks` message has this number plus one. */
  readonly seq: number
  readonly delivery: 'every'
  readonly batch: boolean
}

/**
 * Why ticks are missing:
 *   slow       the client did not read fast enough and fell out of the window
 *   upstream   the feed did not send them, or nobody can say whether it did
 *   malformed  the feed sent bytes that are no tick
 *   poison     a tick made two workers in a row fail
 *   overload   the feed went on sending while it was paused
 */
export type GapReason = 'slow' | 'upstream' | 'malformed' | 'poison' | 'overload'

export interface GapMessage {
  readonly type: 'gap'
  readonly reason: GapReason
  /**
   * First and last offset of what is missing. Ticks that the feed did not send have none: `to` is then `from − 1`. A loss of
   * unknown size that is no `upstream` one takes one offset.
   */
  readonly from: number
  readonly to: number
  /**
   * How many ticks are missing: of the client's symbols for `slow`, of any symbol otherwise, since nobody knows whose
   * they were. null: unknown.
   */
  readonly missed: number | null
  /** The next `ticks` message has this number plus one. */
  readonly seq: number
}

export interface ErrorMessage {
  readonly type: 'error'
  readonly code: string
  /** One sentence: what is wrong and what would be right. */
  readonly message: string
}

/** One tick in a `ticks` message: a quote has bid and ask, a trade has last. */
export interface TickJson {
  readonly symbol: string
  readonly kind: 'quote' | 'trade'
  /** A string of digits from 2^53 on. */
  readonly sequence: number | string
  /** The source's time, µs since the Unix epoch. */
  readonly time: number
  readonly bid?: number
  readonly bidSize?: number
  readonly ask?: number
  readonly askSize?: number
  readonly last?: number
  readonly lastSize?: number
}

export interface TicksMessage {
  readonly type: 'ticks'
  readonly seq: number
  /** The offset of the last tick in it. */
  readonly offset: number
  readonly ticks: readonly TickJson[]
}

export type ServerMessage = SubscribedMessage | GapMessage | ErrorMessage | TicksMessage

/** The largest text of a gap message, in bytes: five numbers of 16 digits and the names. */
export const GAP_TEXT_BYTES_MAX = 192

export function messageText(message: SubscribedMessage | GapMessage | ErrorMessage): string {
  return JSON.stringify(message)
}
