/**
 * The gRPC service of proto/ringcast.proto, made from the file itself, and its messages as plain objects.
 * Any thread; the only importer of protobufjs. Ticks of the stream stay bytes: both sides pass them through.
 */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import protobuf from 'protobufjs'
import type { MessageForm } from '../tick-source.js'

/** A number where it is whole and safe, else a bigint. */
export type Integer64 = number | bigint

/** A `Tick`. What is not given is encoded as its default, 0 or ''. */
export interface Tick {
  symbol: string
  /** 1 quote, 2 trade. */
  kind: number
  sequence: Integer64
  sourceTimeNs: Integer64
  bid: number
  bidSize: number
  ask: number
  askSize: number
  last: number
  lastSize: number
  position: Integer64
}

export interface TickBatch {
  ticks: Tick[]
}

export interface StreamRequest {
  symbols: string[]
  fromPosition: Integer64
}

/** Initial metadata that names one run of the feed's count; see the contract. */
export const EPOCH_METADATA_KEY = 'ringcast-feed-epoch'

// From dist/src/feed up to the package root, in a checkout and in an installed package alike.
const PROTO_PATH = fileURLToPath(new URL('../../../../proto/ringcast.proto', import.meta.url))

const { root } = protobuf.parse(readFileSync(PROTO_PATH, 'utf8'))
const tickType = root.lookupType('ringcast.v1.Tick')
const tickBatchType = root.lookupType('ringcast.v1.TickBatch')
const ticksMessageType = root.lookupType('ringcast.v1.TicksMessage')
const streamRequestType = root.lookupType('ringcast.v1.StreamRequest')
const serviceType = root.lookupService('ringcast.v1.TickFeed')

export function encodeTick(tick: Partial<Tick>): Buffer {
  return finish(tickType, tickToWire(tick))
}

/** Throws when the bytes are no `Tick`. */
export function decodeTick(bytes: Uint8Array): Tick {
  return tickFromWire(toObject(tickType, bytes))
}

export function encodeTickBatch(batch: { ticks: Partial<Tick>[] }): Buffer {
  return finish(tickBatchType, { ticks: batch.ticks.map(tickToWire) })
}

/** Throws when the bytes are no `TickBatch`. */
export function decodeTickBatch(bytes: Uint8Array): TickBatch {
  const wire = toObject(tickBatchType, bytes)
  return { ticks: (wire.ticks as Wire[]).map(tickFromWire) }
}

/** A `TicksMessage`, what a client of the binary subprotocol gets. */
export interface TicksMessage {
  seq: Integer64
  offset: Integer64
  ticks: Tick[]
  merged: Integer64
  snapshot: boolean
  more: boolean
  published: Integer64
  received: Integer64[]
}

/** Throws when the bytes are no `TicksMessage`. */
export function decodeTicksMessage(bytes: Uint8Array): TicksMessage {
  const wire = toObject(ticksMessageType, bytes)
  return {
    seq: integerFromWire(wire.seq),
    offset: integerFromWire(wire.offset),
    ticks: (wire.ticks as Wire[]).map(tickFromWire),
    merged: integerFromWire(wire.merged),
    snapshot: wire.snapshot as boolean,
    more: wire.more as boolean,
    published: integerFromWire(wire.published),
    received: (wire.received as unknown[]).map(integerFromWire),
  }
}

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

function tickToWire(tick: Partial<Tick>): Wire {
  return {
    ...tick,
    sequence: integerToWire(tick.sequence ?? 0),
    sourceTimeNs: integerToWire(tick.sourceTimeNs ?? 0),
    position: integerToWire(tick.position ?? 0),
  }
}

function tickFromWire(wire: Wire): Tick {
  return {
    ...(wire as unknown as Tick),
    kind: Number(wire.kind),
    sequence: integerFromWire(wire.sequence),
    sourceTimeNs: integerFromWire(wire.sourceTimeNs),
    position: integerFromWire(wire.position),
  }
}

function integerToWire(value: Integer64): number | string {
  return typeof value === 'bigint' ? value.toString() : value
}

function integerFromWire(value: unknown): Integer64 {
  const exact = BigInt(value as string | number)
  const number = Number(exact)
  return Number.isSafeInteger(number) ? number : exact
}
