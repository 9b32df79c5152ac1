/**
 * What a lane is given when it begins: shared memory, bounds, and what it needs to go on where another lane ended.
 * Passed from the main thread to a worker by structured clone.
 */
import type { MessagePort } from 'node:worker_threads'
import type { LaneMemory } from '../memory/lane-allocation.js'
import type { LaneLayout } from '../memory/lane-layout.js'
import type { TickCodec } from '../ticks/tick-codec.js'
import type { TickSchema } from '../ticks/tick-schema.js'
import type { AudienceSpec } from './audience-spec.js'
import type { Progress } from './lane-commands.js'
import type { FeedStatus, StreamEpoch } from './stream-events.js'

/** How far the frames of one part of an audience go, those of one interval. */
export interface GroupProgress {
  /** All of its ticks up to this serial number were sent, or later ones that stand for them. */
  readonly flushedSerial: number
  /** Ticks of its symbols up to there. */
  readonly ticksTotal: number
}

/** An audience as its frames were last published. */
export interface AudienceState extends Omit<Progress, 'flushedSerial'> {
  readonly audience: number
  readonly spec: AudienceSpec
  /** Number of the last `ticks` message. */
  readonly seq: number
  /** One for each of `spec.latest`; null: nobody has joined yet. */
  readonly conflated: readonly (GroupProgress | null)[]
}

/** How the messages of audiences that want it are compressed. */
export interface CompressionSettings {
  /** Shorter messages are left as they are. */
  readonly bytesMin: number
  /** Of zlib, 1 to 9. */
  readonly level: number
}

/** A feed that breaks its count more often within the tick log has its oldest ticks under a later name. */
export const EPOCHS_MAX = 256

export interface PlacedEpoch {
  readonly epoch: StreamEpoch
  /** Of the loss with which it begins; 0: it is the first one. */
  readonly serial: number
}

export interface LaneTask {
  /** 0, 1, 2 … */
  readonly lane: number
  /** The epoch at the place from which the lane reads. */
  readonly epoch: StreamEpoch
  /** The epochs up to there that ticks in the tick log may belong to, in their order; at least one. */
  readonly epochs: readonly PlacedEpoch[]
  readonly tickLog: SharedArrayBuffer
  /** The lane's command ring. */
  readonly commands: SharedArrayBuffer
  readonly memory: LaneMemory
  readonly layout: LaneLayout
  /** The lane's latest ticks, see LatestStore. */
  readonly latest: SharedArrayBuffer
  readonly counters: SharedArrayBuffer
  /** A message on this port wakes the main thread. */
  readonly wakeUpPort: MessagePort
  /** What one audience may gather in a turn, bytes. */
  readonly turnBytesMax: number
  readonly compression: CompressionSettings
  /** Of the user's ticks; undefined: quotes and trades. */
  readonly schema: TickSchema | undefined
  /** The longest encoded tick. */
  readonly tickBytesMax: number
  /** The state of the feed at the place from which the lane reads. */
  readonly feedStatus: FeedStatus
  readonly audiences: readonly AudienceState[]
  /** Serial numbers of the ticks that the lane skips: two lives of a lane in a row have ended at each. */
  readonly quarantinedTicks: readonly number[]
  /** Clients that the lane does not serve: two lives of a lane in a row have ended at a request of each. */
  readonly quarantinedClients: readonly number[]
}

/** Bounds a gap, and the messages around the gap and the tick that passed the bound of a turn. */
const GAP_AND_MESSAGES_BYTES = 1024

/**
 * Bytes that a run of frames takes above `turnBytesMax`: the tick and the gap that passed the bound, and the message
 * around them. Or a status and the message around it.
 */
export function turnOvershootBytes({ binaryBytesMax, jsonBytesMax }: TickCodec): number {
  // A comma follows the JSON of a tick.
  return Math.max(binaryBytesMax, jsonBytesMax + 1) + GAP_AND_MESSAGES_BYTES
}
