/**
 * One call to a tick feed over a connection of its own; knows grpc-js, but no policy. Main thread.
 * Metadata comes before the first message, `ended` or `failed` comes last and once, and after `cancel` nothing comes.
 */
import { Client, type ClientReadableStream, type Metadata, type StatusObject, status } from '@grpc/grpc-js'
import type { MessageForm } from '../tick-source.js'
import { callFailure } from './call-failure.js'
import { channelCredentials, type Tls } from './grpc-credentials.js'
import { EPOCH_METADATA_KEY, methodOfForm, type StreamRequest } from './tick-feed-service.js'

export interface GrpcTarget {
  /** 'host:port'. */
  readonly target: string
  readonly tls: Tls
  /** How many bytes the feed may send ahead of what is read, HTTP/2's flow control window. */
  readonly windowBytes: number
  /** Between two HTTP/2 pings, which find a connection that died without a word; 0: none. */
  readonly keepaliveMs: number
}

export interface GrpcCallListener {
  metadata(epoch: string | undefined): void
  message(message: Buffer): void
  /** `unimplemented`: the feed lacks the method. `reason` is one sentence. */
  ended(outcome: 'unimplemented' | 'ended', reason: string): void
  /** One of the methods above has thrown `error`, and the call was cancelled for it. */
  failed(error: unknown): void
}

// The contract allows 64 KiB; a feed that sends more is not cut off for it.
const MESSAGE_BYTES_MAX = 16 * 1024 * 1024
const KEEPALIVE_TIMEOUT_MS = 10_000

export class GrpcCall {
  readonly #client: Client
  readonly #call: ClientReadableStream<Buffer>
  readonly #listener: GrpcCallListener
  readonly #isTls: boolean
  #hasMetadata = false
  #paused = false
  #finished = false

  /** Connects and calls. Throws when grpc-js does not understand the target. */
  constructor(target: GrpcTarget, form: MessageForm, request: StreamRequest, listener: GrpcCallListener) {
    this.#listener = listener
    this.#isTls = target.tls !== false
    this.#client = new Client(target.target, channelCredentials(target.tls), channelOptions(target))
    const method = methodOfForm[form]
    this.#call = this.#client.makeServerStreamRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      request,
    )
    this.#on('metadata', (metadata: Metadata) => this.#onMetadata(metadata))
    this.#on('status', (end: StatusObject) => this.#onStatus(end))
    // grpc-js tells a failure twice, and 'status' is the one that also tells success.
    this.#call.on('error', ignore)
  }

  /**
   * grpc-js then reads no more than 16 messages ahead and stops reading the HTTP/2 stream, so the window fills
   * and the feed has to wait.
   */
  pause(): void {
    this.#paused = true
    this.#call.pause()
  }

  resume(): void {
    this.#paused = false
    // Before the metadata nobody listens to 'data' yet, and a flowing stream would lose the messages.
    if (this.#hasMetadata) this.#call.resume()
  }

  /** Ends the call and its connection; the listener hears nothing more. Safe to call twice. */
  cancel(): void {
    if (this.#finished) return
    this.#finished = true
    this.#call.removeAllListeners()
    this.#call.on('error', ignore)
    this.#call.cancel()
    // Closed in the turn of its making, a client of grpc-js 1.14 connects all the same, and never lets go.
    setImmediate(() => this.#client.close())
  }

  /** Listens. What is thrown then would go through grpc-js up to the process, and end it. */
  #on<T>(event: string, listener: (value: T) => void): void {
    this.#call.on(event, (value: T) => {
      try {
        listener(value)
      } catch (error) {
        this.cancel()
        this.#listener.failed(error)
      }
    })
  }

  #onMetadata(metadata: Metadata): void {
    this.#hasMetadata = true
    const epoch = metadata.get(EPOCH_METADATA_KEY)[0]
    this.#listener.metadata(epoch === undefined ? undefined : String(epoch))
    if (this.#finished) return
    this.#on('data', (message: Buffer) => this.#listener.message(message))
    // A pause that came and went while connecting has left the stream stopped. And until a first read is asked for,
    // grpc-js takes in all that the feed sends, without a bound.
    if (this.#paused) this.#call.read(0)
    else this.#call.resume()
  }

  #onStatus(end: StatusObject): void {
    if (end.code === status.OK && this.#hasMetadata) {
      // A paused reader has yet to take what came before the end.
      this.#on('end', () => this.#end('ended', 'the feed ended the stream'))
      return
    }
    const reason =
      end.code === status.OK
        ? 'the feed ended the stream at once'
        : `${status[end.code]}: ${callFailure(end.details, this.#isTls)}`
    this.#end(end.code === status.UNIMPLEMENTED ? 'unimplemented' : 'ended', reason)
  }

  #end(outcome: 'unimplemented' | 'ended', reason: string): void {
    if (this.#finished) return
    this.cancel()
    this.#listener.ended(outcome, reason)
  }
}

function channelOptions(target: GrpcTarget): Record<string, number> {
  const options: Record<string, number> = {
    'grpc-node.flow_control_window': target.windowBytes,
    'grpc.max_receive_message_length': MESSAGE_BYTES_MAX,
    // Connection attempts, retries and their delays are the source's: one policy, not two on top of each other.
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
