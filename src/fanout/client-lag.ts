/**
 * How far one client is behind. Main thread. Computed when somebody asks, and when the lag of a blocked client ends.
 */
import type { Clock } from '../common/clock.js'
import type { PatientClock } from '../common/patient-clock.js'
import { bytesQueuedIn } from '../common/socket-handle.js'
import type { Recipient } from './recipient.js'
import type { RetainedFrames } from './retained-frames.js'

export interface ClientLag {
  /** Age of the oldest tick that the client was not given; of a client that has them all, how long it has taken no whole write. */
  readonly ms: number
  /** Bytes that wait for the client: in its socket, and in the frame ring. */
  readonly bytes: number
  /** Ticks that the client was not given; null for a client of latest ticks only. */
  readonly ticks: number | null
}

export interface LagClocks {
  readonly clock: Pick<Clock, 'epochUs'>
  readonly patience: Pick<PatientClock, 'nowMs'>
}

/** @param retained of the lane of its audience; undefined: it has none */
export function lagOf(
  recipient: Recipient,
  retained: RetainedFrames | undefined,
  clocks: LagClocks,
): ClientLag {
  const { audience } = recipient.cursor
  const ms = lagMs(recipient, retained, clocks)
  const queued = recipient.isBlocked ? bytesQueuedIn(recipient.socket) : 0
  if (audience === undefined || retained === undefined) return { ms, bytes: queued, ticks: 0 }
  const { nextRecord, progress } = recipient.cursor
  const isRetained = recipient.cursor.isBehind && retained.holds(nextRecord)
  const inRing = isRetained ? audience.bytesSent(retained) - retained.bytesTotalBefore(nextRecord) : 0
  const ticks = progress === undefined ? 0 : audience.progress.ticksTotal - progress.ticksTotal
  return { ms, bytes: queued + inRing, ticks: audience.isConflated ? null : ticks }
}

/** Whole milliseconds. */
export function lagMs(
  { blockedSinceMs, cursor, isBlocked }: Recipient,
  retained: RetainedFrames | undefined,
  { clock, patience }: LagClocks,
): number {
  const blockedMs = isBlocked ? patience.nowMs() - blockedSinceMs : 0
  const receivedUs =
    retained !== undefined && cursor.isBehind && retained.holds(cursor.nextRecord)
      ? retained.received(cursor.nextRecord)
      : 0
  const oldestMs = receivedUs === 0 ? 0 : (clock.epochUs() - receivedUs) / 1000
  return Math.max(0, Math.round(Math.max(blockedMs, oldestMs)))
}
