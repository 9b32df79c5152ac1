/** What one client asks its lane for, and where the reply leaves it. Main thread. Pure. */
import type { PastPlace } from '../lane-protocol/history-messages.js'
import type { CommandReply, Progress, ReplayPosition } from '../lane-protocol/lane-commands.js'
import type { Audience } from './audience.js'
import type { WantedStart } from './wanted-start.js'

/** To join an audience, with the replies to the commands of the client that led there. */
export interface TransferRequest {
  readonly audience: Audience
  readonly replies: readonly CommandReply[]
  /** Upper bound of the bytes of the replies. */
  readonly replyBytes: number
  /** When the first of the commands came, µs; 0: there is no command. */
  readonly sinceUs: number
  /** Whether the lane has replied once, and the client could not take the reply. */
  readonly wasTakenBack: boolean
  /** Where the replay begins that leads to the audience; null: there is none. */
  readonly replayStart: WantedStart
}

/** Where a reply leaves its client. */
export type TransferOutcome =
  | { readonly type: 'more'; readonly position: ReplayPosition }
  | { readonly type: 'live' | 'await-flush'; readonly progress: Progress }
  | { readonly type: 'gone' }

/** A request that the client has the last part of. */
export interface SettledTransfer {
  readonly request: TransferRequest
  /** The audience that the client left when its replay began: drop its hold. */
  readonly left: Audience | undefined
}

/** The place of a replay that begins in the past; undefined: it begins in the tick log, or there is none. */
export function pastOf(start: WantedStart): PastPlace | undefined {
  return start !== null && typeof start === 'object' && 'past' in start
    ? { ...start.past, losses: 0 }
    : undefined
}

/** The copies are bounded: a client waits for no more bytes of replies than a turn holds. */
export function merged(first: TransferRequest, second: TransferRequest): TransferRequest {
  return {
    audience: second.audience,
    replies: [...first.replies, ...second.replies],
    replyBytes: first.replyBytes + second.replyBytes,
    sinceUs: first.sinceUs || second.sinceUs,
    wasTakenBack: first.wasTakenBack || second.wasTakenBack,
    replayStart: first.replayStart,
  }
}
