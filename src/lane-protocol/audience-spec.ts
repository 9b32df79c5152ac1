/**
 * What the members of an audience have in common: everything that decides about the bytes they get. Any thread.
 */
import type { IntervalMs } from '../protocol/delivery.js'
import type { Encoding } from '../protocol/encoding.js'

/** How a client gets its ticks, whichever they are. */
export type StreamForm = Omit<AudienceSpec, keyof Selection>

/** Symbols of which an audience gets the latest ticks only. */
export interface ConflatedSymbols {
  /** 0: whenever the audience has been sent what was before. */
  readonly intervalMs: number
  readonly symbols: readonly string[]
}

/** Which symbols an audience gets, and how. Where entries overlap, the longest entry of a symbol decides. */
export interface Selection {
  /** Symbols and prefixes (`BTC*`) of which every tick is wanted; null: `*` is the only entry. */
  readonly symbols: readonly string[] | null
  /** Those of which the latest ticks are wanted, by interval; in the order of the intervals. */
  readonly latest: readonly ConflatedSymbols[]
}

export interface AudienceSpec extends Selection {
  /** How messages with ticks are written; all others are JSON. */
  readonly encoding: Encoding
  /** Whether the ticks of a turn share one message; otherwise each tick is a message. */
  readonly batch: boolean
  /** Whether `ticks` messages say when each tick came in and when the turn was published. */
  readonly stamps: boolean
  /** Messages to all members are compressed with a window of 2^windowBits bytes; 0: they are not compressed. */
  readonly windowBits: number
  /** The members get a heartbeat when the audience was sent nothing for so long, ms; 0: they get none. */
  readonly heartbeatMs: number
}

/** Ends a prefix. */
const ANY = '*'
/** The entry for every symbol: the prefix of no characters. */
export const ALL_SYMBOLS = ANY

/** The prefix that an entry stands for, or undefined for a symbol. */
export function prefixOf(entry: string): string | undefined {
  return entry.endsWith(ANY) ? entry.slice(0, -1) : undefined
}

/** Whether an entry stands for a symbol. */
export function selects(entry: string, symbol: string): boolean {
  const prefix = prefixOf(entry)
  return prefix === undefined ? entry === symbol : symbol.startsWith(prefix)
}

/** A symbol or a prefix, and how it is delivered. */
export type Entry = readonly [entry: string, intervalMs: IntervalMs]

/** How the entries of an audience change. An added entry may be there already, with another interval. */
export interface EntryChange {
  readonly added: readonly Entry[]
  readonly removed: readonly string[]
}

/** What the entries select. */
export function selectionOf(entries: ReadonlyMap<string, IntervalMs>): Selection {
  const symbols: string[] = []
  const byInterval = new Map<number, string[]>()
  for (const [entry, intervalMs] of entries) {
    if (intervalMs === null) symbols.push(entry)
    else if (byInterval.has(intervalMs)) byInterval.get(intervalMs)!.push(entry)
    else byInterval.set(intervalMs, [entry])
  }
  const latest = [...byInterval].map(([intervalMs, symbols]) => ({ intervalMs, symbols }))
  const isEverything = entries.size === 1 && entries.get(ALL_SYMBOLS) === null
  return {
    symbols: isEverything ? null : symbols,
    latest: latest.sort((a, b) => a.intervalMs - b.intervalMs),
  }
}

/** The entries of a selection. */
export function entriesOf({ latest, symbols }: Selection): Entry[] {
  const every = (symbols ?? [ALL_SYMBOLS]).map((entry): Entry => [entry, null])
  return latest.reduce(
    (entries, { intervalMs, symbols }) => entries.concat(symbols.map((entry): Entry => [entry, intervalMs])),
    every,
  )
}
