/** What a session tells. Its positions are set before. */
import type { Entry } from './entry.js'
import type {
  EntryRefusal,
  GapMessage,
  GoodbyeMessage,
  SnapshotMessage,
  StatusMessage,
  TickHead,
  TicksMessage,
} from './messages.js'

/** For subscriptions. */
export interface TickEvents<Tick extends TickHead> {
  /** @param entries whose ticks these are; undefined: of all */
  ticks(message: TicksMessage<Tick>, entries: ReadonlySet<Entry> | undefined): void
  /** @param waiting entries whose snapshot is whole with this */
  snapshot(message: SnapshotMessage<Tick>, waiting: ReadonlySet<Entry>): void
  /** @param entries that miss ticks; undefined: all */
  gap(gap: Omit<GapMessage, 'type' | 'seq'>, entries: ReadonlySet<Entry> | undefined): void
  /** The gateway does not know where these entries were, or they cannot go on from there. */
  forget(entries: readonly Entry[]): void
  refused(refusal: EntryRefusal): void
}

/** For the stream. */
export interface SessionEvents {
  /** The first message has come. */
  opened(): void
  status(message: StatusMessage): void
  goodbye(message: GoodbyeMessage): void
  tokenExpiring(): void
  /** A replay has ended, or a reply has come: more may have to be sent. */
  settled(): void
  /** The gateway cannot take commands before `delayMs`. */
  mustWait(delayMs: number): void
  /** The gateway broke a promise: a message is missing. */
  broken(reason: string): void
}
