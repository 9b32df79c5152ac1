/**
 * Reads a feed from all of its endpoints at once, so that each tick comes from whoever has it first and the end of one
 * endpoint costs nothing. Main thread. The lanes tell by the positions which ticks came before (`isFeedRepeated` in the
 * lane's task), so every endpoint must keep the same positions under the same epoch.
 */
import type { FeedSession, FeedState, TickSink } from '../../ingest/tick-sink.js'
import type { HistoryOrigin } from '../../ticks/stream-history.js'
import type { FeedMemory } from '../feed-memory.js'
import type { SourceStatus, TickSource } from '../tick-source.js'
import { FeedLine, type MakeSource } from './feed-line.js'

export class BothSource implements TickSource {
  private readonly endpoints: readonly MakeSource[]
  private readonly origin: HistoryOrigin | undefined
  private lines: readonly FeedLine[] = []
  private sink: TickSink | undefined
  private isPaused = false
  private isStopped = false
  private sessionCount = 0

  /**
   * @param memory which the sources of all endpoints share
   * @param origin see TickSource.history
   */
  constructor(endpoints: readonly MakeSource[], memory: FeedMemory, origin?: HistoryOrigin) {
    this.endpoints = endpoints
    this.origin = origin
    // Two counts cannot be compared: the first one that answers is the feed.
    memory.isRefused = epoch =>
      this.lines.some(({ isLive }) => isLive) && (epoch === undefined || epoch !== memory.epoch)
  }

  start(sink: TickSink): void {
    this.sink = sink
    if (this.isStopped) return
    this.lines = this.endpoints.map((make, index) => {
      const line = new FeedLine(index, make, sink, {
        live: (_, session) => this.live(session),
        failed: () => {},
        stateTold: (_, state, reason) => this.stateTold(state, reason),
      })
      line.isHeard = true
      return line
    })
    for (const line of this.lines) line.start(this.isPaused)
  }

  pause(): void {
    this.isPaused = true
    for (const line of this.lines) line.pause()
  }

  resume(): void {
    this.isPaused = false
    for (const line of this.lines) line.resume()
  }

  status(): SourceStatus {
    const statuses = this.lines.map(line => line.status())
    const isLive = statuses.some(({ state }) => state === 'live')
    return {
      state: this.isStopped ? 'stopped' : isLive ? 'live' : 'connecting',
      reconnects: Math.max(0, this.sessionCount - this.endpoints.length),
      // Also while one endpoint is live: nobody would see otherwise that the other one is not.
      lastError: statuses.find(({ lastError }) => lastError !== undefined)?.lastError,
    }
  }

  history(): HistoryOrigin | undefined {
    return this.origin
  }

  async stop(): Promise<void> {
    this.isStopped = true
    await Promise.all(this.lines.map(line => line.stop()))
  }

  private live(session: FeedSession): void {
    this.sink!.sessionStarted({ ...session, number: ++this.sessionCount })
  }

  /** The feed is down when no endpoint is connected. */
  private stateTold(state: FeedState, reason: string | undefined): void {
    if (state === 'live' || this.lines.every(({ isConnected }) => !isConnected))
      this.sink!.setSourceState(state, reason)
  }
}
