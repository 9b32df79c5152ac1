/**
 * Writes messages into the stream, each exactly behind the one before, with some in flight. Main thread.
 * Each message names the sequence that it expects before it, and the id as long as that message is in flight. So a writer
 * that another one has followed stores nothing: the sequence alone may fit by chance behind a message of the other one.
 * After an error it looks in the stream which messages were stored, and sends the others again.
 *
 *   writing ─► an error, or another connection ─► looking ─► writing                 `stop` leads out of each state
 *                                                       └──► ended: another relay has written, or messages are lost
 */
import { Backoff } from '../common/backoff.js'
import type { Clock, Timer } from '../common/clock.js'
import { reasonOf } from '../sources/nats/nats-link.js'
import type { StreamMessage } from '../sources/nats/stream-message.js'
import type { Predecessor, TickStream } from '../sources/nats/tick-stream.js'

/** Why a writer has ended. `fenced`: another relay has written. `regressed`: the server has lost stored messages. */
export type WriterEnd = 'fenced' | 'regressed'

export interface StreamWriterDeps {
  /** The message that the first one follows. An id that is left out is not compared. */
  readonly after: Predecessor
  readonly clock: Clock
  readonly ended: (end: WriterEnd) => void
  /** So many messages were stored. */
  readonly stored: (messages: number) => void
  /** It may be that it is no longer busy. */
  readonly hasRoom: () => void
  /** Messages are not stored. They are sent again. `reason` is one sentence. */
  readonly failed: (reason: string) => void
}

interface Outgoing {
  readonly message: StreamMessage
  readonly id: string
  readonly bytes: number
}

/** Messages in flight, and their bytes. More wait until those are stored. */
const IN_FLIGHT_MAX = 64
const IN_FLIGHT_BYTES_MAX = 4 * 1024 * 1024
const PUBLISH_TIMEOUT_MS = 2_000
const BACKOFF_MIN_MS = 50
const BACKOFF_MAX_MS = 1_000
/** What a message takes in memory besides its ticks. */
const MESSAGE_BYTES = 512

export class StreamWriter {
  private readonly deps: StreamWriterDeps
  private readonly backoff = new Backoff(BACKOFF_MIN_MS, BACKOFF_MAX_MS, Math.random)
  private stream: TickStream | undefined
  /** In the order of the stream: first those in flight, then those that wait. */
  private queue: Outgoing[] = []
  private inFlight = 0
  private inFlightBytes = 0
  private _queuedBytes = 0
  /** Sequence of the last message that is known to be stored. */
  private storedSequence: number
  private storedId: string | undefined
  /** Rises with each look. An answer to what was sent before is ignored. */
  private attempt = 0
  private eventCount = 0
  private state: 'writing' | 'looking' | 'ended' = 'looking'
  private retryTimer: Timer | undefined
  private readonly drainWaiters: (() => void)[] = []

  constructor(deps: StreamWriterDeps) {
    this.deps = deps
    this.storedSequence = deps.after.sequence
    this.storedId = deps.after.id
  }

  /** Bytes that are not stored yet. */
  get queuedBytes(): number {
    return this._queuedBytes
  }

  get lastStored(): number {
    return this.storedSequence
  }

  /** Whether a message would wait. */
  get isBusy(): boolean {
    return (
      this.state !== 'writing' || this.inFlight >= IN_FLIGHT_MAX || this.inFlightBytes >= IN_FLIGHT_BYTES_MAX
    )
  }

  write(message: StreamMessage): void {
    if (this.state === 'ended') return
    // The relay is a part, so that no two writers give one id. Several events may stand at one offset.
    const place = `${message.epoch}:${message.offset}:${message.relay}`
    const id = message.kind === 'ticks' ? place : `${place}:${++this.eventCount}`
    const bytes = MESSAGE_BYTES + (message.kind === 'ticks' ? message.data.length : 0)
    this.queue.push({ message, id, bytes })
    this._queuedBytes += bytes
    this.send()
  }

  /** Writes over this connection from now on. */
  connected(stream: TickStream): void {
    if (this.state === 'ended') return
    this.stream = stream
    this.look()
  }

