/**
 * Finds the place in the stream from which a client wants ticks: after an offset (`resume`), or since a time (`since`).
 * Main thread. Pure.
 */
import { type Clock, wallUs } from '../common/clock.js'
import type { AwaitedStart, SoughtStart, WantedStart } from '../fanout/wanted-start.js'
import {
  type FoundPlace,
  type NamedPlace,
  RESUME_GONE,
  type ReplayStart,
} from '../lane-protocol/lane-commands.js'
import type { StreamEpoch } from '../lane-protocol/stream-events.js'
import { type ResumeError, type ResumePoint, readResumePoint } from '../protocol/resume-point.js'
import { readSince, type SinceError } from '../protocol/since.js'
import type { HistoryPoint } from '../ticks/stream-history.js'

/** The fields of a URL or a command, unchecked. */
export interface StartFields {
  readonly resume?: unknown
  readonly since?: unknown
}

export type StartError = ResumeError | SinceError

/** The numbers of the stream, see StreamNumbering. */
export interface StreamNumbers {
  readonly epoch: StreamEpoch
  /** Of the newest tick. */
  readonly offset: number
  find(epochName: string, offset: number): FoundPlace
}

/** The ticks that have left the tick log. */
export interface PastExtent {
  /** Whether the source can be asked for what follows a point. */
  canSeek(point: HistoryPoint): boolean
  /** Whether one more client can be. */
  readonly hasRoom: boolean
  /** Whether the tick log holds what follows a place, for a moment at least. */
  holds(place: NamedPlace): boolean
  /** Whether the tick log holds all that was received at `receivedUs` (`Clock.epochUs`) or later. */
  holdsSince(receivedUs: number): boolean
}

/** The stream as far as it is known. */
export interface StreamExtent {
  readonly numbering: StreamNumbers
  readonly past: PastExtent
  readonly clock: Clock
}

/** null: the client wants none of the past. */
export function readReplayStart(
  { resume, since }: StartFields,
  stream: StreamExtent,
): WantedStart | StartError {
  if (since === undefined) return resume === undefined ? null : resumedStart(resume, stream)
  if (resume !== undefined)
    return { code: 'bad_since', message: 'since and resume exclude each other: leave one of them out' }
  const { clock } = stream
  const sinceUs = readSince(since, wallUs(clock))
  if (typeof sinceUs === 'object') return sinceUs
  // The times in the tick log do not follow the steps of the system's clock.
  const otherwise = { sinceUs: sinceUs - clock.aheadUs() }
  const { past } = stream
  const sought = { sinceUs }
  return past.canSeek(sought) && !past.holdsSince(otherwise.sinceUs) ? { sought, otherwise } : otherwise
}

export function isStartError(start: WantedStart | StartError): start is StartError {
  return start !== null && typeof start === 'object' && 'code' in start
}

export function placeOfPoint(
  point: ResumePoint,
  { numbering, past }: Pick<StreamExtent, 'numbering' | 'past'>,
): ReplayStart | AwaitedStart | SoughtStart | ResumeError {
  const { epoch, offset } = point
  const sought = { after: point }
  const found = numbering.find(epoch, offset)
  if (typeof found !== 'string') {
    const after = { after: found }
    return past.canSeek(sought) && !past.holds(found) ? { sought, otherwise: after } : after
  }
  if (found === 'gone') return past.canSeek(sought) ? { sought, otherwise: RESUME_GONE } : RESUME_GONE
  // Another gateway may have come so far already.
  return found === 'unnamed' || numbering.epoch.isShared ? { awaited: point } : futureError(offset, numbering)
}

/** The stream has no such offset yet. */
export function futureError(offset: number, numbering: StreamExtent['numbering']): ResumeError {
  const message = `there is no offset ${offset} yet to resume from, the last one is ${numbering.offset}`
  return { code: 'bad_resume', message }
}

function resumedStart(
  resume: unknown,
  stream: StreamExtent,
): ReplayStart | AwaitedStart | SoughtStart | ResumeError {
  const point = readResumePoint(resume)
  return 'code' in point ? point : placeOfPoint(point, stream)
}
