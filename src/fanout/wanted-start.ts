/** Where the replay of a client is to begin. Main thread. Pure. */
import type { ReplayStart } from '../lane-protocol/lane-commands.js'
import type { ResumePoint } from '../protocol/resume-point.js'
import type { HistoryPoint, NamedOffset } from '../ticks/stream-history.js'

/** In place of where a replay begins: the stream has not come so far, and the request waits for that. */
export interface AwaitedStart {
  readonly awaited: ResumePoint
}

/** In place of where a replay begins: what follows is not in the tick log, and the source is asked for it. */
export interface SoughtStart {
  readonly sought: HistoryPoint
  /** Where the replay begins if the source does not have it either. */
  readonly otherwise: ReplayStart
}

export type WantedStart = ReplayStart | AwaitedStart | SoughtStart | null

export function isSought(start: WantedStart): start is SoughtStart {
  return start !== null && typeof start === 'object' && 'sought' in start
}

export function isAwaited(start: WantedStart): start is AwaitedStart {
  return start !== null && typeof start === 'object' && 'awaited' in start
}

/** Whether two changes can be done at one place: neither has a replay, or both replays begin at the same place. */
export function isSameStart(one: WantedStart, other: WantedStart): boolean {
  if (typeof one !== 'object' || typeof other !== 'object') return one === other
  if (one === null || other === null) return one === other
  if ('awaited' in one || 'awaited' in other) return false
  if ('sought' in one) return 'sought' in other && isSamePoint(one.sought, other.sought)
  if ('sinceUs' in one) return 'sinceUs' in other && one.sinceUs === other.sinceUs
  if ('past' in one) return 'past' in other && isSameOffset(one.past, other.past)
  return 'after' in other && one.after.serial === other.after.serial
}

function isSamePoint(one: HistoryPoint, other: HistoryPoint): boolean {
  if ('sinceUs' in one) return 'sinceUs' in other && one.sinceUs === other.sinceUs
  return 'after' in other && isSameOffset(one.after, other.after)
}

function isSameOffset(one: NamedOffset, other: NamedOffset): boolean {
  return one.epoch === other.epoch && one.offset === other.offset
}
