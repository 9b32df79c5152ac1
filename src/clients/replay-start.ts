/**
 * Finds the place in the stream that a client resumes from. Main thread. Pure.
 */
import { RESUME_GONE, type ReplayStart } from '../lane-protocol/lane-commands.js'
import type { ResumeError, ResumePoint } from '../protocol/resume-point.js'

/** The stream as far as it is known. */
export interface StreamExtent {
  /** Names the run of the process. Offsets belong to it. */
  readonly epoch: string
  /** Offset of the newest tick. */
  readonly lastOffset: () => number
}

export function replayStartOf(
  { epoch, offset }: ResumePoint,
  { epoch: ownEpoch, lastOffset }: StreamExtent,
): ReplayStart | ResumeError {
  if (epoch !== ownEpoch) return RESUME_GONE
  const last = lastOffset()
  if (offset <= last) return { afterOffset: offset }
  const message = `there is no offset ${offset} yet to resume from, the last one is ${last}`
  return { code: 'bad_resume', message }
}

export function isResumeError(start: ReplayStart | ResumeError | null): start is ResumeError {
  return start !== null && typeof start === 'object' && 'code' in start
}
