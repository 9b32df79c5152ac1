import type { FeedSession, MessageForm, SourceLoss, TickSink } from '../../src/ingest/tick-sink.js'
import type { FeedState } from '../../src/protocol/messages.js'
import { decodeTick, decodeTickBatch, type Tick } from './proto-messages.js'
import { Watched } from './watched.js'

/** Keeps everything that a source pushes, decoded, and the order of pushes and sessions. */
export class RecordingSink extends Watched implements TickSink {
  readonly ticks: Tick[] = []
  readonly forms: MessageForm[] = []
  readonly sessions: FeedSession[] = []
  /** Each state of the feed, with its reason. */
  readonly states: [FeedState, string | undefined][] = []
  /** 'session 1', 'push 3' (ticks of the message) … in order. */
  readonly events: string[] = []
  readonly losses: SourceLoss[] = []
  /** 'epoch:position' of each tick, where the source tells the first position of a message. */
  readonly offsets: string[] = []
  messageCount = 0
  positionsAsked = 0
  /** Called after each push. */
  onPush: () => void = () => {}
  /** Answers `lastPosition`; by default with the last tick's. */
  answerLastPosition: () => number = () => Number(this.ticks.at(-1)?.position ?? 0)

  get positions(): number[] {
    return this.ticks.map(tick => Number(tick.position))
  }

  push(message: Uint8Array, form: MessageForm, firstPosition?: number): void {
    const ticks = form === 'batch' ? decodeTickBatch(message).ticks : [decodeTick(message)]
    for (const tick of ticks) this.ticks.push(tick)
    if (firstPosition !== undefined) {
      const { epoch } = this.sessions.at(-1)!
      ticks.forEach((_, index) => void this.offsets.push(`${epoch}:${firstPosition + index}`))
    }
    this.forms.push(form)
    this.events.push(`push ${ticks.length}`)
    this.messageCount++
    this.onPush()
    this.changed()
  }

  sessionStarted(session: FeedSession): void {
    this.sessions.push(session)
    this.events.push(`session ${session.number}`)
    this.changed()
  }

  setSourceState(state: FeedState, reason?: string): void {
    this.states.push([state, reason])
    this.changed()
  }

  lose(loss: SourceLoss): void {
    this.losses.push(loss)
    this.events.push(`lost ${loss.missed}`)
    this.changed()
  }

  lastPosition(): number {
    this.positionsAsked++
    this.changed()
    return this.answerLastPosition()
  }
}
