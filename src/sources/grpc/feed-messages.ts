/**
 * The messages of the feed contract as plain objects, made from proto/ringcast.proto itself. Any thread. Pure.
 * For messages that are rare. The ticks of the stream stay bytes here; src/ticks decodes them.
 */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { protobuf } from '../../common/protobufjs.js'

/** A number when it is safe, else a bigint. */
export type Integer64 = number | bigint

export interface StreamRequest {
  symbols: string[]
  fromPosition: Integer64
}

// From dist/src/sources/grpc up to the package root, in a checkout and in an installed package alike.
const PROTO_PATH = fileURLToPath(new URL('../../../../proto/ringcast.proto', import.meta.url))

const { root } = protobuf.parse(readContract())
const streamRequestType = root.lookupType('ringcast.v1.StreamRequest')
const serviceType = root.lookupService('ringcast.v1.TickFeed')

function readContract(): string {
  try {
    return readFileSync(PROTO_PATH, 'utf8')
  } catch (cause) {
    // Workers and contract are files beside the code, which bundlers leave behind.
    throw new Error(
      `no ${PROTO_PATH}: where an app is bundled, mark ringcast as external (docs/library.md)`,
      { cause },
    )
  }
}

export function encodeStreamRequest({ symbols, fromPosition }: StreamRequest): Buffer {
  return encode(streamRequestType, { symbols, fromPosition: integerToWire(fromPosition) })
}

/** @throws Error when the bytes are no `StreamRequest` */
export function decodeStreamRequest(bytes: Uint8Array): StreamRequest {
  // Strings, because they carry all 64 bits without a type of the library's own.
  const wire = streamRequestType.toObject(streamRequestType.decode(bytes), {
    defaults: true,
    arrays: true,
    longs: String,
  })
  return { symbols: wire.symbols as string[], fromPosition: integerFromWire(wire.fromPosition as string) }
}

/** The path of a method of the feed, "/ringcast.v1.TickFeed/Stream". */
export function methodPath(name: 'Stream' | 'StreamBatches'): string {
  return `/${serviceType.fullName.slice(1)}/${serviceType.methods[name]!.name}`
}

function encode(type: protobuf.Type, wire: Readonly<Record<string, unknown>>): Buffer {
  const bytes = type.encode(type.fromObject(wire)).finish()
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function integerToWire(value: Integer64): number | string {
  return typeof value === 'bigint' ? value.toString() : value
}

function integerFromWire(text: string): Integer64 {
  const exact = BigInt(text)
  const number = Number(exact)
  return Number.isSafeInteger(number) ? number : exact
}
