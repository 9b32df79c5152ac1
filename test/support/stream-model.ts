/**
 * The messages that a client of a storm must get, from the feed's record and the client's subscriptions alone.
 * The model takes every message in order. It lists the silent errors: each tick that is missing, doubled, late or not
 * subscribed to, without a message that says so.
 */
import type {
  GapMessage,
  LiveMessage,
  ServerMessage,
  SnapshotMessage,
  SubscribedMessage,
  TickJson,
  TicksMessage,
  UnsubscribedMessage,
} from '../../src/protocol/messages.js'
import { deliveryOf, matches } from './entries.js'
import type { FeedRecord, Kind } from './feed-record.js'
import { ReplayModel } from './replay-model.js'
import { StatusModel } from './status-model.js'

const KINDS: readonly Kind[] = ['quote', 'trade']
const keyOf = (symbol: string, kind: Kind): string => `${kind} ${symbol}`
const symbolOf = (key: string): string => key.slice(key.indexOf(' ') + 1)

export class StreamModel {
  readonly silentErrors: string[] = []
  /** Every tick up to this offset has come, or a gap has reported it. */
  offset = 0
  epoch = ''
  ticks = 0
  gaps = 0
  merged = 0
  resumed = 0
  snapshots = 0
  /** Snapshots for several commands that were done together, at least one of them an `unsubscribe`. */
  mergedSnapshots = 0
  /** The types of the replies since the last other message. */
  private readonly lastReplies: (SubscribedMessage | UnsubscribedMessage)['type'][] = []
  private readonly entries = new Map<string, 'every' | number>()
  private seq = -1
  private hasBegun = false
  /** Offset of the newest tick that came, by symbol and kind. */
  private readonly received = new Map<string, number>()
  /** `counted` counts latest ticks after this offset, together with the ticks merged into them. */
  private countedFrom = 0
  private counted = 0
  /** The symbols and kinds that the next snapshot must hold. */
  private readonly owed = new Set<string>()
  /** Whether the last snapshot is incomplete: more messages of it follow, or a whole snapshot in its place. */
  isPartial = false
  readonly replay = new ReplayModel(text => this.wrong(text))
  /** Whether the next gap is for the entries of a command that cannot be resumed. */
  private isGapOfCommand = false
  /** Ids of the commands with a snapshot. */
  private readonly snapshotIds = new Set<unknown>()
  private readonly statuses = new StatusModel(text => this.wrong(text))

  constructor(private readonly record: FeedRecord) {}

  /** Replays of entries that a command added. */
  get resumedByCommand(): number {
    return this.replay.ofCommands
  }

  /** A new connection. @param resumed the resumed offset; undefined: the first reply says where the stream begins */
  connected(resumed: number | undefined): void {
    this.entries.clear()
    this.received.clear()
    this.owed.clear()
    this.isPartial = false
    this.snapshotIds.clear()
    this.replay.connected()
    this.isGapOfCommand = false
    this.statuses.connected()
    this.counted = 0
    this.seq = -1
    this.hasBegun = resumed !== undefined
    this.offset = resumed ?? 0
  }

  /** The client sends a command that asks for a snapshot. */
  snapshotAsked(id: number): void {
    this.snapshotIds.add(id)
  }

  take(message: ServerMessage): void {
    const { lastReplies } = this
    if (message.type === 'subscribed' || message.type === 'unsubscribed') lastReplies.push(message.type)
    else if (message.type !== 'error' && message.type !== 'status') {
      if (message.type === 'snapshot' && lastReplies.length > 1 && lastReplies.includes('unsubscribed'))
        this.mergedSnapshots++
      lastReplies.length = 0
    }
    switch (message.type) {
      case 'subscribed':
      case 'unsubscribed':
        this.takeChange(message)
        break
      case 'gap':
        this.takeGap(message)
        break
      case 'live':
        this.takeLive(message)
        break
      case 'snapshot':
        this.takeSnapshot(message)
        break
      case 'ticks':
        this.takeTicks(message)
        break
      case 'status':
        this.statuses.take(message)
        break
      case 'heartbeat':
        if (message.seq !== this.seq) this.wrong(`a heartbeat at seq ${message.seq}, not ${this.seq}`)
        this.pass(message.offset)
        break
      default:
        break
    }
  }

