/**
 * What the members of an audience have in common, and so what decides about the bytes they get. Any thread.
 * Two clients with the same key share an audience.
 */
import type { IntervalMs } from '../protocol/delivery.js'
import type { Encoding } from '../protocol/encoding.js'
import { PrefixMap } from './prefix-map.js'

/** How a client gets its ticks, whichever they are. */
export type StreamForm = Omit<AudienceSpec, keyof Selection>

/** Symbols of which an audience gets the latest ticks only. */
export interface ConflatedSymbols {
  /** 0: whenever the audience has been sent what was before. */
  readonly intervalMs: number
  readonly symbols: readonly string[]
}

/** Which symbols an audience gets, and how. Lists are sorted and hold no entry without which the same would be wanted. */
export interface Selection {
  /** Symbols and prefixes (`BTC*`) of which every tick is wanted; null: every tick of all. */
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
  /** Base-2 logarithm of the window that messages are compressed with that go to all members; 0: they are not compressed. */
  readonly windowBits: number
}

/** Ends a prefix. */
const ANY = '*'
/** The entry for every symbol: the prefix of no characters. */
export const ALL_SYMBOLS = ANY

/** The prefix that an entry stands for, or undefined for a symbol. */
export function prefixOf(entry: string): string | undefined {
  return entry.endsWith(ANY) ? entry.slice(0, -1) : undefined
}

/**
 * What the entries mean together: whoever wants the same gets the same selection, however it was asked for. Where entries
 * overlap, the longer one decides.
 */
export function selectionOf(entries: ReadonlyMap<string, IntervalMs>): Selection {
  const byPrefix = new PrefixMap<IntervalMs>()
  for (const [entry, intervalMs] of entries) {
    const prefix = prefixOf(entry)
    if (prefix !== undefined) byPrefix.set(prefix, intervalMs)
  }
  const byInterval = new Map<IntervalMs, string[]>([[null, []]])
  for (const [entry, intervalMs] of entries) {
    if (coveringInterval(entry, byPrefix) === intervalMs) continue
    const symbols = byInterval.get(intervalMs)
    if (symbols === undefined) byInterval.set(intervalMs, [entry])
    else symbols.push(entry)
  }
  for (const symbols of byInterval.values()) symbols.sort()
  const latest = [...byInterval].flatMap(([intervalMs, symbols]) =>
    intervalMs === null ? [] : { intervalMs, symbols },
  )
  const symbols = byInterval.get(null)!
  const isEverything = latest.length === 0 && symbols[0] === ALL_SYMBOLS
  return {
    symbols: isEverything ? null : symbols,
    latest: latest.sort((a, b) => a.intervalMs - b.intervalMs),
  }
}

/** How the entry's ticks would be wanted without it; undefined: not at all. */
function coveringInterval(entry: string, byPrefix: PrefixMap<IntervalMs>): IntervalMs | undefined {
  const own = prefixOf(entry)
  return own === undefined ? byPrefix.ofLongest(entry) : byPrefix.ofLongest(own, own.length - 1)
}

/** Whether its members get nothing tick by tick, so that whoever is slow may skip to the latest. */
export function isConflated({ symbols, latest }: AudienceSpec): boolean {
  return symbols !== null && symbols.length === 0 && latest.length > 0
}

export function audienceKey(spec: AudienceSpec): string {
  return JSON.stringify([spec.encoding, spec.batch, spec.stamps, spec.windowBits, spec.symbols, spec.latest])
}
