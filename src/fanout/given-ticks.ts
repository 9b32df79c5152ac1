/**
 * Counts the ticks that one client was given. Main thread.
 * Live members get the same records, so what they got is the difference of two counts of their audience: nothing is
 * counted per write.
 */
import type { Recipient } from './recipient.js'
import type { RetainedFrames } from './retained-frames.js'

/** Call it when the client has become live. */
export function liveBegins({ cursor }: Recipient, retained: RetainedFrames): void {
  cursor.ticksAtStart = cursor.audience!.ticksUpTo(cursor.lastRecord, retained)
}

/** Call it before the client is live no more. */
export function liveEnds(recipient: Recipient, retained: RetainedFrames): void {
  recipient.ticksBefore = givenTicks(recipient, retained)
}

/** All ticks that the client was given. @param retained of the lane of its audience; undefined: it has none */
export function givenTicks({ cursor, ticksBefore }: Recipient, retained: RetainedFrames | undefined): number {
  if (!cursor.isLive) return ticksBefore
  return ticksBefore + cursor.audience!.ticksUpTo(cursor.lastRecord, retained!) - cursor.ticksAtStart
}
