/**
 * The gRPC service of the feed contract, in the form that grpc-js takes. Any thread. Pure.
 * The messages of the stream stay bytes: neither the client nor the server decodes a tick here.
 */
import type { MessageForm } from '../../ingest/tick-sink.js'
import { decodeStreamRequest, encodeStreamRequest, methodPath, type StreamRequest } from './feed-messages.js'
import type { GrpcMethod } from './grpc-target.js'

/** The initial metadata that names an epoch of the feed; see proto/ringcast.proto. */
export const EPOCH_METADATA_KEY = 'ringcast-feed-epoch'

/** A server-streaming method, with the fields that grpc-js wants. */
export interface TickFeedMethod {
  readonly path: string
  readonly requestStream: false
  readonly responseStream: true
  readonly requestSerialize: (request: StreamRequest) => Buffer
  readonly requestDeserialize: (bytes: Buffer) => StreamRequest
  readonly responseSerialize: (message: Buffer) => Buffer
  readonly responseDeserialize: (bytes: Buffer) => Buffer
}

function method(name: 'Stream' | 'StreamBatches'): TickFeedMethod {
  return {
    path: methodPath(name),
    requestStream: false,
    responseStream: true,
    requestSerialize: encodeStreamRequest,
    requestDeserialize: decodeStreamRequest,
    responseSerialize: identity,
    responseDeserialize: identity,
  }
}

export const tickFeedService = {
  Stream: method('Stream'),
  StreamBatches: method('StreamBatches'),
} as const

/** The call of the method whose messages have this form. */
export function tickFeedCall(form: MessageForm, request: StreamRequest): GrpcMethod {
  const { path, requestSerialize } = form === 'tick' ? tickFeedService.Stream : tickFeedService.StreamBatches
  return { path, request: requestSerialize(request), form }
}

function identity(bytes: Buffer): Buffer {
  return bytes
}
