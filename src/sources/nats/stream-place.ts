/**
 * How far the stream was read, and what its messages tell the sink. Main thread.
 * Each message that was read is compared with the stream before the reading goes on: a server that has lost messages, or
 * a stream that was made anew, holds another one at that place, or none.
 */
import type { TickSink } from '../../ingest/tick-sink.js'
import type { NatsLog } from './nats-options.js'
import { lastOffsetOf, type StreamMessage } from './stream-message.js'
import type { ConsumerStart, StoredMessage, StreamState, TickStream } from './tick-stream.js'

export class StreamPlace {
  private readonly sink: TickSink
  private readonly schema: string | undefined
  private readonly log: NatsLog
  private readonly stateChanged: () => void
  /** The last message that was read. */
  private last: StoredMessage | undefined
  private created: string | undefined
  /** Where the first reading begins. */
  private firstSequence = 0
  private hasPushed = false
  private epoch: string | undefined
  private lastOffset = 0
  /** Whether ticks up to `lastOffset` are in the stream a second time. */
  private isReadAgain = false
  private isOtherSchema = false
  private _outage: string | undefined
  sessionCount = 0

  /**
   * @param schema see NatsSourceOptions
   * @param stateChanged called when `outage` has changed
   */
  constructor(sink: TickSink, schema: string | undefined, log: NatsLog, stateChanged: () => void) {
    this.sink = sink
    this.schema = schema
    this.log = log
    this.stateChanged = stateChanged
  }

  /** Why no ticks come, for clients; undefined: they come, as far as the stream says. */
  get outage(): string | undefined {
    return this._outage
  }

  /** Finds the place from which the reading begins or goes on, and tells the sink that it does. */
  async find(stream: TickStream): Promise<ConsumerStart> {
    const state = await stream.state()
    if (state === undefined) throw new Error(`there is no stream ${stream.name} yet: a relay creates it`)
    return this.last === undefined
      ? await this.begin(stream, state)
      : await this.goOn(stream, state, this.last)
  }

  /** Takes the next message. */
  take(stored: StoredMessage): void {
    this.last = stored
    const { message } = stored
    if (message === undefined) return
    if (!this.isOfSchema(message)) return
    this.setOutage(message)
    if (message.kind === 'start' || message.kind === 'status') return
    if (message.epoch !== this.epoch) this.beginEpoch(message)
    if (message.kind === 'ticks') this.takeTicks(message)
    else if (!this.isReadAgain || message.offset >= this.lastOffset) {
      const { reason, missed } = message
      this.sink.lose({ reason, missed })
      // Ticks may have positions of a feed that has begun to count anew: they say nothing about what is missing.
      if (missed === null && message.feedEpoch === undefined) this.beginSession(false)
    }
  }

  /** The first reading begins behind the newest message, and there again while no message has come. */
  private async begin(stream: TickStream, state: StreamState): Promise<ConsumerStart> {
    const { created, lastSequence } = state
    if (this.created === created && lastSequence >= this.firstSequence - 1)
      return { sequence: this.firstSequence }
    const newest = lastSequence > 0 ? await stream.message(lastSequence) : undefined
    this.created = created
    this.firstSequence = lastSequence + 1
    this.last = newest
    if (newest?.message !== undefined && this.isOfSchema(newest.message)) {
      this.setOutage(newest.message)
      const lastOffset = lastOffsetOf(newest.message)
      if (lastOffset > 0) this.beginEpoch(newest.message)
      this.lastOffset = lastOffset
    }
    return { sequence: this.firstSequence }
  }

  private async goOn(stream: TickStream, state: StreamState, last: StoredMessage): Promise<ConsumerStart> {
    if (!(await this.isHeld(stream, state, last))) return this.goOnElsewhere(state, last)
    this.beginSession(true)
    return { sequence: last.sequence + 1 }
  }

  /** Whether the stream holds `last`, or held it and has removed it since. */
  private async isHeld(stream: TickStream, state: StreamState, last: StoredMessage): Promise<boolean> {
    if (state.created !== this.created || state.lastSequence < last.sequence) return false
    if (state.firstSequence > last.sequence) return true
    const held = await stream.message(last.sequence)
    return held?.storedAtNs === last.storedAtNs && held.messageId === last.messageId
  }

  /**
   * The stream has lost messages that were read, or is another one. What was stored later than the last message is read.
   * Where offsets are positions of the feed, ticks that come again are known by them, and dropped.
   */
  private goOnElsewhere(state: StreamState, last: StoredMessage): ConsumerStart {
    this.log.warn(`the stream has lost messages that were read, up to sequence ${last.sequence}`)
    this.created = state.created
    const isFeedEpoch = last.message?.feedEpoch !== undefined
    this.isReadAgain = isFeedEpoch
    this.beginSession(isFeedEpoch)
    return { storedFromNs: last.storedAtNs + 1n }
  }

  private beginEpoch(message: StreamMessage): void {
    this.epoch = message.epoch
    this.isReadAgain = false
    this.lastOffset = 0
    this.sessionCount++
    this.sink.sessionStarted({ number: this.sessionCount, continuous: false, epoch: this.epoch })
  }

  /** A session of the present epoch, if there is one. */
  private beginSession(continuous: boolean): void {
    if (this.epoch === undefined) return
    this.sessionCount++
    this.sink.sessionStarted({ number: this.sessionCount, continuous, epoch: this.epoch })
  }

  private takeTicks(message: StreamMessage & { kind: 'ticks' }): void {
    const lastOffset = lastOffsetOf(message)
    if (this.isReadAgain && lastOffset <= this.lastOffset) return
    this.isReadAgain = false
    // The sink finds holes between ticks that it was given.
    const missed = message.offset - this.lastOffset - 1
    if (!this.hasPushed && this.lastOffset > 0 && missed > 0) this.sink.lose({ reason: 'upstream', missed })
    this.hasPushed = true
    this.lastOffset = lastOffset
    this.sink.push(message.data, 'batch', message.offset)
  }

  /** Whether the sink can read the ticks of the message. */
  private isOfSchema({ schema }: StreamMessage): boolean {
    const isOther = schema !== this.schema
    if (isOther && !this.isOtherSchema)
      this.log.warn(
        'the relay writes ticks of another schema: start the gateway anew, so that it loads that schema',
      )
    if (isOther !== this.isOtherSchema) {
      this.isOtherSchema = isOther
      this._outage = isOther
        ? 'the schema of the ticks has changed, and the gateway must be started anew'
        : undefined
      this.stateChanged()
    }
    return !isOther
  }

  private setOutage(message: StreamMessage): void {
    const before = this._outage
    if (message.feed === 'live') this._outage = undefined
    else if (message.kind === 'status') this._outage = message.reason ?? FEED_DOWN
    else this._outage ??= FEED_DOWN
    if (this._outage !== before) this.stateChanged()
  }
}

const FEED_DOWN = 'the relay has lost the feed and calls it again'
