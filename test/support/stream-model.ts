/**
 * The messages that a client of a storm must get, from the feed's record and the client's subscriptions alone.
 * The model takes every message in order. It lists the silent errors: each tick that is missing, doubled, late or not
 * subscribed to, without a message that says so.
 */
import type {
  GapMessage,
  GoodbyeMessage,
  LiveMessage,
  ServerMessage,
  SnapshotMessage,
  SubscribedMessage,
  TickJson,
  TicksMessage,
  UnsubscribedMessage,
} from '../../src/protocol/messages.js'
import { deliveryOf, matches } from './entries.js'
import type { FeedRecord } from './feed-record.js'
import { HoleModel } from './hole-model.js'
import { EPOCH_SPAN, LatestModel } from './latest-model.js'
import { MergedReplies } from './merged-replies.js'
import { ReplayModel } from './replay-model.js'
import { StatusModel } from './status-model.js'

export interface StreamModelOptions {
  /** The server knows ticks behind this offset only, so a snapshot may lack older ones. Default 0. */
  readonly knownFrom?: () => number
  /** Whether the server's feed may lose ticks and begin epochs: then there are gaps of reason `upstream`. */
  readonly feedLoses?: boolean
  /** Whether the states of the feed are numbered, see StatusModel. Default true. */
  readonly checksStatuses?: boolean
}

export class StreamModel {
  readonly silentErrors: string[] = []
  /** Every tick up to this offset has come, or a gap has reported it. */
  offset = 0
  epoch = ''
  ticks = 0
  gaps = 0
  /** Ticks that the client was too slow for. */
  missed = 0
  /** Gaps that report an unknown number of ticks. */
  unknownLosses = 0
  merged = 0
  resumed = 0
  snapshots = 0
  private readonly entries = new Map<string, 'every' | number>()
  private seq = -1
  private hasBegun = false
  readonly holes: HoleModel
  private readonly mergedReplies = new MergedReplies()
  readonly replay = new ReplayModel(text => this.wrong(text))
  /** Whether the next gap is for the entries of a command that cannot be resumed. */
  private isGapOfCommand = false
  /** Ids of the commands with a snapshot. */
  private readonly snapshotIds = new Set<unknown>()
  private readonly statuses = new StatusModel(text => this.wrong(text))
  private readonly latest: LatestModel
  private readonly record: FeedRecord
  private readonly options: StreamModelOptions

  constructor(record: FeedRecord, options: StreamModelOptions = {}) {
    this.record = record
    this.options = options
    this.holes = new HoleModel(record, text => this.wrong(text))
    this.latest = new LatestModel({
      record,
      deliveryOf: symbol => this.deliveryOf(symbol),
      knownFrom: options.knownFrom ?? (() => 0),
      wrong: text => this.wrong(text),
    })
  }

  /** Whether the last snapshot is incomplete: more messages of it follow, or a whole snapshot in its place. */
  get isPartial(): boolean {
    return this.latest.isPartial
  }

  get mergedSnapshots(): number {
    return this.mergedReplies.snapshots
  }

  /** Replays of entries that a command added. */
  get resumedByCommand(): number {
    return this.replay.ofCommands
  }

  /** A new connection. @param resumed the resumed offset; undefined: the first reply says where the stream begins */
  connected(resumed: number | undefined): void {
    this.entries.clear()
    this.latest.connected()
    this.holes.connected()
    this.snapshotIds.clear()
    this.replay.connected()
    this.isGapOfCommand = false
    this.statuses.connected()
    this.seq = -1
    this.hasBegun = resumed !== undefined
    this.offset = resumed ?? 0
  }

  /** The client sends a command that asks for a snapshot. */
  snapshotAsked(id: number): void {
    this.snapshotIds.add(id)
  }

