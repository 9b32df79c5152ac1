/**
 * Reads the stream in order from one place on, over one connection, until something goes wrong. Main thread.
 * It asks for a bounded batch, and for the next one when that has come, so `pause` only keeps it from asking.
 * Nothing is heard of it after `ended`, which comes once, or after `stop`.
 */
import type { Clock, Timer } from '../../common/clock.js'
import type { Msg, Subscription } from './nats-js.js'
import { reasonOf } from './nats-link.js'
import { type StreamMessage, streamMessageOf } from './stream-message.js'
import {
  type ConsumerStart,
  deliveryOf,
  messageIdOf,
  type StoredMessage,
  type TickStream,
} from './tick-stream.js'

export interface StreamReaderEvents {
  /** The next message of the stream, in order. @param pending messages that the stream holds behind it */
  message(stored: StoredMessage, pending: number): void
  /** Messages may be missing from here on. `reason` is one sentence. */
  ended(reason: string): void
}

/** Messages that are asked for at a time. */
const BATCH_MESSAGES = 256
/** Their bytes: so much may come after a pause. A longer message is asked for alone. */
const BATCH_BYTES = 1024 * 1024
const EXPIRES_MS = 10_000
const HEARTBEAT_MS = 500
/** A server that has sent nothing for so long, though it was asked, is given up. */
export const SILENCE_MAX_MS = 1_500
const NS_PER_MS = 1_000_000

// Codes of the messages that end a request: https://docs.nats.io/nats-concepts/jetstream/consumers
const HEARTBEAT = 100
const NO_MESSAGES = 404
const EXPIRED = 408
const CONFLICT = 409
const TOO_LONG = 'Message Size Exceeds MaxBytes'
const COMPLETED = 'Batch Completed'

export class StreamReader {
  private readonly stream: TickStream
  private readonly consumer: string
  private readonly events: StreamReaderEvents
  private readonly inbox: string
  private readonly subject: string
  private readonly subscription: Subscription
  private readonly silence: SilenceTimer
  private isPaused: boolean
  private isEnded = false
  /** Messages that were asked for and have not come; 0: nothing is asked for. */
  private inFlight = 0
  /** Messages of the current request that have come. */
  private received = 0
  private lastDelivery = 0

  private constructor(
    stream: TickStream,
    consumer: string,
    isPaused: boolean,
    clock: Clock,
    events: StreamReaderEvents,
  ) {
    this.stream = stream
    this.consumer = consumer
    this.isPaused = isPaused
    this.events = events
    this.inbox = `_INBOX.ringcast.${consumer}`
    this.subject = `$JS.API.CONSUMER.MSG.NEXT.${stream.name}.${consumer}`
    this.silence = new SilenceTimer(clock, () =>
      this.end(`the server has sent nothing for ${SILENCE_MAX_MS} ms`),
    )
    this.subscription = stream.connection.subscribe(this.inbox, {
      callback: (error, message) => {
        if (error !== null) this.end(error.message)
        else if (!this.isEnded) this.take(message)
      },
    })
    this.askUnlessPaused()
  }

  /** Reads from `start` on. */
  static async open(
    stream: TickStream,
    start: ConsumerStart,
    isPaused: () => boolean,
    clock: Clock,
    events: StreamReaderEvents,
  ): Promise<StreamReader> {
    const consumer = await stream.createConsumer(start)
    return new StreamReader(stream, consumer, isPaused(), clock, events)
  }

  /** No message after those that were asked for. */
  pause(): void {
    this.isPaused = true
  }

  resume(): void {
    if (!this.isPaused) return
    this.isPaused = false
    this.askUnlessPaused()
  }

  stop(): void {
    if (this.isEnded) return
    this.isEnded = true
    this.silence.stop()
    this.subscription.unsubscribe()
    // The server removes it anyway, after a time.
    this.stream.deleteConsumer(this.consumer).catch(() => {})
  }

  private end(reason: string): void {
    if (this.isEnded) return
    this.stop()
    this.events.ended(reason)
  }

  private askUnlessPaused(): void {
    if (!this.isPaused && this.inFlight === 0 && !this.isEnded) this.ask(BATCH_MESSAGES, BATCH_BYTES)
  }

  /** @param bytes 0: of any length */
  private ask(batch: number, bytes: number): void {
    this.inFlight = batch
    this.received = 0
    const request = {
      batch,
      ...(bytes > 0 ? { max_bytes: bytes } : {}),
      expires: EXPIRES_MS * NS_PER_MS,
      idle_heartbeat: HEARTBEAT_MS * NS_PER_MS,
    }
    try {
      this.stream.connection.publish(this.subject, JSON.stringify(request), { reply: this.inbox })
    } catch (error) {
      // The connection was closed. The caller may be the sink, which has nothing to do with that.
      this.end(reasonOf(error))
      return
    }
    this.silence.start()
  }

  private take(message: Msg): void {
    this.silence.heard()
    const { headers } = message
    const code = headers?.code ?? 0
    if (code !== 0) this.takeStatus(code, headers?.description ?? '')
    else this.takeMessage(message)
  }

  private takeStatus(code: number, text: string): void {
    if (code === HEARTBEAT) return
    const isExpected = code === EXPIRED || code === NO_MESSAGES || (code === CONFLICT && isRegular(text))
    if (!isExpected) {
      this.end(`the server ends the reading: ${code} ${text}`)
      return
    }
    const isTooLong = text === TOO_LONG && this.received === 0
    this.requestEnded()
    if (isTooLong && !this.isPaused) this.ask(1, 0)
    else this.askUnlessPaused()
  }

  private takeMessage(message: Msg): void {
    const delivery = deliveryOf(message)
    if (delivery === undefined) return
    if (delivery.deliverySequence !== this.lastDelivery + 1) {
      this.end('a message was lost on its way')
      return
    }
    this.lastDelivery++
    this.received++
    this.inFlight--
    if (this.inFlight === 0) this.requestEnded()
    const { headers } = message
    const content: StreamMessage | undefined = headers && streamMessageOf(headers, message.data)
    const stored = {
      sequence: delivery.streamSequence,
      storedAtNs: delivery.storedAtNs,
      messageId: messageIdOf(headers),
      message: content,
    }
    this.events.message(stored, delivery.pending)
    this.askUnlessPaused()
  }

  private requestEnded(): void {
    this.inFlight = 0
    this.silence.stop()
  }
}

/** Calls back when nothing was heard for `SILENCE_MAX_MS`. One timer, which looks how long ago the last word was. */
class SilenceTimer {
  private readonly clock: Clock
  private readonly isSilent: () => void
  private heardMs = 0
  private timer: Timer | undefined

  constructor(clock: Clock, isSilent: () => void) {
    this.clock = clock
    this.isSilent = isSilent
  }

  start(): void {
    this.heard()
    this.timer ??= this.clock.after(SILENCE_MAX_MS, () => this.look())
  }

  heard(): void {
    this.heardMs = this.clock.nowMs()
  }

  stop(): void {
    this.timer?.cancel()
    this.timer = undefined
  }

  private look(): void {
    const leftMs = this.heardMs + SILENCE_MAX_MS - this.clock.nowMs()
    this.timer = undefined
    if (leftMs > 0) this.timer = this.clock.after(leftMs, () => this.look())
    else this.isSilent()
  }
}

/** Whether a conflict only ends the request. */
function isRegular(text: string): boolean {
  return text === TOO_LONG || text === COMPLETED
}
