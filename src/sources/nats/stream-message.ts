/**
 * What one message of the stream says: a batch of ticks, or an event between ticks. Main thread. Pure.
 * The headers say all but the ticks, so that no reader decodes a tick. docs/scaling.md is the specification.
 */
import type { FeedState } from '../../ingest/tick-sink.js'

/** In every message. */
export interface MessageFrame {
  /** Names the relay process that wrote it, and the turn in which that process was active. */
  readonly relay: string
  /** Of the ticks, see DESIGN: an offset belongs to its epoch. */
  readonly epoch: string
  /** The epoch of the feed whose positions the offsets are; undefined: the relay counts. */
  readonly feedEpoch: string | undefined
  /** Whether the feed was there. */
  readonly feed: FeedState
  /** Id of the NATS server that the relay wrote to. It changes when the server starts anew. */
  readonly server: string
  /** Hash of the schema of the ticks; undefined: quotes and trades. */
  readonly schema: string | undefined
}

export type MessageContent =
  | {
      readonly kind: 'ticks'
      /** Offset of the first tick. The others follow without a hole. */
      readonly offset: number
      readonly count: number
      /** A message whose field `TICKS_FIELD` holds the ticks. */
      readonly data: Uint8Array
    }
  /** Ticks before this place are lost, and have no offsets. */
  | {
      readonly kind: 'loss'
      readonly offset: number
      readonly reason: 'upstream' | 'malformed' | 'overload'
      readonly missed: number | null
    }
  | {
      readonly kind: 'status'
      readonly offset: number
      readonly state: FeedState
      readonly reason: string | undefined
    }
  /** A relay has become active. From here on no other one can write. */
  | { readonly kind: 'start'; readonly offset: number }

/** `offset` of an event is that of the last tick before it; 0: there was none. */
export type StreamMessage = MessageFrame & MessageContent

/** The number of the field that holds the ticks: that of `TickBatch`. */
export const TICKS_FIELD = 1

/** The headers that this file needs of those of the client. */
export interface HeaderReader {
  get(name: string): string
}

const KIND = 'Ringcast-Kind'
const EPOCH = 'Ringcast-Epoch'
const FEED_EPOCH = 'Ringcast-Feed-Epoch'
const OFFSET = 'Ringcast-Offset'
const COUNT = 'Ringcast-Count'
const FEED = 'Ringcast-Feed'
const RELAY = 'Ringcast-Relay'
const SERVER = 'Ringcast-Server'
const SCHEMA = 'Ringcast-Schema'

const REASONS: ReadonlySet<unknown> = new Set(['upstream', 'malformed', 'overload'])
const NO_BYTES = new Uint8Array(0)
const encoder = new TextEncoder()
const decoder = new TextDecoder()

export function headersOf(message: StreamMessage): [name: string, value: string][] {
  const { kind, epoch, feedEpoch, offset, feed, relay, server, schema } = message
  const headers: [string, string][] = [
    [KIND, kind],
    [EPOCH, epoch],
    [OFFSET, String(offset)],
    [FEED, feed],
    [RELAY, relay],
    [SERVER, server],
  ]
  if (kind === 'ticks') headers.push([COUNT, String(message.count)])
  if (feedEpoch !== undefined) headers.push([FEED_EPOCH, feedEpoch])
  if (schema !== undefined) headers.push([SCHEMA, schema])
  return headers
}

export function bodyOf(message: StreamMessage): Uint8Array {
  switch (message.kind) {
    case 'ticks':
      return message.data
    case 'loss':
      return encoder.encode(JSON.stringify({ reason: message.reason, missed: message.missed }))
    case 'status':
      return encoder.encode(JSON.stringify({ state: message.state, reason: message.reason }))
    case 'start':
      return NO_BYTES
  }
}

/** @returns undefined when no relay wrote this, or a newer one that says something new */
export function streamMessageOf(headers: HeaderReader, body: Uint8Array): StreamMessage | undefined {
  const frame: MessageFrame = {
    relay: headers.get(RELAY),
    epoch: headers.get(EPOCH),
    feedEpoch: headers.get(FEED_EPOCH) || undefined,
    feed: headers.get(FEED) === 'down' ? 'down' : 'live',
    server: headers.get(SERVER),
    schema: headers.get(SCHEMA) || undefined,
  }
  const offset = numberOf(headers.get(OFFSET))
  if (frame.epoch === '' || offset === undefined) return undefined
  switch (headers.get(KIND)) {
    case 'ticks': {
      const count = numberOf(headers.get(COUNT))
      if (count === undefined || count === 0 || offset === 0) return undefined
      return { ...frame, kind: 'ticks', offset, count, data: body }
    }
    case 'start':
      return { ...frame, kind: 'start', offset }
    case 'loss': {
      const { reason, missed } = jsonOf(body)
      if (!REASONS.has(reason) || !(missed === null || isCount(missed))) return undefined
      return { ...frame, kind: 'loss', offset, reason: reason as 'upstream', missed }
    }
    case 'status': {
      const { state, reason } = jsonOf(body)
      if (state !== 'live' && state !== 'down') return undefined
      return {
        ...frame,
        kind: 'status',
        offset,
        state,
        reason: typeof reason === 'string' ? reason : undefined,
      }
    }
    default:
      return undefined
  }
}

/** Offset of the last tick up to and with this message. */
export function lastOffsetOf(message: StreamMessage): number {
  return message.kind === 'ticks' ? message.offset + message.count - 1 : message.offset
}

function numberOf(text: string): number | undefined {
  const value = Number(text)
  return text !== '' && isCount(value) ? value : undefined
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function jsonOf(body: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(decoder.decode(body))) as Record<string, unknown>
  } catch {
    return {}
  }
}
