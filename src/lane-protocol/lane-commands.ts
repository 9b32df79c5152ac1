/**
 * What the main thread tells one lane, in the lane's command ring. JSON: commands are rare. Any thread.
 * A lane takes its commands in their order, each behind all ticks that were in the tick log when the command was sent.
 */
import type { ContinuityState } from '../memory/continuity-state.js'
import type { CommandId, SymbolRefusal } from '../protocol/messages.js'
import type { AudienceSpec, EntryChange } from './audience-spec.js'

/** How far a client's view of its audience goes. All of it are totals since the audience began. */
export interface Progress {
  /** Without those of which the latest are wanted. */
  readonly ticksTotal: number
  readonly lostTotal: number
  readonly unknownLosses: number
  /** All of the audience's ticks up to this offset. */
  readonly lastOffset: number
  /** Where the latest are wanted: those up to this offset. */
  readonly flushedOffset: number
}

/** An audience begins. One that is there already stays as it is. */
export interface OpenCommand {
  readonly op: 'open'
  readonly audience: number
  readonly spec: AudienceSpec
}

/** An audience begins whose entries are those of another one, with a change. The form is that of the other one. */
export interface DeriveCommand extends EntryChange {
  readonly op: 'derive'
  readonly audience: number
  /** An audience that is open. */
  readonly base: number
}

/** An audience has no members left and ends. */
export interface CloseCommand {
  readonly op: 'close'
  readonly audience: number
}

export const RESUME_GONE = 'gone'

/** How far the replay for a client that resumes is. */
export interface ReplayPosition {
  /** All of its ticks up to this offset have been sent. */
  readonly offset: number
  /** Number of the last `ticks` message. */
  readonly seq: number
  /** What is known of the feed's positions there; null before the first step. */
  readonly continuity: ContinuityState | null
}

/**
 * A client is to get the audience's frames from the end of the current turn on, or from between two turns, and those of the audience it is
 * in up to there. The lane answers with messages to the client: the `gap` since `fellBehindAt` for one that has fallen out of the
 * window, the `answers`, and a snapshot of what was missed or asked for. To one that resumes it gives a part of the ticks in
 * between, and lets it join only with the last of them: the main thread asks again when the client has taken the part.
 */
export interface JoinCommand {
  readonly op: 'join'
  readonly audience: number
  /** The audience that the client is in; 0: none. */
  readonly leaving: number
  readonly client: number
  /** The client's public name. */
  readonly name: string
  /** Tells this join from earlier ones of the same client. */
  readonly join: number
  /**
   * Where it fell out of the window of the audience that it is in, in which it then goes on: there are no `answers`. With answers: since
   * where it has been waiting in the audience that it leaves.
   */
  readonly fellBehindAt: Progress | null
  /** From where the client is to be given the ticks that it missed while it was away; RESUME_GONE: nobody has them; null: it was not. */
  readonly replay: ReplayPosition | typeof RESUME_GONE | null
  readonly answers: readonly CommandAnswer[]
}

/** What the client is to be told or given, as far as the lane does not know it. */
export type CommandAnswer = SubscribedAnswer | UnsubscribedAnswer | SnapshotAnswer

interface ChangedAnswer {
  readonly id?: CommandId
  readonly symbols: readonly string[]
  readonly refused?: readonly SymbolRefusal[]
}

export interface SubscribedAnswer extends ChangedAnswer {
  readonly type: 'subscribed'
  readonly delivery: 'every' | 'latest'
  readonly interval?: number
  /** Whether the latest ticks of the symbols are to follow. */
  readonly snapshot: boolean
}

export interface UnsubscribedAnswer extends ChangedAnswer {
  readonly type: 'unsubscribed'
}

/** Nothing but the latest ticks of all that the client gets: an earlier answer has ended in the midst of a snapshot. */
export interface SnapshotAnswer {
  readonly type: 'snapshot'
}

/** The symbols that the client asked for of which it is to be given the latest ticks, as far as they are in the audience that it joins. */
export function snapshotSymbols(answers: readonly CommandAnswer[]): string[] {
  return answers.flatMap(answer => (answer.type === 'subscribed' && answer.snapshot ? answer.symbols : []))
}

/** Whether the client is to be given the latest ticks of all that it gets. */
export function wantsAllLatest(answers: readonly CommandAnswer[]): boolean {
  return answers.some(({ type }) => type === 'snapshot')
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
