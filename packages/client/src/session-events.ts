/** What a session tells the stream. The positions of the session are set before. */
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

export interface SessionEvents<Tick extends TickHead> {
  /** The first message has come. */
  opened(): void
  /** @param entries whose ticks these are; undefined: of all */
  ticks(message: TicksMessage<Tick>, entries: ReadonlySet<Entry> | undefined): void
  snapshot(message: SnapshotMessage<Tick>, entries: ReadonlySet<Entry>): void
  /** @param entries that miss ticks; undefined: all */
  gap(gap: Omit<GapMessage, 'type' | 'seq'>, entries: ReadonlySet<Entry> | undefined): void
  /** The gateway does not know where these entries were. */
  forgotten(entries: readonly Entry[]): void
  refused(refusal: EntryRefusal): void
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
