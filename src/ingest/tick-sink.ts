/**
 * Where sources push their messages. Main thread.
 * A source never decodes a tick, and the bytes that it pushes are its own again when `push` returns.
 */

import type { FeedState } from '../protocol/messages.js'

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
}

export interface TickSink {
  /** Takes one message. Never throws on bad bytes: those are counted. */
  push(message: Uint8Array, form: MessageForm): void

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
   * positions, or the tick has broken the feed's count, so that nobody can go on from it. A promise, because only the
   * lanes decode: it waits until each of them has caught up.
   */
  lastPosition(): Promise<number>
}
