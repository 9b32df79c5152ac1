/** A stream in a real server of NATS, written by a test as a relay writes it. */
import {
  connect,
  DiscardPolicy,
  jetstreamManager,
  type NatsConnection,
} from '../../src/sources/nats/nats-js.js'
import { ticksSubject } from '../../src/sources/nats/nats-options.js'
import type { MessageContent, MessageFrame, StreamMessage } from '../../src/sources/nats/stream-message.js'
import { TickStream } from '../../src/sources/nats/tick-stream.js'
import { encodeTickBatch, type Tick } from './proto-messages.js'

const PUBLISH_TIMEOUT_MS = 2_000

export class StoredStream {
  readonly name: string
  private readonly connection: NatsConnection
  private readonly stream: TickStream
  private sequence = 0
  private events = 0
  epoch = 'E'
  /** Of the last tick that was written. */
  offset = 0

  private constructor(name: string, connection: NatsConnection, stream: TickStream) {
    this.name = name
    this.connection = connection
    this.stream = stream
  }

  static async create(url: string, name: string): Promise<StoredStream> {
    // A test may kill the server for a while.
    const connection = await connect({ servers: url, reconnectTimeWait: 50, maxReconnectAttempts: -1 })
    const stream = await TickStream.open(connection, name, ticksSubject(name))
    await stream.create({ name, subjects: [ticksSubject(name)], discard: DiscardPolicy.Old })
    return new StoredStream(name, connection, stream)
  }

  /** Sequence of the last message. */
  get lastSequence(): number {
    return this.sequence
  }

  /** Writes ticks that follow the last one, in one message. Their sequences are their offsets. */
  async ticks(symbols: readonly string[], frame: Partial<MessageFrame> = {}): Promise<void> {
    const offset = this.offset + 1
    this.offset += symbols.length
    const ticks = symbols.map(
      (symbol, index): Partial<Tick> => ({ symbol, kind: 1, sequence: offset + index, bid: 1, ask: 2 }),
    )
    const data = encodeTickBatch({ ticks })
    await this.write({ kind: 'ticks', offset, count: symbols.length, data }, frame)
  }

  /** Writes ticks of symbol A, some in each message, up to this offset. */
  async upTo(offset: number, perMessage = 10): Promise<void> {
    const size = (): number => Math.min(perMessage, offset - this.offset)
    while (this.offset < offset) await this.ticks(Array.from({ length: size() }, () => 'A'))
  }

  /** Positions have a hole. */
  hole(offsets: number): void {
    this.offset += offsets
  }

  /** Ticks without offsets are lost. */
  async loss(missed: number | null, reason: 'upstream' | 'malformed' = 'upstream'): Promise<void> {
    await this.write({ kind: 'loss', offset: this.offset, reason, missed })
  }

  /** The next ticks belong to another epoch. @param offset of the first one */
  beginEpoch(epoch: string, offset = 1): void {
    this.epoch = epoch
    this.offset = offset - 1
  }

  async write(content: MessageContent, frame: Partial<MessageFrame> = {}): Promise<void> {
    const { epoch } = this
    const message: StreamMessage = {
      relay: 'R',
      epoch,
      feedEpoch: epoch,
      feed: 'live',
      server: 'S',
      schema: undefined,
      ...frame,
      ...content,
    }
    const id = `${epoch}:${content.offset}:${++this.events}`
    this.sequence = await this.stream.publish(message, id, { sequence: this.sequence }, PUBLISH_TIMEOUT_MS)
  }

  /** Resolves when a server that was killed serves the stream again. */
  async reachable(): Promise<void> {
    while ((await this.stream.state().catch(() => undefined)) === undefined);
  }

  /** Removes all messages before a sequence, as the retention does. */
  async removeBefore(sequence: number): Promise<void> {
    const manager = await jetstreamManager(this.connection)
    await manager.streams.purge(this.name, { seq: sequence })
  }

  /** Removes one message. */
  async remove(sequence: number): Promise<void> {
    const manager = await jetstreamManager(this.connection)
    await manager.streams.deleteMessage(this.name, sequence)
  }

  async close(): Promise<void> {
    await this.connection.close()
  }
}
