/**
 * What the main thread and the thread that reads the past say to each other. Any thread.
 * A reading belongs to one client. Each `open` and each `next` gets one reply, or `failed`; after `failed` and after
 * `close` there is no reading.
 */
import type { HistoryOrigin, HistoryPoint, NamedOffset } from '../ticks/stream-history.js'
import type { TickSchema } from '../ticks/tick-schema.js'
import type { AudienceSpec } from './audience-spec.js'

/** What the thread is given when it starts. */
export interface HistoryTask {
  readonly origin: HistoryOrigin
  /** Of the user's ticks; undefined: quotes and trades. */
  readonly schema: TickSchema | undefined
  /** The longest encoded tick. */
  readonly tickBytesMax: number
}

/** Where a client is in the past. */
export interface PastPlace extends NamedOffset {
  /** Losses without offsets behind the tick of the place that the client was told. */
  readonly losses: number
}

/** What a client is to get of the past. */
export interface WantedPast {
  readonly spec: AudienceSpec
  /**
   * The client has what this audience gets tick by tick, up to the place where it left the audience; undefined: it has
   * nothing of what follows.
   */
  readonly has: { readonly spec: AudienceSpec; readonly upTo: NamedOffset } | undefined
  /** See PastPlace. They are not told again. */
  readonly losses: number
}

export type ToHistory =
  | { readonly type: 'open'; readonly reading: number; readonly point: HistoryPoint }
  | {
      readonly type: 'next'
      readonly reading: number
      /** Number of the last `ticks` message. */
      readonly seq: number
      /** With the first `next` of a reading. */
      readonly wanted: WantedPast | undefined
    }
  | { readonly type: 'close'; readonly reading: number }
  | { readonly type: 'stop' }

/** Frames of the past for one client, and where it is after them. */
export interface PastPart {
  /** WebSocket frames, 512 KiB at the most. */
  readonly frames: Uint8Array
  readonly ticks: number
  readonly messages: number
  readonly seq: number
  readonly place: PastPlace
  /** Whether the place is behind that of `WantedPast.has`. */
  readonly isPastHad: boolean
  /** Ticks of all symbols. */
  readonly ticksRead: number
  /** Whether the stream holds nothing more, for now. */
  readonly isAtEnd: boolean
}

export type FromHistory =
  /** `start`: see HistoryReading; undefined: the stream does not hold the place. */
  | {
      readonly type: 'opened'
      readonly reading: number
      readonly start: { readonly place: NamedOffset; readonly isWhole: boolean } | undefined
    }
  | { readonly type: 'part'; readonly reading: number; readonly part: PastPart }
  | { readonly type: 'failed'; readonly reading: number; readonly reason: string }
