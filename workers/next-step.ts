/**
 * Decides what the lane does next. Pure.
 *
 * The lane works in rounds. A round reads, replies in a prompt turn, publishes a paced turn or commits, and sleeps if
 * all of that left nothing to do.
 */

/** Paced turns that the lane may publish before the transmitter takes them: one being written, one ready. */
export const TURNS_AHEAD_MAX = 2

/** Begin a round: read records. */
export const READ = 'read'
/** Reply to clients between two paced turns, so that they do not wait for the transmitter. */
export const PROMPT_TURN = 'prompt turn'
/** Publish the collected ticks, the flushed groups and the replies. */
export const PACED_TURN = 'paced turn'
/** Nothing is collected: commit what was read. */
export const COMMIT = 'commit'
/** Sleep until the transmitter has taken a turn. */
export const SLEEP_FOR_ROOM = 'sleep for room'
/** Sleep until there is something to read, or an interval ends. */
export const SLEEP_FOR_WORK = 'sleep for work'

export type Step =
  | typeof READ
  | typeof PROMPT_TURN
  | typeof PACED_TURN
  | typeof COMMIT
  | typeof SLEEP_FOR_ROOM
  | typeof SLEEP_FOR_WORK

export interface LaneSituation {
  /** Whether this round has read something. */
  readonly hasRead: boolean
  /** Whether this round has had its prompt turn. */
  readonly hasReplied: boolean
  /** Whether this round has committed. */
  readonly hasCommitted: boolean
  /** Whether clients wait for replies that a prompt turn may hold. */
  readonly canReplyPromptly: boolean
  /** Whether a paced turn has something to publish. */
  readonly hasTurn: boolean
  /** Paced turns that the transmitter has not taken. */
  readonly turnsAhead: number
}

export function nextStep({
  canReplyPromptly,
  hasCommitted,
  hasRead,
  hasReplied,
  hasTurn,
  turnsAhead,
}: LaneSituation): Step {
  if (canReplyPromptly && !hasReplied) return PROMPT_TURN
  if (hasTurn) {
    // While the transmitter is busy, the lane first collects all ticks that there are: the next writes then carry more.
    const mayPublish = turnsAhead === 0 || (turnsAhead < TURNS_AHEAD_MAX && !hasRead)
    if (mayPublish) return PACED_TURN
  } else if (!hasCommitted) return COMMIT
  if (hasRead || canReplyPromptly) return READ
  return hasTurn ? SLEEP_FOR_ROOM : SLEEP_FOR_WORK
}