  take(message: ServerMessage): void {
    this.mergedReplies.take(message)
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
        if (this.options.checksStatuses !== false) this.statuses.take(message)
        break
      case 'goodbye':
        this.takeGoodbye(message)
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
  end(offset: number, statusNumber?: number): void {
    if (statusNumber !== undefined) this.statuses.end(statusNumber)
    if (this.isPartial) this.wrong('a snapshot without an end')
    this.pass(offset)
    this.latest.check(offset)
  }

  /** Notes a silent error. */
  wrong(text: string): void {
    this.silentErrors.push(text)
  }

  /** Whether the client is to get the tick at an offset, and did not get it before a replay. */
  private isDue(offset: number): boolean {
    if (!this.record.isSent(offset)) return false
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
      this.latest.forgetUnsubscribed()
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
      this.latest.owe(symbol => symbols.some(entry => matches(entry, symbol)), this.offset)
  }

  /** The subscriptions change: all ticks of the earlier ones have come up to here, also latest ticks. */
  private changeAt(offset: number): void {
    this.pass(offset)
    this.latest.check(offset)
    this.latest.countFrom(offset)
  }

  private takeGap(message: GapMessage): void {
    const { epoch, from, reason, to } = message
    if (message.missed !== 0) this.gaps++
    this.seq = message.seq
    this.pass(from - 1)
    if (epoch !== undefined) this.beginEpoch(message)
    if (reason === 'slow') this.takeSlowGap(message)
    else if (reason === 'resume') {
      this.unknownLosses++
      this.replay.broken(from - 1)
      if (!this.isGapOfCommand) this.latest.owe(symbol => this.deliveryOf(symbol) !== undefined, to)
      this.isGapOfCommand = false
      this.skipTo(to)
    } else if (reason !== 'upstream' || this.options.feedLoses !== true)
      this.wrong(`a gap for a reason that there is not: ${reason}`)
    else if (epoch === undefined) {
      this.holes.take(message)
      // All ticks between them have come, or another gap has reported them.
      this.pass(to)
    }
  }

  private takeSlowGap({ from, missed, to }: GapMessage): void {
    let due = 0
    for (let offset = from; offset <= to; offset++) {
      const symbol = this.record.symbolAt(offset)
      if (this.deliveryOf(symbol) !== 'every' || !this.record.isSent(offset)) continue
      due++
      this.latest.oweTick(offset)
    }
    // Where an epoch has begun meanwhile, the gap counts ticks of two, and has no offsets.
    const hasOffsets = to >= from
    if (hasOffsets && missed !== due) this.wrong(`a gap of ${missed} in place of ${due}`)
    this.missed += missed ?? 0
    this.skipTo(to)
  }

  /** Nothing up to here is due any more. */
  private skipTo(offset: number): void {
    this.offset = Math.max(this.offset, offset)
    this.latest.countFrom(offset)
  }

  /** Of the epoch before, an unknown number of ticks may be missing. Those that wait for their interval may follow. */
  private beginEpoch({ epoch, missed, to }: GapMessage): void {
    if (missed === null) this.unknownLosses++
    this.epoch = epoch!
    this.skipTo(to)
    this.latest.beginEpoch(to)
  }

  /** The last message: up to its place the client has everything, and no tick waits for its interval. */
  private takeGoodbye({ resume }: GoodbyeMessage): void {
    const offset = Number(resume.slice(resume.lastIndexOf(':') + 1))
    if (offset < this.offset) this.wrong(`a goodbye at ${offset} after ${this.offset}`)
    if (this.hasBegun && !this.replay.isActive) this.changeAt(offset)
  }

  /** The end of a resume: the client has every tick that it missed, and the latest ticks from a snapshot. */
  private takeLive(message: LiveMessage): void {
    const { offset, seq } = message
    this.latest.checkOwed()
    this.pass(offset)
    this.replay.live(message)
    this.seq = seq
    this.latest.countFrom(offset)
    this.latest.checkLive(offset)
  }

  private takeSnapshot(message: SnapshotMessage): void {
    this.snapshots++
    // A client with latest ticks has an overrun without a gap. The snapshot says where its stream goes on.
    this.seq = message.seq
    this.pass(message.offset)
    this.latest.takeSnapshot(message)
  }

  private takeTicks({ merged = 0, offset, seq, ticks }: TicksMessage): void {
    this.latest.checkOwed()
    if (seq !== ++this.seq) this.wrong(`seq ${seq} in place of ${this.seq}`)
    this.seq = seq
    this.replay.countTicks(ticks.length)
    let latest = 0
    for (const tick of ticks) if (this.takeTick(tick)) latest++
    if (merged > 0 && latest !== ticks.length)
      this.wrong(`merged ticks at ${offset} of symbols with every tick`)
    this.latest.count(latest + merged)
    this.merged += merged
    this.pass(offset)
  }

  /** @returns whether it is a latest tick */
  private takeTick(tick: TickJson): boolean {
    this.ticks++
    const { symbol } = tick
    const offset = Number(tick.sequence)
    if (!this.record.isTick(offset, tick)) this.wrong(`tick ${offset} is not what the feed sent`)
    const delivery = this.deliveryOf(symbol)
    if (delivery === 'every') {
      this.pass(offset - 1)
      if (offset <= this.offset || !this.isDue(offset))
        this.wrong(`tick ${offset} again, or late, after ${this.offset}`)
      this.offset = offset
    } else if (delivery === undefined) this.wrong(`tick ${offset} of ${symbol} is not subscribed to`)
    this.latest.take(tick, offset, delivery !== 'every' && delivery !== undefined)
    return delivery !== 'every'
  }

  /** No tick of a symbol with every tick may stand between the last one and `until`, and no hole that no gap has told. */
  private pass(until: number): void {
    if (until - this.offset > EPOCH_SPAN) {
      if (this.hasEvery) this.wrong(`an epoch has begun without a gap before ${until}`)
      this.offset = until
    }
    for (let offset = this.offset + 1; offset <= until; offset++) {
      if (this.isDue(offset)) this.wrong(`tick ${offset} of ${this.record.symbolAt(offset)} is missing`)
      else if (this.holes.isUntold(offset)) this.holeUntold(offset)
    }
    this.offset = Math.max(this.offset, until)
  }

  private get hasEvery(): boolean {
    return [...this.entries.values()].includes('every')
  }

  private holeUntold(offset: number): void {
    // Of latest ticks, nothing of the past is told.
    if (this.replay.isActive && !this.hasEvery) return
    this.wrong(`the feed has no tick ${offset}, and no gap has told that`)
  }
}
