/**
 * Finds the place in the stream from which a client wants ticks: after an offset (`resume`), or since a time (`since`).
 * Main thread. Pure.
 */
import { type Clock, wallUs } from '../common/clock.js'
import { RESUME_GONE, type ReplayStart } from '../lane-protocol/lane-commands.js'
import { type ResumeError, readResumePoint } from '../protocol/resume-point.js'
import { readSince, type SinceError } from '../protocol/since.js'

/** The fields of a URL or a command, unchecked. */
export interface StartFields {
  readonly resume?: unknown
  readonly since?: unknown
}

export type StartError = ResumeError | SinceError

/** The stream as far as it is known. */
export interface StreamExtent {
  /** Names the run of the process. Offsets belong to it. */
  readonly epoch: string
  /** Offset of the newest tick. */
  readonly lastOffset: () => number
  readonly clock: Clock
}

/** null: the client wants none of the past. */
export function readReplayStart(
  { resume, since }: StartFields,
  stream: StreamExtent,
): ReplayStart | StartError | null {
  if (since === undefined) return resume === undefined ? null : resumedStart(resume, stream)
  if (resume !== undefined)
    return { code: 'bad_since', message: 'since and resume exclude each other: leave one of them out' }
  const { clock } = stream
  const sinceUs = readSince(since, wallUs(clock))
  if (typeof sinceUs === 'object') return sinceUs
  // The times in the tick log do not follow the steps of the system's clock.
  return { sinceUs: sinceUs - clock.aheadUs() }
}

export function isStartError(start: ReplayStart | StartError | null): start is StartError {
  return start !== null && typeof start === 'object' && 'code' in start
}

function resumedStart(resume: unknown, { epoch, lastOffset }: StreamExtent): ReplayStart | ResumeError {
  const point = readResumePoint(resume)
  if ('code' in point) return point
  if (point.epoch !== epoch) return RESUME_GONE
  const last = lastOffset()
  if (point.offset <= last) return { afterOffset: point.offset }
  const message = `there is no offset ${point.offset} yet to resume from, the last one is ${last}`
  return { code: 'bad_resume', message }
}
