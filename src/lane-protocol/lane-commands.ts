/**
 * What the main thread tells one lane, in the lane's command ring. JSON: commands are rare. Any thread.
 * A lane takes its commands in their order, each behind all ticks that were in the tick log when the command was sent.
 */
import type { StreamPlace } from '../memory/stream-place.js'
import type { CommandId, GoodbyeReason, SymbolRefusal } from '../protocol/messages.js'
import type { NamedOffset } from '../ticks/stream-history.js'
import type { AudienceSpec, EntryChange } from './audience-spec.js'

/** How far a client is in its audience: it has all ticks up to a place. Totals since the audience began. */
export interface Progress extends StreamPlace {
  /** Ticks of symbols that are delivered tick by tick. */
  readonly ticksTotal: number
  readonly lostTotal: number
  readonly unknownLosses: number
  /** Number of the feed's status that the client was told last, see FeedStatus. */
  readonly statusNumber: number
  /** The client has all conflated ticks up to this serial number, or later ones in their place. */
  readonly flushedSerial: number
}

/** An audience begins. One that is there already stays as it is. */
export interface OpenCommand {
  readonly op: 'open'
  readonly audience: number
  /** For whom it begins: the client is charged for the symbols that its prefixes match. */
  readonly client: number
  readonly spec: AudienceSpec
}

/** An audience begins whose entries are those of another one, with a change. The form is that of the other one. */
export interface DeriveCommand extends EntryChange {
  readonly op: 'derive'
  readonly audience: number
  /** For whom it begins. */
  readonly client: number
  /** An audience that is open. */
  readonly base: number
}

/** An audience has no members left and ends. */
export interface CloseCommand {
  readonly op: 'close'
  readonly audience: number
}

export const RESUME_GONE = 'gone'

/** A place, and the name of its epoch for the client. */
export interface NamedPlace extends StreamPlace {
  readonly epochName: string
}

/**
 * Where an offset of an epoch is:
 *   future   it has not come yet
 *   unnamed  the stream has no tick yet, so its epoch is not known
 *   gone     the epoch is another one, or nobody knows any more where it was
 */
export type FoundPlace = NamedPlace | 'future' | 'unnamed' | 'gone'

/** A replay that begins behind a place whose next ticks are not in the tick log: the source is asked for them. */
export interface PastStart {
  readonly past: NamedOffset
  /** False: the client wants ticks before the place, too, and nobody has them. */
  readonly isWhole: boolean
}

/**
 * Where a replay begins: after the last tick that the client has, or with the first tick that was received at a time, µs
 * by `Clock.epochUs`. RESUME_GONE: nobody has the ticks, because they are of another epoch.
 */
export type ReplayStart =
  | { readonly after: NamedPlace }
  | { readonly sinceUs: number }
  | PastStart
  | typeof RESUME_GONE

/** In place of the serial number and the number of the epoch: the place has none in this process. */
export const NOT_IN_LOG = -1

/**
 * How far the replay of a client is, after a part of it: it has all ticks of the replay up to a place. The serial number
 * is NOT_IN_LOG while the source is asked for what follows.
 */
export interface ReplayPosition extends StreamPlace {
  /** Offset of the last tick before the replay. */
  readonly start: number
  /**
   * The client left its audience at this serial number. Up to there the replay holds only what that audience did not get tick
   * by tick; after it, everything.
   */
  readonly reached: number
  /** Number of the last `ticks` message. */
  readonly seq: number
  /** Ticks of the replay so far. */
  readonly ticks: number
  /** Number of the feed's status that the client was told last. */
  readonly statusNumber: number
}

/** What a lane needs for the next part of a replay. */
export interface ReplayProgress extends ReplayPosition {
  /** The audience that the client was in before the replay; 0: none. It stays open while the replay goes on. */
  readonly earlier: number
}

