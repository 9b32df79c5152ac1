/**
 * Where ticks come from: a source pushes the undecoded messages of its feed into a sink. Main thread.
 */

import type { TickSink } from '../ingest/tick-sink.js'
import type { HistoryOrigin } from '../ticks/stream-history.js'

/** The state of a source, for health checks and metrics. */
export interface SourceStatus {
  /**
   * `live` while a stream stands: the feed has sent something, or it was called over a connection that stands and has
   * not refused the call. A feed that has nothing to send is live.
   */
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

  /**
   * How a thread of its own reads ticks again that have left the tick log. Left out, or undefined: the source cannot give
   * them again. The epochs and offsets are those that the ticks of this source have at the clients.
   */
  history?(): HistoryOrigin | undefined

  /** Ends the stream for ever, with no timer or listener left. Resolves when no further message will be pushed. */
  stop(): Promise<void>
}
