/**
 * Where sources push their messages. Main thread.
 * A source never decodes a tick, and the bytes that it pushes are its own again when `push` returns.
 */

import type { FeedState, GapReason } from '../protocol/messages.js'

export type { FeedState }

/** What one message holds: a `Tick` or a `TickBatch` of proto/ringcast.proto. */
export type MessageForm = 'tick' | 'batch'

/** One (re)connection of the source to its feed, told before the first message of it is pushed. */
export interface FeedSession {
  /** 1 for the first session of the process, then 2, 3 … */
  readonly number: number
  /**
   * Whether positions of this session can be compared with those of the one before: the feed's epoch is the
   * same and the stream names no symbols. False for the first session.
   */
  readonly continuous: boolean
  /**
   * The name of the count to which the positions of this session belong: ticks of the same position and epoch are the
   * same tick, in each gateway. Left out: the feed names none, or the stream names symbols.
   */
  readonly epoch?: string | undefined
}

/** Ticks that will not be pushed. */
export interface SourceLoss {
  readonly reason: Extract<GapReason, 'upstream' | 'malformed' | 'overload'>
  /** Ticks of all symbols, 1 to MISSED_MAX; null: unknown. */
  readonly missed: number | null
}

export interface TickSink {
  /**
   * Takes one message. Never throws on bad bytes: those are counted.
   *
   * @param firstPosition of the first tick in the message; the others follow without a hole. Left out: the message or
   *   its ticks may have positions of their own, see `TickBatch.first_position` and `Tick.position`
   */
  push(message: Uint8Array, form: MessageForm, firstPosition?: number): void

  /** Tells all clients of a loss that the source was told of, behind all ticks so far. */
  lose(loss: SourceLoss): void

  /** A stream has begun; the messages that follow belong to it. */
  sessionStarted(session: FeedSession): void

  /**
   * Tells all clients whether ticks come. `live` is told behind the next message or a second later: clients are first
   * told what is missing. `down` is told if no message comes for 300 ms. The same state and reason again tell nothing.
   * While a source has never called it, clients are told nothing about the feed.
   *
   * @param reason one sentence for every client, of at most 200 characters: no addresses, no secrets
   */
  setSourceState(state: FeedState, reason?: string): void

  /**
   * The position (see `Tick.position`) of the last tick that was pushed. 0: there was none, the feed keeps no
   * positions, or the tick has broken the feed's count, so that nobody can go on from it.
   */
  lastPosition(): number
}
