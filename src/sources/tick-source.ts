/**
 * The interface of a source of ticks, which pushes encoded messages into a sink. Main thread.
 * A source never decodes a tick. After `push` returns, the source may reuse the bytes.
 */

/** The type of a message: a `Tick` or a `TickBatch` of proto/ringcast.proto. */
export type MessageForm = 'tick' | 'batch'

/** One connection of the source to its feed, announced before its first message is pushed. */
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
  /** Takes one message. Counts wrong bytes, and never throws because of them. */
  push(message: Uint8Array, form: MessageForm): void

  /** A session has begun: the messages that follow belong to it. */
  sessionStarted(session: FeedSession): void

  /**
   * The position (see `Tick.position`) of the last tick that was pushed. 0 when there was none, when the feed keeps no
   * positions, or when the position broke the feed's count, so that no session can continue from it.
   * Waits until a lane has caught up, because only the lanes decode ticks.
   */
  lastPosition(): Promise<number>
}

/** The state of a source, for health checks and metrics. */
export interface SourceStatus {
  /** `live` from the first message (or metadata) of a session until that session ends. */
  readonly state: 'connecting' | 'live' | 'stopped'
  /** Sessions begun after the first. */
  readonly reconnects: number
  /** Why the last session ended, in one sentence; undefined while there was no failure. */
  readonly lastError: string | undefined
}

export interface TickSource {
  /** Begins to push into `sink`; called once. */
  start(sink: TickSink): void

  /** Flow control: no messages after the current one until `resume`. Both may be called at any time, and twice. */
  pause(): void
  resume(): void

  status(): SourceStatus

  /** Ends the stream for ever, with no timer or listener left. Resolves when no further message will be pushed. */
  stop(): Promise<void>
}