/**
 * The request of one client: to be a member of an audience, see docs/decisions/0045-one-transfer.md. It holds at the
 * end of a turn, or between two turns. Up to there the client gets the frames of the audience that it leaves.
 *
 * The lane replies with the gap since `fellBehindAt`, the messages of `replies`, and a snapshot of the missed and
 * requested ticks. With a replay it gets a part of the ticks in between: it leaves its audience with the first part,
 * and is a member with the last one.
 */
export interface JoinCommand {
  readonly op: 'join'
  readonly audience: number
  /** The audience that the client is in; 0: none. */
  readonly leaving: number
  readonly client: number
  /** The client's public name. */
  readonly name: string
  /** Id of the request; the client's next request has a higher one. */
  readonly request: number
  /**
   * How far the client was when it was overrun, or began to await a flush; null: it gets all frames of the audience
   * that it leaves. Without `replies` it goes on in its audience, with `replies` it leaves the audience.
   */
  readonly fellBehindAt: Progress | null
  /** The replay that leads to the audience: where it begins, or how far it is; null: there is none. */
  readonly replay: ReplayStart | ReplayProgress | null
  /** Whether the source can be asked for ticks that have left the tick log. */
  readonly hasPast?: boolean
  readonly replies: readonly CommandReply[]
}

/** The reply to one command of the client, as far as the lane does not know it. */
export type CommandReply =
  | SubscribedReply
  | UnsubscribedReply
  | AuthenticatedReply
  | SnapshotReply
  | GoodbyeReply

interface ChangedReply {
  readonly id?: CommandId
  readonly symbols: readonly string[]
  readonly refused?: readonly SymbolRefusal[]
}

export interface SubscribedReply extends ChangedReply {
  readonly type: 'subscribed'
  readonly delivery: 'every' | 'latest'
  readonly interval?: number
  /** Whether a snapshot of the symbols follows. */
  readonly snapshot: boolean
}

export interface UnsubscribedReply extends ChangedReply {
  readonly type: 'unsubscribed'
}

/** The client may see other symbols from here on. */
export interface AuthenticatedReply {
  readonly type: 'authenticated'
  readonly id?: CommandId
  readonly user: string
  readonly expires?: number
  readonly unsubscribed?: readonly string[]
  /** Whether a snapshot of all symbols of the client follows. */
  readonly snapshot: boolean
}

/** A snapshot of all symbols of the client: the lane has died in the midst of an earlier one. */
export interface SnapshotReply {
  readonly type: 'snapshot'
}

/** The client leaves: it is sent what waits for its intervals, and then a `goodbye` with its place in the stream. */
export interface GoodbyeReply {
  readonly type: 'goodbye'
  readonly reason: GoodbyeReason
  readonly reconnectAfterMs: number
}

/** The symbols of which the client gets a snapshot, as far as they are in the audience that it joins. */
export function snapshotSymbols(replies: readonly CommandReply[]): string[] {
  return replies.flatMap(reply => (reply.type === 'subscribed' && reply.snapshot ? reply.symbols : []))
}

/** The `goodbye` among the replies. It stands behind all others and behind the snapshot, wherever it was queued. */
export function goodbyeOf(replies: readonly CommandReply[]): GoodbyeReply | undefined {
  return replies.find(reply => reply.type === 'goodbye')
}

/** Whether the client gets a snapshot of all its symbols. */
export function wantsAllLatest(replies: readonly CommandReply[]): boolean {
  return replies.some(
    reply => reply.type === 'snapshot' || (reply.type === 'authenticated' && reply.snapshot),
  )
}

export type LaneCommand = OpenCommand | DeriveCommand | CloseCommand | JoinCommand

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export function encodeCommand(command: LaneCommand): Uint8Array {
  return encoder.encode(JSON.stringify(command))
}

/** @param bytes what `encodeCommand` made, in shared memory or not */
export function decodeCommand(bytes: Uint8Array): LaneCommand {
  return JSON.parse(decoder.decode(bytes)) as LaneCommand
}
