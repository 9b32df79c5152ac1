/**
 * The JetStream stream of ticks, over one connection: its state, its messages, and writing to it. Main thread.
 * Nothing here tries again: the owner does, or begins anew on another connection.
 */
import {
  AckPolicy,
  DeliverPolicy,
  headers,
  JetStreamApiCodes,
  JetStreamApiError,
  type JetStreamManager,
  jetstreamManager,
  type Msg,
  type MsgHdrs,
  type NatsConnection,
  type StreamConfig,
  type StreamInfo,
} from './nats-js.js'
import { bodyOf, headersOf, type StreamMessage, streamMessageOf } from './stream-message.js'

export interface StreamState {
  readonly config: StreamConfig
  /** When the stream was created, as the server writes it. It tells two streams of one name apart. */
  readonly created: string
  /** Sequence of the oldest message that is held; one more than the newest where none is. */
  readonly firstSequence: number
  /** Sequence of the newest message ever; 0: there was none. */
  readonly lastSequence: number
}

/** A message with its place in the stream. */
export interface StoredMessage {
  readonly sequence: number
  /** When the server stored it. With its `Nats-Msg-Id`, this tells whether two reads have met the same message. */
  readonly storedAtNs: bigint
  readonly messageId: string
  /** undefined: none of a relay. */
  readonly message: StreamMessage | undefined
}

/** The message that another one is to follow. */
export interface Predecessor {
  readonly sequence: number
  /** Left out where it is known to be stored at this sequence: a server that was started anew may not know its id. */
  readonly id?: string | undefined
}

/** Where a consumer begins. */
export type ConsumerStart = { readonly sequence: number } | { readonly storedFromNs: bigint }

/** A lost answer is asked for again after this time. */
const API_TIMEOUT_MS = 2_000
const MESSAGE_ID = 'Nats-Msg-Id'
const EXPECTED_STREAM = 'Nats-Expected-Stream'
const EXPECTED_LAST_ID = 'Nats-Expected-Last-Msg-Id'
const EXPECTED_LAST_SEQUENCE = 'Nats-Expected-Last-Sequence'
const NS_PER_S = 1_000_000_000
/** A consumer whose reader has died is removed by the server after this time. */
const INACTIVE_NS = 60 * NS_PER_S

export class TickStream {
  readonly connection: NatsConnection
  readonly name: string
  private readonly subject: string
  private readonly manager: JetStreamManager

  private constructor(connection: NatsConnection, name: string, subject: string, manager: JetStreamManager) {
    this.connection = connection
    this.name = name
    this.subject = subject
    this.manager = manager
  }

  /** @param subject of the messages that `publish` writes */
  static async open(connection: NatsConnection, name: string, subject: string): Promise<TickStream> {
    const manager = await jetstreamManager(connection, { timeout: API_TIMEOUT_MS, checkAPI: false })
    return new TickStream(connection, name, subject, manager)
  }

  /** Id of the server that this connection leads to. */
  get serverId(): string {
    return this.connection.info?.server_id ?? ''
  }

  /** Whether the server is one of a cluster. */
  get isClustered(): boolean {
    return this.connection.info?.cluster !== undefined
  }

  /** The longest message that the server takes, bytes. */
  get messageBytesMax(): number {
    return this.connection.info?.max_payload ?? 1024 * 1024
  }

  /** @returns undefined when there is no such stream */
  async state(): Promise<StreamState | undefined> {
    try {
      return stateOf(await this.manager.streams.info(this.name))
    } catch (error) {
      if (hasCode(error, JetStreamApiCodes.StreamNotFound)) return undefined
      throw error
    }
  }

  async create(config: Partial<StreamConfig> & { name: string }): Promise<StreamState> {
    return stateOf(await this.manager.streams.add(config))
  }

  async update(config: Partial<StreamConfig>): Promise<StreamState> {
    return stateOf(await this.manager.streams.update(this.name, config))
  }

  /** @returns undefined when the stream does not hold it (any more) */
  async message(sequence: number): Promise<StoredMessage | undefined> {
    try {
      const stored = await this.manager.streams.getMessage(this.name, { seq: sequence })
      if (stored === null) return undefined
      return {
        sequence: stored.seq,
        storedAtNs: nanosecondsOf(stored.timestamp),
        messageId: stored.header?.get(MESSAGE_ID) ?? '',
        message: streamMessageOf(stored.header ?? headers(), stored.data),
      }
    } catch (error) {
      if (hasCode(error, JetStreamApiCodes.NoMessageFound)) return undefined
      throw error
    }
  }

