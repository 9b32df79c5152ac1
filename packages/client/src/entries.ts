/** All entries of the client, and what the gateway is to be told about them next. */

import { checkEntryName, covers, Entry, EVERY, type Rank } from './entry.js'
import type { Time } from './environment.js'
import { type Position, positionText } from './position.js'

/** One command without its id. */
export interface Change {
  readonly isSubscribe: boolean
  readonly entries: readonly Entry[]
  readonly rank: Rank
  readonly snapshot: boolean
  readonly resume: string | undefined
  readonly since: string | undefined
}

/** Entries that fit into the URL of a connection, which begins behind a position. */
export interface UrlPart {
  readonly entries: readonly Entry[]
  readonly rank: Rank
  readonly position: Position
}

/** Proxies refuse long URLs. */
const URL_LENGTH_MAX = 1_800
/** The gateway bounds the bytes and the entries of a command. */
const COMMAND_ENTRIES_MAX = 200

export class Entries {
  private readonly time: Time
  private readonly byName = new Map<string, Entry>()
  private entriesPerCommand = COMMAND_ENTRIES_MAX
  /** Of entries that are made before the first connection: an earlier client was there. */
  firstPosition: Position | undefined

  constructor(time: Time) {
    this.time = time
  }

  get all(): Iterable<Entry> {
    return this.byName.values()
  }

  /** Throws for a name that is no entry, and holds none then. @param since where new entries begin */
  holdAll(names: readonly string[], rank: Rank, snapshot: boolean, since: string | undefined): Entry[] {
    for (const name of names) checkEntryName(name)
    return names.map(name => {
      let entry = this.byName.get(name)
      if (entry === undefined) {
        entry = new Entry(name)
        entry.position = this.firstPosition
        if (entry.position === undefined) entry.since = since
        this.byName.set(name, entry)
      }
      if (snapshot && !entry.isKnown) entry.needsSnapshot = true
      entry.hold(rank)
      return entry
    })
  }

  /** @param releaseMs until the gateway is told, in case somebody wants the entry again */
  letGo(entry: Entry, rank: Rank, releaseMs: number): void {
    entry.letGo(rank)
    if (entry.isWanted) return
    entry.isKnown = false
    entry.releaseAtMs = this.time.now() + releaseMs
    if (!entry.isActive && entry.sentRank === undefined) this.byName.delete(entry.name)
  }

  /** The gateway is told that nobody wants these. Whoever wants one from now on, begins anew. */
  release(entries: readonly Entry[]): void {
    for (const { name } of entries) this.byName.delete(name)
  }

  /** The gateway still serves these, unless somebody wants one of that name already. */
  takeBack(entries: readonly Entry[]): void {
    for (const entry of entries) if (!this.byName.has(entry.name)) this.byName.set(entry.name, entry)
  }

  /** The connection has ended. */
  disconnect(positionOf: (entry: Entry) => Position | undefined): void {
    for (const entry of this.byName.values()) {
      entry.disconnect(positionOf(entry))
      if (!entry.isWanted) this.byName.delete(entry.name)
    }
  }

  /** A command had too many entries. @returns false if commands cannot be shorter */
  shortenCommands(): boolean {
    if (this.entriesPerCommand === 1) return false
    this.entriesPerCommand >>= 1
    return true
  }

  /**
   * Entries whose resume would lack ticks: the gateway does not send again what it has sent tick by tick for another entry, and
   * that was not for these.
   */
  get overlapped(): Entry[] {
    const all = [...this.all]
    return all.filter(
      one =>
        one.position !== undefined &&
        this.rankOf(one) === EVERY &&
        all.some(
          other =>
            other.activeRank === EVERY && (covers(one.name, other.name) || covers(other.name, one.name)),
        ),
    )
  }

  /** The entries to be named in the next URL. */
  urlPart(): UrlPart | undefined {
    const first = this.furthest()
    if (first === undefined) return undefined
    const position = first.position!
    const rank = this.rankOf(first)!
    const entries: Entry[] = []
    let length = 0
    for (const entry of this.byName.values()) {
      if (!isSame(entry.position, position) || this.rankOf(entry) !== rank || /,|^\s|\s$/.test(entry.name))
        continue
      length += encodeURIComponent(entry.name).length + 1
      if (length > URL_LENGTH_MAX) break
      entries.push(entry)
    }
    return entries.length === 0 ? undefined : { entries, rank, position }
  }

