/** The endpoints of a feed as a test plays them, and the sink that hears them. */
import type { FeedSession, MessageForm, SourceLoss, TickSink } from '../../../src/ingest/tick-sink.js'
import type { FeedState } from '../../../src/protocol/messages.js'
import type { MakeSource } from '../../../src/sources/lines/feed-line.js'
import type { SourceStatus, TickSource } from '../../../src/sources/tick-source.js'

export class FakeEndpoint implements TickSource {
  /** Sources that were made for this endpoint. */
  made = 0
  isStarted = false
  isPaused = false
  private state: SourceStatus['state'] = 'stopped'
  private sink: TickSink | undefined
  private tellFailed = (): void => {}

  readonly make: MakeSource = failed => {
    this.made++
    this.isStarted = false
    this.isPaused = false
    this.state = 'connecting'
    this.tellFailed = failed
    return this
  }

  start(sink: TickSink): void {
    this.isStarted = true
    this.sink = sink
  }

  pause(): void {
    this.isPaused = true
  }

  resume(): void {
    this.isPaused = false
  }

  status(): SourceStatus {
    return { state: this.state, reconnects: 0, lastError: this.state === 'live' ? undefined : 'refused' }
  }

  async stop(): Promise<void> {
    this.state = 'stopped'
    this.isStarted = false
  }

  /** The connection stands, and the endpoint has not answered. */
  connect(): void {
    this.state = 'live'
    this.sink!.setSourceState('live')
  }

  answer(session: Partial<FeedSession> = {}): void {
    this.state = 'live'
    this.sink!.sessionStarted({ number: 1, continuous: false, ...session })
    this.sink!.setSourceState('live')
  }

  fail(reason = 'refused'): void {
    this.state = 'connecting'
    this.tellFailed()
    this.sink!.setSourceState('down', reason)
  }

  send(text: string): void {
    this.sink!.push(Buffer.from(text), 'tick')
  }
}

export class FakeSink implements TickSink {
  /** All that was heard, in order. */
  readonly heard: string[] = []

  push(message: Uint8Array, _: MessageForm): void {
    this.heard.push(Buffer.from(message).toString())
  }

  sessionStarted({ continuous, number }: FeedSession): void {
    this.heard.push(`session ${number}${continuous ? ', continuous' : ''}`)
  }

  setSourceState(state: FeedState, reason?: string): void {
    this.heard.push(reason === undefined ? state : `${state}: ${reason}`)
  }

  lose({ missed, reason }: SourceLoss): void {
    this.heard.push(`lost ${missed}: ${reason}`)
  }

  lastPosition(): number {
    return 7
  }
}
