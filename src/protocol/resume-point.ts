/**
 * Where a client goes on, as its URL or its command names it: `<epoch>:<offset>`. Any thread. Pure.
 */
import { quoteValue } from '../common/quote-value.js'

/** The last tick of an earlier connection. */
export interface ResumePoint {
  readonly epoch: string
  readonly offset: number
}

export interface ResumeError {
  readonly code: 'bad_resume'
  readonly message: string
}

/** @param value of a URL or a command, unchecked */
export function readResumePoint(value: unknown): ResumePoint | ResumeError {
  const [, epoch, digits] = (typeof value === 'string' && /^([\w.~-]+):(\d{1,16})$/.exec(value)) || []
  const offset = Number(digits)
  if (epoch !== undefined && offset <= Number.MAX_SAFE_INTEGER) return { epoch, offset }
  const example = 'the epoch of subscribed and the last offset that came, for instance k3Xh_9aB:815'
  return { code: 'bad_resume', message: `resume must be ${example}, got ${quoteValue(value)}` }
}
