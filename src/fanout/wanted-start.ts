/** Where the replay of a client is to begin. Main thread. Pure. */
import type { ReplayStart } from '../lane-protocol/lane-commands.js'
import type { ResumePoint } from '../protocol/resume-point.js'

/** In place of where a replay begins: the stream has not come so far, and the request waits for that. */
export interface AwaitedStart {
  readonly awaited: ResumePoint
}

export type WantedStart = ReplayStart | AwaitedStart | null

export function isAwaited(start: WantedStart): start is AwaitedStart {
  return start !== null && typeof start === 'object' && 'awaited' in start
}

/** Whether two changes can be done at one place: neither has a replay, or both replays begin at the same place. */
export function isSameStart(one: WantedStart, other: WantedStart): boolean {
  if (typeof one !== 'object' || typeof other !== 'object') return one === other
  if (one === null || other === null) return one === other
  if ('awaited' in one || 'awaited' in other) return false
  if ('sinceUs' in one) return 'sinceUs' in other && one.sinceUs === other.sinceUs
  return 'after' in other && one.after.serial === other.after.serial
}
