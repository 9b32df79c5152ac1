/**
 * One endpoint of a feed that has several: its source, and the sink that the source pushes into. Main thread.
 * The owner of the line decides whether the sink hears what comes on it.
 */
import type { FeedSession, FeedState, MessageForm, SourceLoss, TickSink } from '../../ingest/tick-sink.js'
import type { SourceStatus, TickSource } from '../tick-source.js'

export interface FeedLineEvents {
  /** The endpoint answers. What comes on the line from now on belongs to this session. */
  live(line: FeedLine, session: FeedSession): void
  /** A call has failed or ended. The source makes the next one by itself. */
  failed(line: FeedLine): void
  /** The source says something of the feed to clients. */
  stateTold(line: FeedLine, state: FeedState, reason: string | undefined): void
}

/** Makes the source of an endpoint. @param failed to be called after each call that has failed or ended */
export type MakeSource = (failed: () => void) => TickSource

export class FeedLine implements TickSink {
  /** Of the endpoint: 0, 1, 2 … */
  readonly index: number
  /** Whether the messages of the line reach the sink. */
  isHeard = false
  /** Whether a session stands. */
  isLive = false
  /** Whether the endpoint was called over a connection that stands. A quiet feed may answer with its first tick only. */
  isConnected = false
  /** Calls that have failed or ended since the line was live. */
  failures = 0
  private readonly source: TickSource
  private readonly sink: TickSink
  private readonly events: FeedLineEvents
  private isStopped = false

  constructor(index: number, make: MakeSource, sink: TickSink, events: FeedLineEvents) {
    this.index = index
    this.sink = sink
    this.events = events
    this.source = make(() => this.failed())
  }

  start(isPaused: boolean): void {
    if (isPaused) this.source.pause()
    this.source.start(this)
  }

  pause(): void {
    this.source.pause()
  }

  resume(): void {
    this.source.resume()
  }

  status(): SourceStatus {
    return this.source.status()
  }

  /** Nothing of the line reaches sink or owner from now on. Resolves when its source has ended. */
  async stop(): Promise<void> {
    this.isStopped = true
    this.isHeard = false
    this.isLive = false
    this.isConnected = false
    await this.source.stop()
  }

  private failed(): void {
    if (this.isStopped) return
    this.isLive = false
    this.isConnected = false
    this.failures++
    this.events.failed(this)
  }

  // TickSink

  push(message: Uint8Array, form: MessageForm, firstPosition?: number): void {
    if (this.isHeard) this.sink.push(message, form, firstPosition)
  }

  lose(loss: SourceLoss): void {
    if (this.isHeard) this.sink.lose(loss)
  }

  sessionStarted(session: FeedSession): void {
    if (this.isStopped) return
    this.isLive = true
    this.isConnected = true
    this.failures = 0
    this.events.live(this, session)
  }

  setSourceState(state: FeedState, reason?: string): void {
    if (this.isStopped) return
    this.isConnected ||= state === 'live'
    this.events.stateTold(this, state, reason)
  }

  lastPosition(): number {
    return this.sink.lastPosition()
  }
}
