/**
 * One call to a tick feed, over a connection of its own. Main thread. Decides nothing: retries are the source's.
 * The listener hears `metadata` before the first message, `ended` or `failed` last and once, and nothing after `cancel`.
 * A feed may send its metadata late: most libraries for servers send it with the first message.
 */
import { quoteValue } from '../../common/quote-value.js'
import { callFailure } from './call-failure.js'
import { ACCEPTED_AFTER_MS } from './call-progress.js'
import { channelCredentials } from './grpc-credentials.js'
import {
  Client,
  type ClientReadableStream,
  connectivityState,
  type Metadata,
  type StatusObject,
  status,
} from './grpc-js.js'
import { channelOptions, type GrpcMethod, type GrpcTarget, metadataOf } from './grpc-target.js'
import { proxyOf, withProxy } from './proxy-name.js'
import { EPOCH_METADATA_KEY } from './tick-feed-service.js'

/**
 * `complete`: in good order. `unimplemented`: the feed lacks the method. `unreadable`: the feed does not hold what was
 * asked for, or not in messages that can be read: the same request would end in the same way. `overloaded`: the feed
 * counts too many pings or too many of something else.
 */
export type CallOutcome = 'complete' | 'unimplemented' | 'unreadable' | 'overloaded' | 'failed'

export interface GrpcCallListener {
  /** The connection stands, and the call is on its way. */
  connected(): void
  /** The feed has had the time to refuse the call, and has not, see CallProgress. */
  accepted(): void
  metadata(epoch: string | undefined): void
  message(message: Buffer): void
  /** `reason` is one sentence. */
  ended(outcome: CallOutcome, reason: string): void
  /** One of the methods above has thrown `error`. The call is cancelled. */
  failed(error: unknown): void
}

/** A server that accepts a connection and never says a word of HTTP/2 would be waited for without an end. */
const CONNECT_TIMEOUT_MS = 20_000
/** The words of grpc-js for the error ENHANCE_YOUR_CALM of HTTP/2. */
const ENHANCE_YOUR_CALM = 'Bandwidth exhausted or memory limit exceeded'
/** Two clocks may differ by so much. */
const TIMER_SLACK_MS = 20
/** https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md */
const GRPC_TYPE = 'application/grpc'
const MESSAGE_TOO_LONG = /^Received message larger than max/

export class GrpcCall {
  private readonly client: Client
  private readonly call: ClientReadableStream<Buffer>
  private readonly listener: GrpcCallListener
  private readonly isTls: boolean
  /** 'host:port'; undefined: there is none. */
  private readonly proxy: string | undefined
  private hasMetadata = false
  /** What the reply is where it is not gRPC. */
  private otherType: string | undefined
  private isPaused = false
  private isFinished = false

  /** Connects and calls. Throws when grpc-js does not understand the target. */
  constructor(target: GrpcTarget, method: GrpcMethod, listener: GrpcCallListener) {
    this.listener = listener
    this.isTls = target.tls !== false
    this.client = new Client(target.target, channelCredentials(target.tls), channelOptions(target))
    this.proxy = proxyOf(this.client, target.target)
    const connectTimeoutMs = target.connectTimeoutMs ?? CONNECT_TIMEOUT_MS
    this.watchConnection(Date.now() + connectTimeoutMs, connectTimeoutMs)
    this.call = this.client.makeServerStreamRequest(
      method.path,
      bytesOf,
      bytesOf,
      Buffer.from(method.request),
      metadataOf(target.metadata),
    )
    this.on('metadata', (metadata: Metadata) => this.onMetadata(metadata))
    this.on('status', (end: StatusObject) => this.onStatus(end))
    // grpc-js reports a failure as 'error' and as 'status'. Only 'status' also reports success.
    this.call.on('error', ignore)
  }

  /** grpc-js reads 16 messages more, then stops reading the HTTP/2 stream: the window fills, and the feed waits. */
  pause(): void {
    this.isPaused = true
    this.call.pause()
  }

  resume(): void {
    this.isPaused = false
    // Before the metadata there is no listener for 'data': a flowing stream would lose its messages.
    if (this.hasMetadata) this.call.resume()
  }

  /** Ends the call and its connection. Safe to call twice. */
  cancel(): void {
    if (this.isFinished) return
    this.isFinished = true
    this.call.removeAllListeners()
    this.call.on('error', ignore)
    this.call.cancel()
    // A client of grpc-js 1.14 that is closed in the turn in which it was made connects nevertheless, for ever.
    setImmediate(() => this.client.close())
  }