  /**
   * Writes a message behind another one, or not at all: another message there is an error.
   *
   * @param id names the message: written twice, it is stored once
   * @returns the sequence at which it is stored
   */
  async publish(message: StreamMessage, id: string, after: Predecessor, timeoutMs: number): Promise<number> {
    const head = headers()
    for (const [name, value] of headersOf(message)) head.append(name, value)
    head.append(MESSAGE_ID, id)
    head.append(EXPECTED_STREAM, this.name)
    head.append(EXPECTED_LAST_SEQUENCE, String(after.sequence))
    if (after.id !== undefined) head.append(EXPECTED_LAST_ID, after.id)
    const options = { headers: head, timeout: timeoutMs }
    const reply = await this.connection.request(this.subject, bodyOf(message), options)
    const { seq, error } = reply.json<{ seq?: number; error?: { description?: string } }>()
    if (error !== undefined || seq === undefined)
      throw new Error(error?.description ?? 'the server has not stored a message')
    return seq
  }

  /** Creates a consumer that gives its messages once and in order. @returns its name */
  async createConsumer(start: ConsumerStart): Promise<string> {
    const policy =
      'sequence' in start
        ? { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: start.sequence }
        : { deliver_policy: DeliverPolicy.StartTime, opt_start_time: timeTextOf(start.storedFromNs) }
    const { name } = await this.manager.consumers.add(this.name, {
      ...policy,
      ack_policy: AckPolicy.None,
      max_deliver: 1,
      mem_storage: true,
      num_replicas: 1,
      inactive_threshold: INACTIVE_NS,
    })
    return name
  }

  async deleteConsumer(consumer: string): Promise<void> {
    await this.manager.consumers.delete(this.name, consumer)
  }
}

/** The place of a message that a consumer delivers, from the subject of its acknowledgement. */
export interface Delivery {
  readonly streamSequence: number
  /** Counts what the consumer has delivered: 1, 2, 3 … */
  readonly deliverySequence: number
  /** Since the Unix epoch. */
  readonly storedAtNs: bigint
  /** Messages that the stream holds behind this one. */
  readonly pending: number
}

/**
 * `$JS.ACK.<stream>.<consumer>.<deliveries>.<stream sequence>.<delivery sequence>.<ns>.<pending>`; newer servers put the
 * domain and the account's hash in front of the stream, and may put a token behind.
 * https://docs.nats.io/reference/reference-protocols/nats_api_reference
 */
export function deliveryOf({ reply }: Pick<Msg, 'reply'>): Delivery | undefined {
  const tokens = reply?.split('.') ?? []
  const at = tokens.length === 9 ? 4 : 6
  if (tokens.length < 9 || tokens[1] !== 'ACK') return undefined
  return {
    streamSequence: Number(tokens[at + 1]),
    deliverySequence: Number(tokens[at + 2]),
    storedAtNs: BigInt(tokens[at + 3] ?? '0'),
    pending: Number(tokens[at + 4] ?? 0),
  }
}

export function messageIdOf(head: MsgHdrs | undefined): string {
  return head?.get(MESSAGE_ID) ?? ''
}

function stateOf({ config, created, state }: StreamInfo): StreamState {
  return { config, created, firstSequence: state.first_seq, lastSequence: state.last_seq }
}

function hasCode(error: unknown, code: number): boolean {
  return error instanceof JetStreamApiError && error.code === code
}

/** @param text RFC 3339, with up to nine digits behind the second */
function nanosecondsOf(text: string): bigint {
  const [, seconds = '', fraction = '', zone = ''] =
    /^([^.Z+]*?\d\d:\d\d:\d\d)(?:\.(\d+))?(.*)$/.exec(text) ?? []
  return BigInt(Date.parse(`${seconds}${zone}`)) * 1_000_000n + BigInt(fraction.padEnd(9, '0').slice(0, 9))
}

function timeTextOf(ns: bigint): string {
  const date = new Date(Number(ns / 1_000_000n)).toISOString()
  return date.replace(/\.\d+Z$/, `.${String(ns % 1_000_000_000n).padStart(9, '0')}Z`)
}