  /** The end of the test: no tick up to `offset` may be missing, and the newest state of the feed is known. */
  end(offset: number, statusNumber: number): void {
    this.statuses.end(statusNumber)
    if (this.isPartial) this.wrong('a snapshot without an end')
    this.pass(offset)
    this.checkLatest(offset)
  }

  private wrong(text: string): void {
    this.silentErrors.push(text)
  }

  /** Whether the client is to get the tick at an offset, and did not get it before a replay. */
  private isDue(offset: number): boolean {
    const symbol = this.record.symbolAt(offset)
    if (this.deliveryOf(symbol) !== 'every') return false
    const before = this.replay.entriesBefore(offset)
    return before === undefined || deliveryOf(before, symbol) !== 'every'
  }

  private deliveryOf(symbol: string): 'every' | number | undefined {
    return deliveryOf(this.entries, symbol)
  }

  private takeChange(message: SubscribedMessage | UnsubscribedMessage): void {
    const { offset, seq } = message
    this.epoch = message.epoch
    this.seq = seq
    const isResumed = message.type === 'subscribed' && message.resumed === true
    if (this.replay.isActive && !isResumed) this.wrong(`a change at ${offset} in the midst of a replay`)
    if (message.type === 'unsubscribed') {
      this.changeAt(offset)
      for (const symbol of message.symbols) this.entries.delete(symbol)
      // What is done together is answered before its snapshot.
      for (const key of this.owed) if (this.deliveryOf(symbolOf(key)) === undefined) this.owed.delete(key)
      return
    }
    const { delivery, id, interval, resumed, symbols } = message
    if (message.reached !== undefined) {
      if (!this.replay.isActive) this.changeAt(message.reached)
      if (this.replay.beginCommand(message, message.reached, this.entries)) this.offset = offset
    } else if (resumed === true) {
      this.resumed++
      if (offset !== this.offset) this.wrong(`resumed at ${offset} in place of ${this.offset}`)
      this.replay.begin(offset)
    } else {
      if (!this.hasBegun) this.offset = offset
      if (resumed === undefined || id !== undefined) this.changeAt(offset)
      this.isGapOfCommand = resumed === false && id !== undefined
    }
    this.hasBegun = true
    for (const symbol of symbols) this.entries.set(symbol, delivery === 'every' ? 'every' : interval!)
    const asksSnapshot = id === undefined ? delivery === 'latest' : this.snapshotIds.has(id)
    if ((resumed === undefined && asksSnapshot) || this.isGapOfCommand)
      this.owe(symbol => symbols.some(entry => matches(entry, symbol)))
  }

  /** The subscriptions change: all ticks of the earlier ones have come up to here, also latest ticks. */
  private changeAt(offset: number): void {
    this.pass(offset)
    this.checkLatest(offset)
    this.countFrom(offset)
  }

  private takeGap(message: GapMessage): void {
    const { from, missed, reason, to } = message
    this.gaps++
    this.seq = message.seq
    if (reason !== 'slow' && reason !== 'resume')
      this.wrong(`a gap for a reason that there is not: ${reason}`)
    this.pass(from - 1)
    let due = 0
    for (let offset = from; offset <= to; offset++) {
      const symbol = this.record.symbolAt(offset)
      if (this.deliveryOf(symbol) !== 'every') continue
      due++
      if (reason === 'slow') this.owed.add(keyOf(symbol, this.record.kindAt(offset)))
    }
    if (reason === 'slow' && missed !== due) this.wrong(`a gap of ${missed} in place of ${due}`)
    if (reason === 'resume') {
      this.replay.broken(from - 1)
      if (!this.isGapOfCommand) this.owe(symbol => this.deliveryOf(symbol) !== undefined, to)
      this.isGapOfCommand = false
    }
    this.offset = Math.max(this.offset, to)
    this.countFrom(to)
  }

  /** The end of a resume: the client has every tick that it missed, and the latest ticks from a snapshot. */
  private takeLive(message: LiveMessage): void {
    const { offset, seq } = message
    this.checkOwed()
    this.pass(offset)
    this.replay.live(message)
    this.seq = seq
    this.countFrom(offset)
    for (const symbol of this.record.symbols) {
      const delivery = this.deliveryOf(symbol)
      if (delivery === 'every' || delivery === undefined) continue
      for (const kind of KINDS)
        if ((this.received.get(keyOf(symbol, kind)) ?? 0) !== this.record.newest(symbol, kind, offset))
          this.wrong(`live at ${offset} without the latest ${kind} of ${symbol}`)
    }
  }

