/**
 * The latest ticks that a client of a storm must get: how many ticks they stand for, which of them are the newest, and which
 * the next snapshot owes the client.
 */
import type { SnapshotMessage, TickJson } from '../../src/protocol/messages.js'
import type { FeedRecord, Kind } from './feed-record.js'

/** Two epochs of a feed are farther apart than this, where their offsets follow one another. */
export const EPOCH_SPAN = 100_000_000
const KINDS: readonly Kind[] = ['quote', 'trade']
const keyOf = (symbol: string, kind: Kind): string => `${kind} ${symbol}`
const symbolOf = (key: string): string => key.slice(key.indexOf(' ') + 1)

export interface LatestModelDeps {
  readonly record: FeedRecord
  readonly deliveryOf: (symbol: string) => 'every' | number | undefined
  /** The server knows ticks behind this offset only. */
  readonly knownFrom: () => number
  readonly wrong: (text: string) => void
}

export class LatestModel {
  /** Whether the last snapshot is incomplete: more messages of it follow, or a whole snapshot in its place. */
  isPartial = false
  private readonly deps: LatestModelDeps
  /** Offset of the newest tick that came, by symbol and kind. */
  private readonly received = new Map<string, number>()
  /** The symbols and kinds that the next snapshot must hold. */
  private readonly owed = new Set<string>()
  /** `counted` counts latest ticks after this offset, together with the ticks merged into them. */
  private countedFrom = 0
  private counted = 0
  /** Whether an epoch has begun since `countedFrom`: nobody can say how many ticks the one before had. */
  private isUncounted = false

  constructor(deps: LatestModelDeps) {
    this.deps = deps
  }

  connected(): void {
    this.isPartial = false
    this.received.clear()
    this.owed.clear()
    this.countFrom(0)
  }

  /** A tick has come. @param isLatest whether it is a latest tick, and may not be older than the one before */
  take({ kind, symbol }: TickJson, offset: number, isLatest: boolean): void {
    const key = keyOf(symbol, kind)
    if (isLatest && offset <= (this.received.get(key) ?? 0))
      this.deps.wrong(`latest tick ${offset} of ${symbol} is old`)
    this.received.set(key, offset)
  }

  /** So many ticks came, or were merged into others that came. */
  count(ticks: number): void {
    this.counted += ticks
  }

  countFrom(offset: number): void {
    this.countedFrom = offset
    this.counted = 0
    this.isUncounted = false
  }

  /** As `countFrom`, but ticks of the epoch before may follow. */
  beginEpoch(offset: number): void {
    this.countFrom(offset)
    this.isUncounted = true
  }

  takeSnapshot({ more, offset, ticks }: SnapshotMessage): void {
    const { deliveryOf, record, wrong } = this.deps
    for (const tick of ticks) {
      const { kind, symbol } = tick
      if (deliveryOf(symbol) === undefined)
        wrong(`the snapshot at ${offset} has ${symbol}, which it is not subscribed to`)
      const newest = record.newest(symbol, kind, offset)
      const sequence = Number(tick.sequence)
      if (!record.isTick(sequence, tick)) wrong(`tick ${sequence} is not what the feed sent`)
      // The newest tick may be one of an earlier epoch, if the present one has none.
      if (sequence !== newest && (newest > 0 || sequence > offset))
        wrong(`the snapshot at ${offset} has tick ${tick.sequence} in place of ${newest}`)
      this.received.set(keyOf(symbol, kind), sequence)
      this.owed.delete(keyOf(symbol, kind))
    }
    this.countFrom(offset)
    this.isPartial = more === true
    this.checkOwed()
  }

  /** Up to `until` the newest latest ticks have come, and together with merged ticks they are as many as the feed sent. */
  check(until: number): void {
    if (until - this.countedFrom > EPOCH_SPAN) return
    const { deliveryOf, record, wrong } = this.deps
    let due = 0
    for (let offset = this.countedFrom + 1; offset <= until; offset++) {
      if (!record.isSent(offset)) continue
      const symbol = record.symbolAt(offset)
      const delivery = deliveryOf(symbol)
      if (delivery === 'every' || delivery === undefined) continue
      due++
      const kind = record.kindAt(offset)
      const isNewest = offset === record.newest(symbol, kind, until)
      if (isNewest && this.received.get(keyOf(symbol, kind)) !== offset)
        wrong(`the latest tick of ${symbol} at ${until} is missing: ${offset}`)
    }
    if (this.counted !== due && !this.isUncounted)
      wrong(`latest ticks stand for ${this.counted} from ${this.countedFrom} to ${until}, not ${due}`)
  }

  /** The client has caught up: it has the latest ticks of all symbols of which it gets only those. */
  checkLive(offset: number): void {
    const { deliveryOf, record, wrong } = this.deps
    for (const symbol of record.symbols) {
      const delivery = deliveryOf(symbol)
      if (delivery === 'every' || delivery === undefined) continue
      for (const kind of KINDS) {
        const newest = record.newest(symbol, kind, offset)
        if (this.isKnown(newest) && this.received.get(keyOf(symbol, kind)) !== newest)
          wrong(`live at ${offset} without the latest ${kind} of ${symbol}`)
      }
    }
  }

  /** The next snapshot must hold the tick at this offset, or a newer one of its symbol and kind. */
  oweTick(offset: number): void {
    const { record } = this.deps
    this.owed.add(keyOf(record.symbolAt(offset), record.kindAt(offset)))
  }

  /** The next snapshot must hold all that the server knows of these symbols. */
  owe(isOwed: (symbol: string) => boolean, until: number): void {
    const { record } = this.deps
    for (const symbol of record.symbols) {
      if (!isOwed(symbol)) continue
      for (const kind of KINDS)
        if (this.isKnown(record.newest(symbol, kind, until))) this.owed.add(keyOf(symbol, kind))
    }
  }

  /** Subscriptions have ended: no snapshot holds what the client does not get any more. */
  forgetUnsubscribed(): void {
    for (const key of this.owed) if (this.deps.deliveryOf(symbolOf(key)) === undefined) this.owed.delete(key)
  }

  checkOwed(): void {
    // After a lane died in a snapshot, ticks may stand between the incomplete snapshot and the whole one.
    if (this.isPartial) return
    if (this.owed.size > 0) this.deps.wrong(`no snapshot of ${[...this.owed].join(', ')}`)
    this.owed.clear()
  }

  private isKnown(offset: number): boolean {
    return offset > this.deps.knownFrom()
  }
}
