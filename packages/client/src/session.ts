/**
 * What one connection says and hears: checks that no message is missing, keeps the positions of all entries, and sends commands
 * until the gateway has what is wanted. Knows no socket and no time.
 */
import type { Change, Entries, UrlPart } from './entries.js'
import { type Entry, EVERY } from './entry.js'
import type {
  AuthenticatedMessage,
  Command,
  EntryRefusal,
  ErrorMessage,
  GapMessage,
  ServerMessage,
  SnapshotMessage,
  SubscribedMessage,
  TickHead,
  TicksMessage,
} from './messages.js'
import { Places } from './places.js'
import { type Position, readPosition } from './position.js'
import type { SessionEvents, TickEvents } from './session-events.js'

/** How long to wait when the gateway cannot take commands. */
const BUSY_MS = 1_000

export class Session<Tick extends TickHead> {
  private readonly entries: Entries
  private readonly outlets: TickEvents<Tick>
  private readonly events: SessionEvents
  private readonly sendCommand: (command: Command) => void
  private readonly urlPart: UrlPart | undefined
  /** Commands whose replies are still to come, by id. */
  private readonly pending = new Map<unknown, Change>()
  private lastId = 0
  private seq = 0
  private readonly places = new Places()
  /** Entries of which the gateway tells next that it does not resume them. */
  private unresumed = new Set<Entry>()

  constructor(
    entries: Entries,
    urlPart: UrlPart | undefined,
    outlets: TickEvents<Tick>,
    events: SessionEvents,
    sendCommand: (command: Command) => void,
  ) {
    this.entries = entries
    this.urlPart = urlPart
    this.outlets = outlets
    this.events = events
    this.sendCommand = sendCommand
  }

  /** Up to where everything has been told. undefined: nothing yet. */
  get position(): Position | undefined {
    return this.places.position
  }

  /** Whether entries are still to catch up after an earlier connection. */
  get isReplaying(): boolean {
    return this.places.replayed !== undefined || this.waiting.some(({ position }) => position !== undefined)
  }

  /** Whether the gateway serves all entries that are wanted, and nothing is to be caught up. */
  get isLive(): boolean {
    const { position, unresumed, waiting } = this
    return position !== undefined && !this.isReplaying && unresumed.size + waiting.length === 0
  }

  /** Entries that the gateway has neither confirmed nor refused yet. */
  private get waiting(): Entry[] {
    return [...this.entries.all].filter(
      ({ isActive, isRefused, isWanted }) => isWanted && !isActive && !isRefused,
    )
  }

  /** Sends the next commands, if none is under way. */
  sync(): void {
    if (this.position === undefined || this.pending.size > 0 || this.places.replayed !== undefined) return
    this.outlets.forget(this.entries.overlapped)
    for (const change of this.entries.nextChanges()) this.send(change)
  }

  /** The connection has ended: each entry keeps its place. */
  end(): void {
    this.entries.disconnect(entry => this.places.of(entry))
  }