  private takeSnapshot({ more, offset, seq, ticks }: SnapshotMessage): void {
    this.snapshots++
    // A client with latest ticks has an overrun without a gap. The snapshot says where its stream goes on.
    this.seq = seq
    this.pass(offset)
    for (const tick of ticks) {
      const { kind, symbol } = tick
      if (this.deliveryOf(symbol) === undefined)
        this.wrong(`the snapshot at ${offset} has ${symbol}, which it is not subscribed to`)
      const newest = this.record.newest(symbol, kind, offset)
      if (Number(tick.sequence) !== newest)
        this.wrong(`the snapshot at ${offset} has tick ${tick.sequence} in place of ${newest}`)
      this.received.set(keyOf(symbol, kind), newest)
      this.owed.delete(keyOf(symbol, kind))
    }
    this.countFrom(offset)
    this.isPartial = more === true
    this.checkOwed()
  }

  private takeTicks({ merged = 0, offset, seq, ticks }: TicksMessage): void {
    this.checkOwed()
    if (seq !== ++this.seq) this.wrong(`seq ${seq} in place of ${this.seq}`)
    this.seq = seq
    this.replay.countTicks(ticks.length)
    let latest = 0
    for (const tick of ticks) if (this.takeTick(tick)) latest++
    if (merged > 0 && latest !== ticks.length)
      this.wrong(`merged ticks at ${offset} of symbols with every tick`)
    this.counted += latest + merged
    this.merged += merged
    this.pass(offset)
  }

  /** @returns whether it is a latest tick */
  private takeTick({ kind, sequence, symbol }: TickJson): boolean {
    this.ticks++
    const offset = Number(sequence)
    const key = keyOf(symbol, kind)
    if (symbol !== this.record.symbolAt(offset) || kind !== this.record.kindAt(offset))
      this.wrong(`tick ${offset} is not what the feed sent`)
    const delivery = this.deliveryOf(symbol)
    if (delivery === 'every') {
      this.pass(offset - 1)
      if (offset <= this.offset || !this.isDue(offset))
        this.wrong(`tick ${offset} again, or late, after ${this.offset}`)
      this.offset = offset
    } else if (delivery === undefined) this.wrong(`tick ${offset} of ${symbol} is not subscribed to`)
    else if (offset <= (this.received.get(key) ?? 0)) this.wrong(`latest tick ${offset} of ${symbol} is old`)
    this.received.set(key, offset)
    return delivery !== 'every'
  }

  /** No tick of a symbol with every tick may stand between the last one and `until`. */
  private pass(until: number): void {
    for (let offset = this.offset + 1; offset <= until; offset++) {
      if (this.isDue(offset)) this.wrong(`tick ${offset} of ${this.record.symbolAt(offset)} is missing`)
    }
    this.offset = Math.max(this.offset, until)
  }

  private countFrom(offset: number): void {
    this.countedFrom = offset
    this.counted = 0
  }

  /** Up to `until` the newest latest ticks have come, and together with merged ticks they are as many as the feed sent. */
  private checkLatest(until: number): void {
    let due = 0
    for (let offset = this.countedFrom + 1; offset <= until; offset++) {
      const symbol = this.record.symbolAt(offset)
      const delivery = this.deliveryOf(symbol)
      if (delivery === 'every' || delivery === undefined) continue
      due++
      const kind = this.record.kindAt(offset)
      const isNewest = offset === this.record.newest(symbol, kind, until)
      if (isNewest && this.received.get(keyOf(symbol, kind)) !== offset)
        this.wrong(`the latest tick of ${symbol} at ${until} is missing: ${offset}`)
    }
    if (this.counted !== due)
      this.wrong(`latest ticks stand for ${this.counted} from ${this.countedFrom} to ${until}, not ${due}`)
  }

  private owe(isOwed: (symbol: string) => boolean, until = this.offset): void {
    for (const symbol of this.record.symbols) {
      if (!isOwed(symbol)) continue
      for (const kind of KINDS)
        if (this.record.newest(symbol, kind, until) > 0) this.owed.add(keyOf(symbol, kind))
    }
  }

  private checkOwed(): void {
    // After a lane died in a snapshot, ticks may stand between the incomplete snapshot and the whole one.
    if (this.isPartial) return
    if (this.owed.size > 0) this.wrong(`no snapshot of ${[...this.owed].join(', ')}`)
    this.owed.clear()
  }
}
