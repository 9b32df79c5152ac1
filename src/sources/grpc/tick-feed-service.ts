/**
 * The gRPC service of proto/ringcast.proto, made from the file itself. Any thread; the only importer of protobufjs.
 * Messages with ticks stay bytes: both sides of the stream pass them through.
 */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import protobuf from 'protobufjs'
import type { MessageForm } from '../tick-source.js'

/** A number where it is whole and safe, else a bigint. */
export type Integer64 = number | bigint

export interface StreamRequest {
  symbols: string[]
  fromPosition: Integer64
}

/** Initial metadata that names one run of the feed's count; see the contract. */
export const EPOCH_METADATA_KEY = 'ringcast-feed-epoch'

// From dist/src/feed up to the package root, in a checkout and in an installed package alike.
const PROTO_PATH = fileURLToPath(new URL('../../../../proto/ringcast.proto', import.meta.url))

const { root } = protobuf.parse(readFileSync(PROTO_PATH, 'utf8'))
const streamRequestType = root.lookupType('ringcast.v1.StreamRequest')
const serviceType = root.lookupService('ringcast.v1.TickFeed')

export function encodeStreamRequest(request: StreamRequest): Buffer {
  const fromPosition = integerToWire(request.fromPosition)
  return finish(streamRequestType, { symbols: request.symbols, fromPosition })
}

/** Throws when the bytes are no `StreamRequest`. */
export function decodeStreamRequest(bytes: Uint8Array): StreamRequest {
  const wire = toObject(streamRequestType, bytes)
  return { symbols: wire.symbols as string[], fromPosition: integerFromWire(wire.fromPosition) }
}

/** One server-streaming method in the form that grpc-js wants, with its messages left as bytes. */
export interface TickFeedMethod {
  readonly path: string
  readonly requestStream: false
  readonly responseStream: true
  readonly requestSerialize: (request: StreamRequest) => Buffer
  readonly requestDeserialize: (bytes: Buffer) => StreamRequest
  readonly responseSerialize: (message: Buffer) => Buffer
  readonly responseDeserialize: (bytes: Buffer) => Buffer
}

function method(name: string): TickFeedMethod {
  const { name: methodName } = serviceType.methods[name]!
  return {
    path: `/${serviceType.fullName.slice(1)}/${methodName}`,
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

/** The method whose messages have this form. */
export const methodOfForm: Readonly<Record<MessageForm, TickFeedMethod>> = {
  tick: tickFeedService.Stream,
  batch: tickFeedService.StreamBatches,
}

interface Wire {
  [field: string]: unknown
}

function identity(bytes: Buffer): Buffer {
  return bytes
}

function finish(type: protobuf.Type, wire: Wire): Buffer {
  const bytes = type.encode(type.fromObject(wire)).finish()
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function toObject(type: protobuf.Type, bytes: Uint8Array): Wire {
  // Strings, because they carry all 64 bits without a type of the library's own.
  return type.toObject(type.decode(bytes), { defaults: true, arrays: true, longs: String })
}

function integerToWire(value: Integer64): number | string {
  return typeof value === 'bigint' ? value.toString() : value
}

function integerFromWire(value: unknown): Integer64 {
  const exact = BigInt(value as string | number)
  const number = Number(exact)
  return Number.isSafeInteger(number) ? number : exact
}
