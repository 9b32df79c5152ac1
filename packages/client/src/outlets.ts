/** Where the items go: makes them of what a session tells, and gives each to the subscriptions that it concerns. */
import type { Entries } from './entries.js'
import type { Entry } from './entry.js'
import type { GapItem, StatusItem, Transition } from './items.js'
import { Listeners } from './listeners.js'
import type { FeedState, GapMessage, StatusMessage, TickHead } from './messages.js'
import { type Position, positionText, readPosition } from './position.js'
import { Router } from './router.js'
import type { SessionEvents } from './session-events.js'
import type { Subscription } from './subscription.js'

type TickEvents = 'forgotten' | 'gap' | 'refused' | 'snapshot' | 'ticks'

export class Outlets<Tick extends TickHead> {
  /** Of the stream: told of each change of its state or of the feed's. */
  readonly statusListeners = new Listeners<StatusItem>()
  private readonly router = new Router<Tick>()
  private readonly entries: Entries
  private feed: FeedState = 'live'
  private since: number | undefined
  private feedReason: string | undefined
  private last: string | undefined

  constructor(entries: Entries) {
    this.entries = entries
  }

  /** @param at where the stream is; undefined: there is no connection */
  add(
    subscription: Subscription<Tick>,
    own: readonly Entry[],
    snapshot: boolean,
    at: Position | undefined,
    transition: Transition,
  ): void {
    this.router.add(subscription, own)
    subscription.push(this.status(transition))
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

  /** The session has come so far. */
  note(position: Position | undefined): void {
    if (position !== undefined) this.last = positionText(position)
  }

  /** What readers have: where items wait, the place before them. */
  get position(): string | undefined {
    let position = this.last
    for (const { isBehind, readPosition: read } of this.router.all) {
      if (!isBehind || read === undefined || position === undefined) continue
      const here = readPosition(position)!
      const there = readPosition(read)!
      if (there.epoch !== here.epoch || there.offset < here.offset) position = read
    }
    return position
  }

  /** @param positionOf the place behind what is told now */
  sessionEvents(positionOf: () => Position | undefined): Pick<SessionEvents<Tick>, TickEvents> {
    const text = () => {
      this.note(positionOf())
      return this.last ?? ''
    }
    return {
      ticks: ({ merged, published, ticks }, entries) => {
        const position = text()
        this.router.route(ticks, own => ({ type: 'ticks', ticks: own, position, merged, published }), entries)
      },
      snapshot: ({ incomplete, more, ticks }, waiting) => {
        const position = text()
        const itemOf = (own: readonly Tick[]) =>
          ({ type: 'snapshot', ticks: own, position, more, incomplete }) as const
        const reached = this.router.route(ticks, itemOf)
        for (const subscription of this.router.all)
          if (!reached.has(subscription) && this.router.hasAny(subscription, waiting))
            subscription.push(itemOf([]))
      },
      gap: (gap, entries) => this.gap(gap, entries),
      forgotten: entries => this.forget(entries),
      refused: refusal => {
        for (const subscription of this.router.all)
          if (subscription.symbols.includes(refusal.symbol))
            subscription.push({ type: 'refused', ...refusal })
      },
    }
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
  forget(entries?: readonly Entry[]): void {
    const { forgotten, offset } = this.entries.forgetPositions(entries)
    if (forgotten.size > 0)
      this.gap({ reason: 'resume', from: offset + 1, to: offset, missed: null }, forgotten)
  }

  private gap(
    { epoch, from, missed, reason, to }: Omit<GapMessage, 'type' | 'seq'>,
    entries: ReadonlySet<Entry> | undefined,
  ): void {
    const item: GapItem = { type: 'gap', reason, from, to, missed, epoch }
    for (const subscription of this.router.all)
      if (this.router.hasAny(subscription, entries)) subscription.push(item)
  }
}
