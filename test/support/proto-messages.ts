/**
 * The messages of proto/ringcast.proto as plain objects, encoded and decoded by protobufjs: the second opinion on our
 * own codecs.
 */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import protobuf from 'protobufjs'
import type { Integer64 } from '../../src/sources/grpc/feed-messages.js'

/** A `Tick`. A field that is not given is encoded as its default, 0 or ''. */
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
  firstPosition: Integer64
}

/** A `TicksMessage`, which a client of the binary subprotocol receives. */
export interface TicksMessage {
  seq: Integer64
  offset: Integer64
  ticks: Tick[]
  merged: Integer64
  snapshot: boolean
  more: boolean
  incomplete: boolean
  published: Integer64
  received: Integer64[]
  schemaTicks: SchemaTick[]
}

/** A tick of a user's own schema. */
export interface SchemaTick {
  symbol: string
  kind: string
  message: number[]
}

interface Wire {
  [field: string]: unknown
}

// From dist/test/support up to the package root.
const PROTO_PATH = fileURLToPath(new URL('../../../proto/ringcast.proto', import.meta.url))

const { root } = protobuf.parse(readFileSync(PROTO_PATH, 'utf8'))
const tickType = root.lookupType('ringcast.v1.Tick')
const tickBatchType = root.lookupType('ringcast.v1.TickBatch')
const ticksMessageType = root.lookupType('ringcast.v1.TicksMessage')

export function encodeTick(tick: Partial<Tick>): Buffer {
  return encode(tickType, tickToWire(tick))
}

/** Throws when the bytes are no `Tick`. */
export function decodeTick(bytes: Uint8Array): Tick {
  return tickFromWire(toObject(tickType, bytes))
}

export function encodeTickBatch(batch: { ticks: Partial<Tick>[]; firstPosition?: Integer64 }): Buffer {
  const { firstPosition = 0, ticks } = batch
  return encode(tickBatchType, { ticks: ticks.map(tickToWire), firstPosition: integerToWire(firstPosition) })
}

/** Throws when the bytes are no `TickBatch`. */
export function decodeTickBatch(bytes: Uint8Array): TickBatch {
  const wire = toObject(tickBatchType, bytes)
  const ticks = (wire.ticks as Wire[]).map(tickFromWire)
  return { ticks, firstPosition: integerFromWire(wire.firstPosition) }
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
    incomplete: wire.incomplete as boolean,
    published: integerFromWire(wire.published),
    received: (wire.received as unknown[]).map(integerFromWire),
    schemaTicks: (wire.schemaTicks as Wire[]).map(schemaTickFromWire),
  }
}

function encode(type: protobuf.Type, wire: Wire): Buffer {
  const bytes = type.encode(type.fromObject(wire)).finish()
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function toObject(type: protobuf.Type, bytes: Uint8Array): Wire {
  // Strings, because they carry all 64 bits without a type of the library's own.
  return type.toObject(type.decode(bytes), { defaults: true, arrays: true, longs: String })
}

function schemaTickFromWire({ kind, message, symbol }: Wire): SchemaTick {
  return { symbol: symbol as string, kind: kind as string, message: [...(message as Uint8Array)] }
}

function tickToWire(tick: Partial<Tick>): Wire {
  return {
    ...tick,
    sequence: integerToWire(tick.sequence ?? 0),
    sourceTimeNs: integerToWire(tick.sourceTimeNs ?? 0),
    position: integerToWire(tick.position ?? 0),
    bidSize: sizeToWire(tick.bidSize),
    askSize: sizeToWire(tick.askSize),
    lastSize: sizeToWire(tick.lastSize),
  }
}

/** Ringcast leaves out a size of 0, as it does every 0. */
function sizeToWire(size: number | undefined): number | undefined {
  return Object.is(size, 0) ? undefined : size
}

/** A size that was not sent has no default. */
const NO_SIZES = { bidSize: 0, askSize: 0, lastSize: 0 }

function tickFromWire(wire: Wire): Tick {
  return {
    ...NO_SIZES,
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