  /** Nothing is sent until `connected`. */
  disconnected(): void {
    if (this.state === 'ended') return
    this.stream = undefined
    this.attempt++
    this.retryTimer?.cancel()
    this.state = 'looking'
  }

  /** Resolves when all is stored, or the writer has ended. */
  drained(): Promise<void> {
    if (this.queue.length === 0 || this.state === 'ended') return Promise.resolve()
    return new Promise(resolve => {
      this.drainWaiters.push(resolve)
    })
  }

  stop(): void {
    this.attempt++
    this.state = 'ended'
    this.retryTimer?.cancel()
    this.queue = []
    this._queuedBytes = 0
    this.settleDrained()
  }

  private send(): void {
    while (!this.isBusy && this.inFlight < this.queue.length) {
      const outgoing = this.queue[this.inFlight]!
      const after = {
        sequence: this.storedSequence + this.inFlight,
        id: this.inFlight === 0 ? undefined : this.queue[this.inFlight - 1]!.id,
      }
      this.inFlight++
      this.inFlightBytes += outgoing.bytes
      this.publish(this.stream!, outgoing, after)
    }
  }

  private publish(stream: TickStream, { id, message }: Outgoing, after: Predecessor): void {
    const { attempt } = this
    stream.publish(message, id, after, PUBLISH_TIMEOUT_MS).then(
      sequence => {
        if (attempt !== this.attempt) return
        // The server knows the id: the stream has this message from before.
        if (sequence !== after.sequence + 1) this.end('fenced')
        else this.confirm(sequence)
      },
      (error: unknown) => {
        if (attempt === this.attempt) this.lookLater(reasonOf(error))
      },
    )
  }

  /** All messages up to this sequence are stored. Goes on behind them. */
  private confirm(sequence: number): void {
    const stored = sequence - this.storedSequence
    for (const { bytes, id } of this.queue.splice(0, stored)) {
      this.storedId = id
      this._queuedBytes -= bytes
      if (this.inFlight === 0) continue
      this.inFlight--
      this.inFlightBytes -= bytes
    }
    this.storedSequence = sequence
    if (stored > 0) {
      this.backoff.startOver()
      this.deps.stored(stored)
    }
    this.send()
    if (!this.isBusy) this.deps.hasRoom()
    if (this.queue.length === 0) this.settleDrained()
  }

  /** Looks which messages in flight are stored, then goes on behind them. */
  private look(): void {
    const attempt = ++this.attempt
    this.retryTimer?.cancel()
    this.state = 'looking'
    const { stream } = this
    if (stream === undefined) return
    this.lookIn(stream, attempt).catch((error: unknown) => {
      if (attempt === this.attempt) this.lookLater(reasonOf(error))
    })
  }

  private async lookIn(stream: TickStream, attempt: number): Promise<void> {
    const state = await stream.state()
    if (attempt !== this.attempt) return
    if (state === undefined || state.lastSequence < this.storedSequence) return this.end('regressed')
    const storedCount = state.lastSequence - this.storedSequence
    if (storedCount > this.inFlight) return this.end('fenced')
    const lastId = storedCount === 0 ? this.storedId : this.queue[storedCount - 1]!.id
    // It may have been removed since. Its sequence then speaks for it.
    const last = lastId === undefined ? undefined : await stream.message(state.lastSequence)
    if (attempt !== this.attempt) return
    if (last !== undefined && last.messageId !== lastId) return this.end('fenced')
    this.inFlight = 0
    this.inFlightBytes = 0
    this.state = 'writing'
    this.confirm(state.lastSequence)
  }

  private lookLater(reason: string): void {
    this.attempt++
    this.state = 'looking'
    this.deps.failed(reason)
    this.retryTimer?.cancel()
    this.retryTimer = this.deps.clock.after(this.backoff.nextDelayMs(), () => this.look())
  }

  private end(end: WriterEnd): void {
    this.stop()
    this.deps.ended(end)
  }

  private settleDrained(): void {
    for (const resolve of this.drainWaiters.splice(0)) resolve()
  }
}
