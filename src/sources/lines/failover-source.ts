/**
 * Reads a feed from the first of its endpoints that answers. Main thread.
 * The endpoints are tried in their order, the next one when a call has failed or its connection takes long, and all of
 * them go on trying until one is live. From a later endpoint the source goes back to an earlier one that answers.
 */
import type { Clock, Timer } from '../../common/clock.js'
import type { FeedSession, FeedState, TickSink } from '../../ingest/tick-sink.js'
import type { HistoryOrigin } from '../../ticks/stream-history.js'
import type { SourceStatus, TickSource } from '../tick-source.js'
import { FeedLine, type MakeSource } from './feed-line.js'

/** An endpoint that is not connected by then is not waited for alone. */
export const NEXT_AFTER_MS = 1000
/** How long a later endpoint has to be healthy before the earlier ones are tried again. */
export const LOOK_BACK_AFTER_MS = 60_000

export class FailoverSource implements TickSource {
  private readonly endpoints: readonly MakeSource[]
  private readonly origin: HistoryOrigin | undefined
  private readonly clock: Clock
  private sink: TickSink | undefined
  /** The lines that are live or trying, in the order of their endpoints. */
  private lines: FeedLine[] = []
  /** The line that is heard. While it is not live, others try, too. */
  private heard: FeedLine | undefined
  private timer: Timer | undefined
  private isPaused = false
  private isStopped = false
  private sessionCount = 0
  private readonly stopping = new Set<Promise<void>>()

  /**
   * @param endpoints in the order of preference
   * @param origin see TickSource.history
   */
  constructor(endpoints: readonly MakeSource[], clock: Clock, origin?: HistoryOrigin) {
    this.endpoints = endpoints
    this.origin = origin
    this.clock = clock
  }

  start(sink: TickSink): void {
    this.sink = sink
    if (!this.isStopped) this.tryNext()
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
    const statuses = (this.heard?.isLive === true ? [this.heard] : this.lines).map(line => line.status())
    const live = statuses.find(({ state }) => state === 'live')
    return {
      state: this.isStopped ? 'stopped' : live === undefined ? 'connecting' : 'live',
      reconnects: Math.max(0, this.sessionCount - 1),
      lastError:
        live === undefined ? statuses.find(({ lastError }) => lastError !== undefined)?.lastError : undefined,
    }
  }

  history(): HistoryOrigin | undefined {
    return this.origin
  }

  async stop(): Promise<void> {
    this.isStopped = true
    this.timer?.cancel()
    for (const line of this.lines) this.end(line)
    this.lines = []
    await Promise.all(this.stopping)
  }

  /** Starts the first endpoint that has no line, and later the next one, until one is live. */
  private tryNext(): void {
    this.timer?.cancel()
    const index = this.endpoints.findIndex((_, each) => this.lines.every(line => line.index !== each))
    if (index < 0) return
    this.timer = this.clock.after(NEXT_AFTER_MS, () => this.tryNext())
    this.open(index)
  }

  private open(index: number): void {
    const line = new FeedLine(index, this.endpoints[index]!, this.sink!, {
      live: (its, session) => this.live(its, session),
      failed: its => this.failed(its),
      stateTold: (its, state, reason) => this.stateTold(its, state, reason),
    })
    this.lines = [...this.lines, line].sort((a, b) => a.index - b.index)
    line.start(this.isPaused)
  }

  private live(line: FeedLine, session: FeedSession): void {
    for (const other of this.lines) if (other !== line) this.end(other)
    this.lines = [line]
    this.heard = line
    line.isHeard = true
    this.sink!.sessionStarted({ ...session, number: ++this.sessionCount })
    this.timer?.cancel()
    if (line.index > 0) this.timer = this.clock.after(LOOK_BACK_AFTER_MS, () => this.lookBack(line))
  }

  private failed(line: FeedLine): void {
    // A connected endpoint may be quiet: docs/decisions/0072-silence-is-no-fault.md.
    if (this.hasConnection) return
    // The source of a line that was live calls again at once.
    const hasJustEnded = line === this.heard && line.failures === 1
    if (!hasJustEnded) this.tryNext()
    else {
      this.timer?.cancel()
      this.timer = this.clock.after(NEXT_AFTER_MS, () => this.tryNext())
    }
  }

  /** Tries the endpoints that are preferred to the live one. They go on trying until the live one ends. */
  private lookBack(line: FeedLine): void {
    for (let index = 0; index < line.index; index++) this.open(index)
  }

  /** While one endpoint is live, the others say nothing. Otherwise the feed is there if one of them is connected. */
  private stateTold(line: FeedLine, state: FeedState, reason: string | undefined): void {
    const isHeard = line === this.heard || this.heard === undefined
    if (this.heard?.isLive !== true) {
      // It is waited for alone from now on. The timer of a live line is for looking back.
      if (state === 'live') this.timer?.cancel()
      else if (this.hasConnection || !isHeard) return
    } else if (!isHeard) return
    this.sink!.setSourceState(state, reason)
  }

  private get hasConnection(): boolean {
    return this.lines.some(({ isConnected }) => isConnected)
  }

  private end(line: FeedLine): void {
    const stopped = line.stop().finally(() => this.stopping.delete(stopped))
    this.stopping.add(stopped)
  }
}
