/**
 * One call to a tick feed, over a connection of its own. Main thread. Decides nothing: retries are the source's.
 * The listener hears `metadata` before the first message, `ended` or `failed` last and once, and nothing after `cancel`.
 */
import type { MessageForm } from '../../ingest/tick-sink.js'
import { callFailure } from './call-failure.js'
import type { StreamRequest } from './feed-messages.js'
import { channelCredentials, type Tls } from './grpc-credentials.js'
import { Client, type ClientReadableStream, type Metadata, type StatusObject, status } from './grpc-js.js'
import { EPOCH_METADATA_KEY, methodOfForm } from './tick-feed-service.js'

export interface GrpcTarget {
  /** 'host:port'. */
  readonly target: string
  readonly tls: Tls
  /** HTTP/2 flow control window: the bytes that the feed may send before they are read. */
  readonly windowBytes: number
  /** Time between two HTTP/2 pings, which detect a dead connection; 0: no pings. */
  readonly keepaliveMs: number
}

export interface GrpcCallListener {
  metadata(epoch: string | undefined): void
  message(message: Buffer): void
  /** `unimplemented`: the feed lacks the method. `reason` is one sentence. */
  ended(outcome: 'unimplemented' | 'ended', reason: string): void
  /** One of the methods above has thrown `error`. The call is cancelled. */
  failed(error: unknown): void
}

/** The contract allows 64 KiB. A feed that sends longer messages is read all the same. */
const MESSAGE_BYTES_MAX = 16 * 1024 * 1024
/** By grpc-js's own timer: a pause of the process between ping and answer that is longer costs a new call, and no tick. */
const KEEPALIVE_TIMEOUT_MS = 10_000

export class GrpcCall {
  private readonly client: Client
  private readonly call: ClientReadableStream<Buffer>
  private readonly listener: GrpcCallListener
  private readonly isTls: boolean
  private hasMetadata = false
  private isPaused = false
  private isFinished = false

  /** Connects and calls. Throws when grpc-js does not understand the target. */
  constructor(target: GrpcTarget, form: MessageForm, request: StreamRequest, listener: GrpcCallListener) {
    this.listener = listener
    this.isTls = target.tls !== false
    this.client = new Client(target.target, channelCredentials(target.tls), channelOptions(target))
    const method = methodOfForm[form]
    this.call = this.client.makeServerStreamRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      request,
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
        this.cancel()
        this.listener.failed(error)
      }
    })
  }

  private onMetadata(metadata: Metadata): void {
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

  private onStatus(end: StatusObject): void {
    if (end.code === status.OK && this.hasMetadata) {
      // A paused call still holds the messages that came before the end.
      this.on('end', () => this.end('ended', 'the feed ended the stream'))
      return
    }
    const reason =
      end.code === status.OK
        ? 'the feed ended the stream at once'
        : `${status[end.code]}: ${callFailure(end.details, this.isTls)}`
    this.end(end.code === status.UNIMPLEMENTED ? 'unimplemented' : 'ended', reason)
  }

  private end(outcome: 'unimplemented' | 'ended', reason: string): void {
    if (this.isFinished) return
    this.cancel()
    this.listener.ended(outcome, reason)
  }
}

function channelOptions(target: GrpcTarget): Record<string, number> {
  const options: Record<string, number> = {
    'grpc-node.flow_control_window': target.windowBytes,
    'grpc.max_receive_message_length': MESSAGE_BYTES_MAX,
    // Retries and their delays are the source's: one policy, not two on top of each other.
    'grpc.use_local_subchannel_pool': 1,
    'grpc.enable_retries': 0,
    'grpc.service_config_disable_resolution': 1,
  }
  if (target.keepaliveMs > 0) {
    options['grpc.keepalive_time_ms'] = target.keepaliveMs
    options['grpc.keepalive_timeout_ms'] = KEEPALIVE_TIMEOUT_MS
  }
  return options
}

function ignore(): void {}
