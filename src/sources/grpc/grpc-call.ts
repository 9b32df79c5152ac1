/**
 * One call to a tick feed, over a connection of its own. Main thread. Decides nothing: retries are the source's.
 * The listener hears `metadata` before the first message, `ended` or `failed` last and once, and nothing after `cancel`.
 */
import { callFailure } from './call-failure.js'
import { channelCredentials } from './grpc-credentials.js'
import { Client, type ClientReadableStream, type Metadata, type StatusObject, status } from './grpc-js.js'
import { channelOptions, type GrpcMethod, type GrpcTarget, metadataOf } from './grpc-target.js'
import { EPOCH_METADATA_KEY } from './tick-feed-service.js'

export interface GrpcCallListener {
  metadata(epoch: string | undefined): void
  message(message: Buffer): void
  /** `unimplemented`: the feed lacks the method. `reason` is one sentence. */
  ended(outcome: 'unimplemented' | 'ended', reason: string): void
  /** One of the methods above has thrown `error`. The call is cancelled. */
  failed(error: unknown): void
}

export class GrpcCall {
  private readonly client: Client
  private readonly call: ClientReadableStream<Buffer>
  private readonly listener: GrpcCallListener
  private readonly isTls: boolean
  private hasMetadata = false
  private isPaused = false
  private isFinished = false

  /** Connects and calls. Throws when grpc-js does not understand the target. */
  constructor(target: GrpcTarget, method: GrpcMethod, listener: GrpcCallListener) {
    this.listener = listener
    this.isTls = target.tls !== false
    this.client = new Client(target.target, channelCredentials(target.tls), channelOptions(target))
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

function bytesOf(bytes: Buffer): Buffer {
  return bytes
}

function ignore(): void {}
