/** Where the items go: makes them of what a session tells, and gives each to the subscriptions that it concerns. */
import type { Entries } from './entries.js'
import type { Entry } from './entry.js'
import type { GapItem, StatusItem, Transition } from './items.js'
import { Listeners } from './listeners.js'
import type {
  EntryRefusal,
  FeedState,
  GapMessage,
  SnapshotMessage,
  StatusMessage,
  TickHead,
  TicksMessage,
} from './messages.js'
import { type Position, positionText, readPosition } from './position.js'
import { Router } from './router.js'
import type { TickEvents } from './session-events.js'
import type { Subscription } from './subscription.js'

export class Outlets<Tick extends TickHead> implements TickEvents<Tick> {
  /** Of the stream: told of each change of its state or of the feed's. */
  readonly statusListeners = new Listeners<StatusItem>()
  private readonly router = new Router<Tick>()
  private readonly entries: Entries
  private readonly where: () => Position | undefined
  private feed: FeedState = 'live'
  private since: number | undefined
  private feedReason: string | undefined
  private last: string | undefined

  /** @param where says where the session is; undefined: there is none */
  constructor(entries: Entries, where: () => Position | undefined) {
    this.entries = entries
    this.where = where
  }

  add(
    subscription: Subscription<Tick>,
    own: readonly Entry[],
    snapshot: boolean,
    transition: Transition,
  ): void {
    this.router.add(subscription, own)
    subscription.push(this.status(transition))
    const at = this.where()
    if (!snapshot || at === undefined) return
    // The gateway sends a snapshot of entries of which this client has had none.
    const ticks = this.router.known(subscription)
    if (ticks.length > 0) subscription.push({ type: 'snapshot', ticks, position: positionText(at) })
  }

  delete(subscription: Subscription<Tick>): void {
    this.router.delete(subscription)
  }

  latest(symbol: string, kind: string | undefined): Tick | undefined {
    return this.router.latest(symbol, kind)
  }

  status(transition: Transition): StatusItem {
    const { feed, feedReason, since } = this
    return { type: 'status', ...transition, feed, since, feedReason }
  }

  /** Keeps the place of the session. @returns it as text */
  note(): string {
    const at = this.where()
    if (at !== undefined) this.last = positionText(at)
    return this.last ?? ''
  }

  /** What readers have: where items wait, the place before them. */
  get position(): string | undefined {
    this.note()
    let position = this.last
    for (const { isBehind, readPosition: read } of this.router.all) {
      if (!isBehind || read === undefined || position === undefined) continue
      const here = readPosition(position)!
      const there = readPosition(read)!
      if (there.epoch !== here.epoch || there.offset < here.offset) position = read
    }
    return position
  }

  ticks({ merged, published, ticks }: TicksMessage<Tick>, entries: ReadonlySet<Entry> | undefined): void {
    const position = this.note()
    this.router.route(ticks, own => ({ type: 'ticks', ticks: own, position, merged, published }), entries)
  }

  snapshot({ incomplete, more, ticks }: SnapshotMessage<Tick>, waiting: ReadonlySet<Entry>): void {
    const position = this.note()
    const itemOf = (own: readonly Tick[]) =>
      ({ type: 'snapshot', ticks: own, position, more, incomplete }) as const
    const reached = this.router.route(ticks, itemOf)
    for (const subscription of this.router.all)
      if (!reached.has(subscription) && this.router.hasAny(subscription, waiting))
        subscription.push(itemOf([]))
  }

  refused(refusal: EntryRefusal): void {
    for (const subscription of this.router.all)
      if (subscription.symbols.includes(refusal.symbol)) subscription.push({ type: 'refused', ...refusal })
  }

  feedChanged({ feed, reason, since }: StatusMessage, transition: Transition): void {
    if (feed === this.feed && since === this.since) return
    this.feed = feed
    this.since = since
    this.feedReason = reason
    this.stateChanged(transition)
  }

  stateChanged(transition: Transition): void {
    const status = this.status(transition)
    this.statusListeners.tell(status)
    for (const subscription of this.router.all) subscription.push(status)
  }

  /** @param error undefined: the stream goes on after all */
  end(error: Error | undefined): void {
    for (const subscription of this.router.all) subscription.end(error)
  }

  close(): void {
    for (const subscription of [...this.router.all]) subscription.close()
  }

  /** The gateway does not know where entries were: a loss of unknown size. Default: all. */
  forget(entries: Iterable<Entry> = this.entries.all): void {
    const forgotten = new Set<Entry>()
    let offset = 0
    for (const entry of entries) {
      if (entry.position === undefined) continue
      offset = Math.max(offset, entry.position.offset)
      entry.position = undefined
      entry.needsSnapshot = true
      forgotten.add(entry)
    }
    if (forgotten.size > 0)
      this.gap({ reason: 'resume', from: offset + 1, to: offset, missed: null }, forgotten)
  }

  gap(
    { epoch, from, missed, reason, to }: Omit<GapMessage, 'type' | 'seq'>,
    entries: ReadonlySet<Entry> | undefined,
  ): void {
    const item: GapItem = { type: 'gap', reason, from, to, missed, epoch }
    for (const subscription of this.router.all)
      if (this.router.hasAny(subscription, entries)) subscription.push(item)
  }
}