  take(message: ServerMessage<Tick>): void {
    switch (message.type) {
      case 'ticks':
        this.takeTicks(message)
        return
      case 'heartbeat':
        if (message.seq === this.seq) this.advance(message.offset)
        else this.missing()
        return
      case 'subscribed':
        this.takeSubscribed(message)
        break
      case 'unsubscribed':
        this.seq = message.seq
        this.changeOf(message)
        this.advance(message.offset)
        break
      case 'gap':
        this.takeGap(message)
        break
      case 'snapshot':
        this.takeSnapshot(message)
        break
      case 'live':
        this.places.endReplay(message.offset)
        this.seq = message.seq
        // A snapshot that belongs to the replay has come by now.
        for (const entry of this.entries.all) entry.isSnapshotComing = false
        break
      case 'status':
        this.events.status(message)
        break
      case 'goodbye':
        this.places.set(readPosition(message.resume) ?? this.position)
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
    if (this.places.replayed === undefined) this.events.settled()
  }

  private takeTicks(message: TicksMessage<Tick>): void {
    if (message.seq !== this.seq + 1) {
      this.missing()
      return
    }
    this.seq = message.seq
    if (this.isBack(message.offset)) return
    this.outlets.ticks(message, this.places.reach(message.offset))
  }

  private takeSubscribed(message: SubscribedMessage): void {
    const { epoch, offset, reached, refused = [], resumed, seq } = message
    const isFirst = this.position === undefined
    this.seq = seq
    const { entries = [], rank = EVERY } = this.changeOf(message) ?? this.urlPart ?? {}
    const done: Entry[] = []
    for (const entry of entries) {
      const refusal = refused.find(({ symbol }) => symbol === entry.name)
      if (refusal !== undefined) {
        this.refuse(entry, refusal)
        continue
      }
      done.push(entry)
      entry.activeRank = rank
      entry.sentRank = rank
      entry.since = undefined
      entry.position = undefined
      // A replay has a snapshot of latest ticks, and so has the end of a resume that fails.
      if (resumed === true ? rank !== EVERY : resumed === false) expectSnapshot(entry)
    }
    const place = { epoch, offset }
    if (resumed === true && done.length > 0) this.places.beginReplay(done, place, reached)
    else this.places.set(place)
    if (resumed === false) for (const entry of done) this.unresumed.add(entry)
    if (isFirst) this.events.opened()
  }

  /** Entries that the client may not see any more are as good as refused. */
  private takeAuthenticated({ epoch, offset, seq, unsubscribed = [] }: AuthenticatedMessage): void {
    // Without a change of the access there is no place.
    if (epoch === undefined) return
    this.seq = seq!
    this.places.set({ epoch, offset: offset! })
    for (const entry of this.entries.all) {
      if (!unsubscribed.includes(entry.name)) continue
      entry.disconnect(this.position)
      this.refuse(entry, { code: 'not_entitled', message: 'the access has changed' })
    }
  }

  private takeGap(message: GapMessage): void {
    const { epoch, missed, offset = 0, reason, seq, to } = message
    this.seq = seq
    const { places, unresumed } = this
    const isReplay = places.replayed !== undefined
    const before = places.position?.offset
    let entries = epoch === undefined ? places.reach(to) : places.beginEpoch({ epoch, offset })
    if (reason === 'resume' && !isReplay) {
      if (unresumed.size > 0) entries = unresumed
      this.unresumed = new Set()
    }
    // Behind a gap at the begin of a replay there are ticks, and no snapshot.
    if (reason === 'slow' || (reason === 'resume' && !(isReplay && to === before)))
      for (const entry of entries ?? this.entries.all) if (entry.isActive) expectSnapshot(entry)
    // A gap of no ticks says how an epoch is called.
    if (missed !== 0) this.outlets.gap(message, entries)
  }

  private takeSnapshot(message: SnapshotMessage<Tick>): void {
    this.seq = message.seq
    this.places.reach(message.offset)
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
    this.outlets.snapshot(message, waiting)
  }

  private takeError(error: ErrorMessage): void {
    const { code, retryAfterMs } = error
    const change = this.changeOf(error)
    if (change === undefined) return
    const { entries, isSubscribe, resume } = change
    if (!isSubscribe) this.entries.takeBack(entries)
    for (const entry of entries) {
      entry.sentRank = entry.activeRank
      entry.isSnapshotComing = false
    }
    if (code === 'bad_resume' && resume !== undefined) this.outlets.forget(entries)
    else if (code === 'too_many_commands' || code === 'overload' || code === 'history_busy')
      this.events.mustWait(retryAfterMs ?? BUSY_MS)
    else if (code !== 'command_too_large' || !this.entries.shortenCommands())
      for (const entry of entries) this.refuse(entry, error)
  }

  /** The command that this is the reply to; undefined: none of those that wait. */
  private changeOf({ id }: { readonly id?: number | string | undefined }): Change | undefined {
    const change = this.pending.get(id)
    this.pending.delete(id)
    return change
  }

  /** The gateway does not do it. An entry that nobody wants stays as it is. */
  private refuse(entry: Entry, { code, message }: Pick<EntryRefusal, 'code' | 'message'>): void {
    entry.isRefused = true
    entry.sentRank = entry.activeRank
    entry.since = undefined
    if (entry.isWanted) this.outlets.refused({ symbol: entry.name, code, message })
  }

  private send(change: Change): void {
    const { entries, isSubscribe, rank, resume, since, snapshot } = change
    const id = ++this.lastId
    this.pending.set(id, change)
    const symbols = entries.map(({ name }) => name)
    if (!isSubscribe) {
      this.entries.release(entries)
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
      delivery: rank === EVERY ? 'every' : 'latest',
      interval: rank === EVERY ? undefined : rank,
      snapshot,
      resume,
      since,
    })
  }

  private missing(): void {
    this.events.broken(`the message ${this.seq + 1} is missing`)
  }

  private advance(offset: number): void {
    if (!this.isBack(offset)) this.places.reach(offset)
  }

  /** Whether an offset falls that never does. The connection is at its end then. */
  private isBack(offset: number): boolean {
    const isBack = offset < (this.position?.offset ?? 0)
    if (isBack) this.events.broken(`the offset ${offset} goes back`)
    return isBack
  }
}

function expectSnapshot(entry: Entry): void {
  entry.needsSnapshot = true
  entry.isSnapshotComing = true
}
