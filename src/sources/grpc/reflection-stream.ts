/**
 * One call to the reflection service of a feed: a question, its reply, the next question. Main thread.
 */
import { callFailure } from './call-failure.js'
import { channelCredentials } from './grpc-credentials.js'
import { Client, type ClientDuplexStream, type StatusObject, status } from './grpc-js.js'
import { channelOptions, type GrpcTarget, metadataOf } from './grpc-target.js'
import { proxyOf, withProxy } from './proxy-name.js'
import {
  decodeReflectionReply,
  encodeReflectionRequest,
  type ReflectionReply,
  type ReflectionRequest,
} from './reflection-messages.js'

export type ReflectionVersion = 'v1' | 'v1alpha'

/** A call must end in this time. */
const DEADLINE_MS = 10_000

/** The call has failed. The message is one sentence. */
export class ReflectionFailure extends Error {
  /** Whether the feed has no reflection of this version. */
  readonly isUnimplemented: boolean

  constructor(message: string, isUnimplemented = false) {
    super(message)
    this.isUnimplemented = isUnimplemented
  }
}

interface Question {
  resolve(reply: ReflectionReply): void
  reject(failure: ReflectionFailure): void
}

export class ReflectionStream {
  private readonly client: Client
  private readonly call: ClientDuplexStream<ReflectionRequest, ReflectionReply>
  private readonly isTls: boolean
  private readonly proxy: string | undefined
  private question: Question | undefined
  private failure: ReflectionFailure | undefined

  /** Throws when grpc-js does not understand the target. */
  constructor(target: GrpcTarget, version: ReflectionVersion) {
    this.isTls = target.tls !== false
    this.client = new Client(target.target, channelCredentials(target.tls), channelOptions(target))
    this.proxy = proxyOf(this.client, target.target)
    this.call = this.client.makeBidiStreamRequest(
      `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`,
      encodeReflectionRequest,
      decodeReflectionReply,
      metadataOf(target.metadata),
      { deadline: Date.now() + DEADLINE_MS },
    )
    this.call.on('data', (reply: ReflectionReply) => this.question?.resolve(reply))
    this.call.on('status', (end: StatusObject) => this.onStatus(end))
    // grpc-js reports a failure as 'error' and as 'status'. Only 'status' also reports success.
    this.call.on('error', () => {})
  }

  /**
   * Called again after the reply only.
   *
   * @throws ReflectionFailure when the call has failed
   */
  ask(request: ReflectionRequest): Promise<ReflectionReply> {
    if (this.failure !== undefined) return Promise.reject(this.failure)
    return new Promise((resolve, reject) => {
      this.question = { resolve, reject }
      this.call.write(request)
    })
  }

  /** Ends the call and its connection. Safe to call twice. A question without a reply fails. */
  close(): void {
    this.fail(new ReflectionFailure('the call was ended'))
  }

  private onStatus(end: StatusObject): void {
    const reason =
      end.code === status.OK
        ? 'the feed ended the call for its types'
        : withProxy(`${status[end.code]}: ${callFailure(end.details, this.isTls)}`, this.proxy)
    this.fail(new ReflectionFailure(reason, end.code === status.UNIMPLEMENTED))
  }

  private fail(failure: ReflectionFailure): void {
    if (this.failure !== undefined) return
    this.failure = failure
    this.call.cancel()
    // See GrpcCall.cancel.
    setImmediate(() => this.client.close())
    this.question?.reject(failure)
  }
}
