/**
 * The messages of proto/ringcast.proto as plain objects, encoded and decoded by protobufjs: the second opinion on our
 * own codecs.
 */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import protobuf from 'protobufjs'
import { encodeTick, type Integer64, type Tick } from '../../src/sources/grpc/feed-messages.js'

export { encodeTick, type Tick }

export interface TickBatch {
  ticks: Tick[]
}

/** A `TicksMessage`, which a client of the binary subprotocol receives. */
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

interface Wire {
  [field: string]: unknown
}

// From dist/test/support up to the package root.
const PROTO_PATH = fileURLToPath(new URL('../../../proto/ringcast.proto', import.meta.url))

const { root } = protobuf.parse(readFileSync(PROTO_PATH, 'utf8'))
const tickType = root.lookupType('ringcast.v1.Tick')
const tickBatchType = root.lookupType('ringcast.v1.TickBatch')
const ticksMessageType = root.lookupType('ringcast.v1.TicksMessage')

/** Throws when the bytes are no `Tick`. */
export function decodeTick(bytes: Uint8Array): Tick {
  return tickFromWire(toObject(tickType, bytes))
}

export function encodeTickBatch(batch: { ticks: Partial<Tick>[] }): Buffer {
  const ticks = batch.ticks.map(tick => tickType.decode(encodeTick(tick)))
  return Buffer.from(tickBatchType.encode(tickBatchType.create({ ticks })).finish())
}

/** Throws when the bytes are no `TickBatch`. */
export function decodeTickBatch(bytes: Uint8Array): TickBatch {
  const wire = toObject(tickBatchType, bytes)
  return { ticks: (wire.ticks as Wire[]).map(tickFromWire) }
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

function toObject(type: protobuf.Type, bytes: Uint8Array): Wire {
  // Strings, because they carry all 64 bits without a type of the library's own.
  return type.toObject(type.decode(bytes), { defaults: true, arrays: true, longs: String })
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

function integerFromWire(value: unknown): Integer64 {
  const exact = BigInt(value as string | number)
  const number = Number(exact)
  return Number.isSafeInteger(number) ? number : exact
}
