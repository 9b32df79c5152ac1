/**
 * What the main thread tells all lanes in the tick log, between the ticks: each event has an exact place in the stream,
 * also for clients that resume. JSON: events are rare. Any thread.
 */
import type { FeedState, GapReason } from '../protocol/messages.js'

/** A run of the stream's offsets. */
export interface StreamEpoch {
  /** Counts the epochs of the process: 0, 1, 2 … */
  readonly number: number
  /** What clients see. */
  readonly name: string
  /** Whether other gateways give the same ticks the same epoch and offsets. */
  readonly isShared: boolean
}

/** Ticks are lost, or an epoch begins, or both. An event has a serial number of its own, as a tick has. */
export interface LostEvent {
  readonly op: 'lost'
  readonly reason: GapReason
  /** null: unknown. 0: an epoch begins, and no tick is lost. */
  readonly missed: number | null
  /** The first and the last offset that is lost. `to` = `from` − 1: the lost ticks have no offsets. */
  readonly from: number
  readonly to: number
  /** Behind the event, everything up to this offset is told. */
  readonly offset: number
  /** Begins at the offset `from`. */
  readonly epoch?: StreamEpoch | undefined
}

/** The state of the feed from one place of the stream on. */
export interface FeedStatus {
  /** Counts the changes of one run: 1, 2, 3 … 0: nobody has told a state so far. */
  readonly number: number
  readonly feed: FeedState
  readonly sinceUs: number
  readonly reason: string | undefined
}

export const STATUS_AT_START: FeedStatus = { number: 0, feed: 'live', sinceUs: 0, reason: undefined }

/** The state of the feed changes. It has no serial number: clients of an audience have it if they have its number. */
export interface StatusEvent {
  readonly op: 'status'
  readonly status: FeedStatus
}

export type StreamEvent = LostEvent | StatusEvent

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export function encodeEvent(event: StreamEvent): Uint8Array {
  return encoder.encode(JSON.stringify(event))
}

/** @param bytes what `encodeEvent` made, in shared memory or not */
export function decodeEvent(bytes: Uint8Array): StreamEvent {
  return JSON.parse(decoder.decode(bytes)) as StreamEvent
}
