/**
 * What one connection says and hears: checks that no message is missing, keeps the positions of all entries, and sends commands
 * until the gateway has what is wanted. Knows no socket and no time.
 */
import type { Change, Entries, UrlPart } from './entries.js'
import { type Entry, EVERY } from './entry.js'
import type {
  AuthenticatedMessage,
  Command,
  ErrorMessage,
  GapMessage,
  ServerMessage,
  SnapshotMessage,
  SubscribedMessage,
  TickHead,
  TicksMessage,
  UnsubscribedMessage,
} from './messages.js'
import { type Position, readPosition } from './position.js'
import type { SessionEvents } from './session-events.js'

interface Replay {
  readonly entries: ReadonlySet<Entry>
  /** All other entries are complete up to here. */
  readonly reached: number
  offset: number
}

/** How long to wait when the gateway cannot take commands. */
const BUSY_MS = 1_000

export class Session<Tick extends TickHead> {
  private readonly entries: Entries
  private readonly events: SessionEvents<Tick>
  private readonly sendCommand: (command: Command) => void
  private readonly urlPart: UrlPart | undefined
  /** Commands whose replies are still to come, by id. */
  private readonly pending = new Map<number, Change>()
  private lastId = 0
  private isOpen = false
  private seq = 0
  /** Where all active entries are, but for those of a replay. */
  private at: Position | undefined
  private replay: Replay | undefined
  /** Entries of which the gateway tells next that it does not resume them. */
  private unresumed = new Set<Entry>()

  constructor(
    entries: Entries,
    urlPart: UrlPart | undefined,
    events: SessionEvents<Tick>,
    sendCommand: (command: Command) => void,
  ) {
    this.entries = entries
    this.urlPart = urlPart
    this.events = events
    this.sendCommand = sendCommand
  }

  /** Up to where everything has been told. undefined: nothing yet. */
  get position(): Position | undefined {
    const { at, replay } = this
    if (at === undefined || replay === undefined) return at
    return { epoch: at.epoch, offset: Math.min(at.offset, replay.offset) }
  }

  /** Whether entries are still to catch up after an earlier connection. */
  get isReplaying(): boolean {
    if (!this.isOpen || this.replay !== undefined) return true
    for (const { isActive, isRefused, isWanted, position } of this.entries.all)
      if (position !== undefined && isWanted && !isActive && !isRefused) return true
    return false
  }

  /** Sends the next commands, if none is under way. */
  sync(): void {
    if (!this.isOpen || this.pending.size > 0 || this.replay !== undefined) return
    for (const change of this.entries.nextChanges()) this.send(change)
  }

  /** The connection has ended: each entry keeps its place. */
  end(): void {
    const { at, replay } = this
    this.entries.disconnect(entry =>
      at !== undefined && replay?.entries.has(entry) ? { epoch: at.epoch, offset: replay.offset } : at,
    )
  }

  take(message: ServerMessage<Tick>): void {
    switch (message.type) {
      case 'ticks':
        this.takeTicks(message)
        break
      case 'subscribed':
        this.takeSubscribed(message)
        break
      case 'unsubscribed':
        this.takeUnsubscribed(message)
        break
      case 'gap':
        this.takeGap(message)
        break
      case 'snapshot':
        this.takeSnapshot(message)
        break
      case 'live':
        this.replay = undefined
        this.at = { epoch: message.epoch ?? this.at?.epoch ?? '', offset: message.offset }
        this.seq = message.seq
        this.events.settled()
        break
      case 'heartbeat':
        if (message.seq === this.seq) this.advance(message.offset)
        else this.missing()
        break
      case 'status':
        this.events.status(message)
        break
      case 'goodbye':
        this.at = readPosition(message.resume) ?? this.at
        this.events.goodbye(message)
        break
      case 'error':
        this.takeError(message)
        break
      case 'authenticated':
        this.takeAuthenticated(message)
        break
      case 'token-expiring':
        this.events.tokenExpiring()
        break
    }
  }

  private takeTicks(message: TicksMessage<Tick>): void {
    if (message.seq !== this.seq + 1) {
      this.missing()
      return
    }
    this.seq = message.seq
    if (!this.advance(message.offset)) return
    this.events.ticks(message, this.replayedAt(message.offset))
  }

  /** The entries of the replay, up to the offset at which the others are already; undefined: all. */
  private replayedAt(offset: number): ReadonlySet<Entry> | undefined {
    const { replay } = this
    return replay && offset <= replay.reached ? replay.entries : undefined
  }

  private takeSubscribed(message: SubscribedMessage): void {
    const { id, epoch, offset, reached, resumed, seq } = message
    this.seq = seq
    const change = this.pending.get(Number(id))
    this.pending.delete(Number(id))
    const { entries = [], rank = EVERY } = change ?? this.urlPart ?? {}
    const refused = new Set((message.refused ?? []).map(({ symbol }) => symbol))
    const done = entries.filter(({ name }) => !refused.has(name))
    for (const entry of entries) {
      if (refused.has(entry.name)) {
        entry.isRefused = true
        entry.sentRank = entry.activeRank
        continue
      }
      entry.activeRank = rank
      entry.sentRank = rank
      entry.since = undefined
      // A replay has a snapshot of latest ticks, and so has the end of a resume that fails.
      if (resumed === true ? rank !== EVERY : resumed === false) expectSnapshot(entry)
    }
    this.at = { epoch, offset: reached ?? offset }
    if (resumed === true && done.length > 0) {
      const others = this.replay?.entries ?? []
      this.replay = { entries: new Set([...others, ...done]), reached: reached ?? offset, offset }
    }
    if (resumed === false) for (const entry of done) this.unresumed.add(entry)
    for (const refusal of message.refused ?? []) this.events.refused(refusal)
    if (!this.isOpen) {
      this.isOpen = true
      this.events.opened()
    }
    if (this.replay === undefined && this.unresumed.size === 0) this.events.settled()
  }

