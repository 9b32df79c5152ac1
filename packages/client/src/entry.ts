/** One entry (a symbol, a prefix such as `BTC*`, or `*`) of the whole client: who wants it, and what the gateway does for it. */
import type { Position } from './position.js'

/** How an entry is delivered: -1 every tick, otherwise the latest tick in each so many ms. A lower one has more ticks. */
export type Rank = number
export const EVERY: Rank = -1

export class Entry {
  readonly name: string
  /** How many subscriptions want it at each rank. */
  private readonly ranks: Rank[] = []
  /** When the gateway may be told that nobody wants it. */
  releaseAtMs = 0
  /** Where the stream is complete up to, for this entry: set between connections. undefined: it begins when it is subscribed. */
  position: Position | undefined
  /** Where a new entry is to begin, as the gateway reads it. */
  since: string | undefined
  /** A snapshot is wanted, and its end has not come. */
  needsSnapshot = false
  /** A whole snapshot has come, and its ticks are kept while somebody wants the entry. */
  isKnown = false

  // On the present connection:
  /** As it was last sent. */
  sentRank: Rank | undefined
  /** As the gateway has confirmed. */
  activeRank: Rank | undefined
  /** The snapshot comes without another command. */
  isSnapshotComing = false
  isRefused = false

  constructor(name: string) {
    this.name = name
  }

  get isWanted(): boolean {
    return this.ranks.length > 0
  }

  get isActive(): boolean {
    return this.activeRank !== undefined
  }

  /** Of what its own subscriptions want. */
  get ownRank(): Rank | undefined {
    return this.isWanted ? Math.min(...this.ranks) : undefined
  }

  hold(rank: Rank): void {
    this.ranks.push(rank)
    this.isRefused = false
  }

  letGo(rank: Rank): void {
    this.ranks.splice(this.ranks.indexOf(rank), 1)
  }

  /** The connection has ended, and the entry is complete up to `position`. */
  disconnect(position: Position | undefined): void {
    if (this.isActive && position !== undefined) this.position = position
    this.sentRank = undefined
    this.activeRank = undefined
    this.isSnapshotComing = false
    this.isRefused = false
  }
}

/** Whether a symbol, or all symbols of another entry, are those of the entry. */
export function covers(entry: string, symbol: string): boolean {
  return entry.endsWith('*') ? symbol.startsWith(entry.slice(0, -1)) : symbol === entry
}

/** Throws for what cannot be sent. The gateway tells of every other fault by itself, entry by entry. */
export function checkEntryName(name: unknown): asserts name is string {
  if (typeof name !== 'string' || name === '' || /\p{Surrogate}/u.test(name))
    throw new TypeError(
      `an entry is a symbol, a prefix with a *, or "*" for all, got ${JSON.stringify(name)}`,
    )
}