  /** Adds a listener whose errors are caught: through grpc-js, an error would reach the process and end it. */
  private on<T>(event: string, listener: (value: T) => void): void {
    this.call.on(event, (value: T) => {
      try {
        listener(value)
      } catch (error) {
        this.fail(error)
      }
    })
  }

  private fail(error: unknown): void {
    this.cancel()
    this.listener.failed(error)
  }

  private onMetadata(metadata: Metadata): void {
    const type = String(metadata.get('content-type')[0] ?? GRPC_TYPE)
    if (!type.startsWith(GRPC_TYPE)) {
      // The page of a proxy that has lost the feed or waited too long for it, for instance. Nobody reads its bytes.
      this.otherType = type
      this.call.resume()
      return
    }
    this.hasMetadata = true
    const epoch = metadata.get(EPOCH_METADATA_KEY)[0]
    this.listener.metadata(epoch === undefined ? undefined : String(epoch))
    if (this.isFinished) return
    this.on('data', (message: Buffer) => this.listener.message(message))
    // A pause and a resume before the metadata leave the stream stopped. Before the first read, grpc-js buffers
    // whatever the feed sends, without a bound.
    if (this.isPaused) this.call.read(0)
    else this.call.resume()
  }

  /** Not `waitForReady` of the client, which connects by itself, also when the call was cancelled meanwhile. */
  private watchConnection(deadline: number, timeoutMs: number): void {
    const channel = this.client.getChannel()
    const state = channel.getConnectivityState(false)
    if (state === connectivityState.READY) {
      this.tell(() => this.listener.connected())
      if (!this.isFinished) this.watchAcceptance(channel)
      return
    }
    channel.watchConnectivityState(state, deadline, error => {
      if (this.isFinished) return
      if (error === undefined) this.watchConnection(deadline, timeoutMs)
      else
        this.end(
          'failed',
          withProxy(`no connection within ${timeoutMs} ms: is this a gRPC server?`, this.proxy),
        )
    })
  }

  /** By the timer of grpc-js, which ends with the connection. */
  private watchAcceptance(channel: ReturnType<Client['getChannel']>): void {
    const deadline = Date.now() + ACCEPTED_AFTER_MS + TIMER_SLACK_MS
    channel.watchConnectivityState(connectivityState.READY, deadline, error => {
      if (error !== undefined && !this.isFinished) this.tell(() => this.listener.accepted())
    })
  }

  private tell(what: () => void): void {
    try {
      what()
    } catch (error) {
      this.fail(error)
    }
  }

  private onStatus(end: StatusObject): void {
    if (end.code === status.OK && this.hasMetadata) {
      // A paused call still holds the messages that came before the end.
      this.on('end', () => this.end('complete', 'the feed ended the stream'))
      return
    }
    const reason =
      end.code === status.OK
        ? 'the feed ended the stream at once'
        : withProxy(`${status[end.code]}: ${callFailure(end.details, this.isTls)}`, this.proxy)
    if (this.otherType === undefined) {
      this.end(outcomeOf(end), reason)
      return
    }
    const type = quoteValue(this.otherType)
    // The text of a page, read as the length of a message.
    if (MESSAGE_TOO_LONG.test(end.details))
      this.end('failed', `${type} came in place of gRPC: is this the address of a gRPC server?`)
    else this.end('failed', `${reason}: ${type} came in place of gRPC, as from a proxy`)
  }

  private end(outcome: CallOutcome, reason: string): void {
    if (this.isFinished) return
    this.cancel()
    this.listener.ended(outcome, reason)
  }
}

function bytesOf(bytes: Buffer): Buffer {
  return bytes
}

function outcomeOf({ code, details }: StatusObject): CallOutcome {
  switch (code) {
    case status.OK:
      return 'complete'
    case status.UNIMPLEMENTED:
      return 'unimplemented'
    case status.DATA_LOSS:
    case status.OUT_OF_RANGE:
      return 'unreadable'
    case status.RESOURCE_EXHAUSTED:
      if (details === ENHANCE_YOUR_CALM) return 'overloaded'
      return MESSAGE_TOO_LONG.test(details) ? 'unreadable' : 'failed'
    default:
      return 'failed'
  }
}

function ignore(): void {}