  /**
   * What to send next: changes that begin at one place of the stream. The furthest comes first, so that the gateway has got as
   * far when it is asked for the others.
   */
  nextChanges(): Change[] {
    const changes = new Map<string, Entry[]>()
    const furthest = this.furthest(entry => this.mustSubscribe(entry))?.position
    const resume = furthest && positionText(furthest)
    let since: string | undefined
    for (const entry of this.byName.values()) {
      const subscribes = this.mustSubscribe(entry)
      if (!subscribes && !this.mustUnsubscribe(entry)) continue
      if (furthest !== undefined && (!subscribes || !isSame(entry.position, furthest))) continue
      since ??= entry.since
      if (entry.since !== undefined && entry.since !== since) continue
      // A replay brings the latest ticks of itself, where it has them.
      const snapshot = furthest === undefined && entry.needsSnapshot
      const key = subscribes ? [this.rankOf(entry), snapshot, entry.since].join() : ''
      const group = changes.get(key)
      if (group === undefined) changes.set(key, [entry])
      else group.push(entry)
    }
    const commands = [...changes].flatMap(([key, group]) =>
      this.cut(group).map(entries => ({
        isSubscribe: key !== '',
        entries,
        rank: this.rankOf(group[0]!) ?? EVERY,
        snapshot: resume === undefined && group[0]!.needsSnapshot,
        resume,
        since: key === '' ? undefined : group[0]!.since,
      })),
    )
    // The gateway may replay two commands one after the other: the second would lack what was sent for a prefix of the first.
    const hasPrefix = [...this.byName.keys()].some(name => name.endsWith('*'))
    return resume && hasPrefix ? commands.slice(0, 1) : commands
  }

  /** How long until an entry may be released that nobody wants, ms; Infinity: none waits for that. */
  releaseDelayMs(): number {
    let delayMs = Number.POSITIVE_INFINITY
    for (const { isWanted, releaseAtMs } of this.byName.values())
      if (!isWanted) delayMs = Math.min(delayMs, Math.max(0, releaseAtMs - this.time.now()))
    return delayMs
  }

  /**
   * How the entry must be delivered: a tick counts for its longest entry at the gateway, so an entry gets the most that it or a
   * prefix of it is wanted with.
   */
  private rankOf({ name, ownRank }: Entry): Rank | undefined {
    if (ownRank === undefined || ownRank === EVERY) return ownRank
    let rank = ownRank
    for (let length = 0; length < name.length; length++) {
      const prefix = this.byName.get(`${name.slice(0, length)}*`)?.ownRank
      if (prefix !== undefined) rank = Math.min(rank, prefix)
    }
    return rank
  }

  private mustSubscribe(entry: Entry): boolean {
    if (!entry.isWanted || entry.isRefused) return false
    return entry.sentRank !== this.rankOf(entry) || (entry.needsSnapshot && !entry.isSnapshotComing)
  }

  private mustUnsubscribe(entry: Entry): boolean {
    return !entry.isWanted && entry.isActive && !entry.isRefused && entry.releaseAtMs <= this.time.now()
  }

  private furthest(isMeant = (entry: Entry) => entry.isWanted): Entry | undefined {
    let furthest: Entry | undefined
    for (const entry of this.byName.values()) {
      if (entry.position === undefined || !isMeant(entry)) continue
      if (furthest === undefined || entry.position.offset > furthest.position!.offset) furthest = entry
    }
    return furthest
  }

  private cut(entries: readonly Entry[]): Entry[][] {
    const pieces: Entry[][] = []
    for (let start = 0; start < entries.length; start += this.entriesPerCommand)
      pieces.push(entries.slice(start, start + this.entriesPerCommand))
    return pieces
  }
}

function isSame(one: Position | undefined, other: Position): boolean {
  return one !== undefined && one.epoch === other.epoch && one.offset === other.offset
}