  private takeUnsubscribed({ id, offset, seq }: UnsubscribedMessage): void {
    this.seq = seq
    for (const entry of this.pending.get(Number(id))?.entries ?? []) {
      entry.disconnect(undefined)
      entry.position = undefined
      this.entries.delete(entry)
    }
    this.pending.delete(Number(id))
    if (!this.advance(offset)) return
    this.events.settled()
  }

  /** Entries that the client may not see any more are as good as refused. */
  private takeAuthenticated({ epoch, offset, seq, unsubscribed = [] }: AuthenticatedMessage): void {
    // Without a change of the access there is no place.
    if (epoch === undefined) return
    this.seq = seq!
    this.at = { epoch, offset: offset! }
    for (const entry of this.entries.all) {
      if (!unsubscribed.includes(entry.name)) continue
      entry.disconnect(undefined)
      entry.isRefused = true
      this.events.refused({ symbol: entry.name, code: 'not_entitled', message: 'the access has changed' })
    }
  }

  private takeGap(message: GapMessage): void {
    const { epoch, missed, offset, reason, seq, to } = message
    this.seq = seq
    const { at, replay, unresumed } = this
    let entries: ReadonlySet<Entry> | undefined
    if (reason === 'resume') {
      if (replay === undefined) this.unresumed = new Set()
      entries = replay?.entries ?? (unresumed.size > 0 ? unresumed : undefined)
    } else if (epoch === undefined) entries = this.replayedAt(to)
    if (reason === 'slow' || reason === 'resume')
      for (const entry of entries ?? this.entries.all) if (entry.isActive) expectSnapshot(entry)
    if (epoch !== undefined) {
      this.at = { epoch, offset: offset ?? 0 }
      if (replay !== undefined) replay.offset = offset ?? 0
    } else if (replay !== undefined) replay.offset = Math.max(replay.offset, to)
    else if (at !== undefined && reason !== 'resume') this.at = { ...at, offset: Math.max(at.offset, to) }
    // A gap of no ticks says how an epoch is called.
    if (missed !== 0) this.events.gap(message, entries)
    if (this.replay === undefined && reason === 'resume') this.events.settled()
  }

  private takeSnapshot(message: SnapshotMessage<Tick>): void {
    const { at, replay } = this
    this.seq = message.seq
    if (replay !== undefined) replay.offset = Math.max(replay.offset, message.offset)
    else if (at !== undefined) this.at = { ...at, offset: Math.max(at.offset, message.offset) }
    const waiting = new Set<Entry>()
    if (message.more !== true) {
      for (const entry of this.entries.all) {
        if (!entry.isSnapshotComing) continue
        entry.needsSnapshot = false
        entry.isSnapshotComing = false
        entry.isKnown = entry.isWanted
        waiting.add(entry)
      }
    }
    this.events.snapshot(message, waiting)
  }

  private takeError({ code, id, message, retryAfterMs }: ErrorMessage): void {
    const change = this.pending.get(Number(id))
    if (change === undefined) return
    this.pending.delete(Number(id))
    for (const entry of change.entries) {
      entry.sentRank = entry.activeRank
      entry.isSnapshotComing = false
    }
    if (code === 'bad_resume' && change.resume !== undefined) this.events.forgotten(change.entries)
    else if (code === 'too_many_commands' || code === 'overload' || code === 'history_busy') {
      this.events.mustWait(retryAfterMs ?? BUSY_MS)
      return
    } else if (code !== 'command_too_large' || !this.entries.shortenCommands()) {
      for (const entry of change.entries) {
        entry.isRefused = true
        entry.since = undefined
        this.events.refused({ symbol: entry.name, code, message })
      }
    }
    this.events.settled()
  }

  private send(change: Change): void {
    const { entries, isSubscribe, rank, resume, since, snapshot } = change
    const id = ++this.lastId
    this.pending.set(id, change)
    const symbols = entries.map(({ name }) => name)
    if (!isSubscribe) {
      this.sendCommand({ type: 'unsubscribe', id, symbols })
      return
    }
    for (const entry of entries) {
      entry.sentRank = rank
      if (snapshot) entry.isSnapshotComing = true
    }
    this.sendCommand({
      type: 'subscribe',
      id,
      symbols,
      ...(rank === EVERY ? { delivery: 'every' } : { delivery: 'latest', interval: rank }),
      snapshot,
      resume,
      since,
    })
  }

  private missing(): void {
    this.events.broken(`the message ${this.seq + 1} is missing`)
  }

  /** Takes an offset that never falls. @returns false when it does */
  private advance(offset: number): boolean {
    const { at, replay } = this
    if (at === undefined) return true
    if (offset < (replay?.offset ?? at.offset)) {
      this.events.broken(`the offset ${offset} goes back`)
      return false
    }
    if (replay !== undefined) replay.offset = offset
    if (offset > at.offset) this.at = { epoch: at.epoch, offset }
    return true
  }
}

function expectSnapshot(entry: Entry): void {
  entry.needsSnapshot = true
  entry.isSnapshotComing = true
}
