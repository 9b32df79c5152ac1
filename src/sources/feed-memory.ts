/**
 * What a source remembers of its feed from session to session, to go on where it was. Main thread.
 * The sources of several endpoints of one feed share it.
 */
/** Why a session of an epoch that is refused has ended. */
export const OTHER_EPOCH =
  'it names no epoch, or another one than the endpoint that is read: endpoints of one feed keep the same positions'

export class FeedMemory {
  /** The feed's epoch in the last session; undefined: there was none, or it named none. */
  epoch: string | undefined
  /** Whether a message of that epoch was pushed. Before that, the sink's last position is of another epoch. */
  hasPushed = false
  /** Whether a session must end because it is of an epoch that cannot be read beside the present one. */
  isRefused: (epoch: string | undefined) => boolean = () => false
}

/** The position to continue from. 0, the next tick, when there is none: positions stay below 2^53. */
export function positionAfter(last: number): number {
  return last > 0 && last < Number.MAX_SAFE_INTEGER ? last + 1 : 0
}
