/**
 * What the main thread tells all lanes in the tick log, between the ticks: each event has an exact place in the stream,
 * also for clients that resume. JSON: events are rare. Any thread.
 */
import type { FeedState, GapReason } from '../protocol/messages.js'

/** A session with the feed has begun, see FeedSession. */
export interface SessionEvent {
  readonly op: 'session'
  readonly first: boolean
  readonly continuous: boolean
}

/** Ticks are lost that are not in the log. */
export interface LostEvent {
  readonly op: 'lost'
  readonly reason: GapReason
  /** null: unknown. */
  readonly missed: number | null
  /** The ticks never came, so they have no offsets. Left out: they came, and could not be put into the log. */
  readonly isUnnumbered?: true
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

/** The state of the feed changes. It takes no offset: clients of an audience have it if they have its number. */
export interface StatusEvent {
  readonly op: 'status'
  readonly status: FeedStatus
}

export type StreamEvent = SessionEvent | LostEvent | StatusEvent

/**
 * How many offsets an event takes. A loss takes those of its ticks, and one where they have none or their number is
 * unknown. So the loss has a place between the ticks, and is told once.
 */
export function offsetsOf(event: StreamEvent): number {
  if (event.op !== 'lost') return 0
  return event.isUnnumbered ? 1 : (event.missed ?? 1)
}

/** The last offset that a gap message names for a loss. @param from its first offset */
export function lastLostOffset(loss: LostEvent, from: number): number {
  return loss.isUnnumbered ? from - 1 : from + offsetsOf(loss) - 1
}

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export function encodeEvent(event: StreamEvent): Uint8Array {
  return encoder.encode(JSON.stringify(event))
}

/** @param bytes what `encodeEvent` made, in shared memory or not */
export function decodeEvent(bytes: Uint8Array): StreamEvent {
  return JSON.parse(decoder.decode(bytes)) as StreamEvent
}
