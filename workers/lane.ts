/**
 * One lane: reads the tick log, writes the frame ring. A Piscina worker's one long task; knows no socket.
 * All it must not lose stands in shared memory: a lane that takes its place goes on from there.
 */

import { type Clock, systemClock } from '../src/clock.js'
import { Checkpoints } from '../src/memory/checkpoints.js'
import { CounterWriter } from '../src/memory/counters.js'
import { ASLEEP, ASLEEP_FOR_ROOM, LaneDoorbell } from '../src/memory/doorbell.js'
import { Descriptor, FrameRingWriter } from '../src/memory/frame-ring.js'
import {
  AUDIENCE_FRAMES,
  CONTROL_BYTES,
  PROGRESS,
  SOURCE_PAUSED,
  STOP,
  TICK_IN_HAND,
  TURN_END,
} from '../src/memory/lane-layout.js'
import { LaneState } from '../src/memory/lane-state.js'
import { LatestStore } from '../src/memory/latest-store.js'
import { TickLogReader } from '../src/memory/tick-log.js'
import { TickLogHistory } from '../src/memory/tick-log-history.js'
import { COMMAND, TICK_BATCH } from '../src/memory/tick-log-layout.js'
import { LANE_SLOTS } from '../src/metrics/metric-table.js'
import { isConflated } from '../src/protocol/audience-spec.js'
import { BatchReader } from '../src/protocol/batch-reader.js'
import {
  ALL_LANES,
  decodeCommand,
  type JoinCommand,
  type LaneCommand,
  type LostCommand,
  offsetsOf,
  RESUME_GONE,
  type ReplayPosition,
} from '../src/protocol/lane-commands.js'
import type { LaneTask } from '../src/protocol/lane-task.js'
import type { GapReason } from '../src/protocol/messages.js'
import { TickDecoder } from '../src/protocol/tick-decoder.js'
import { TickFields } from '../src/protocol/tick-fields.js'
import { MESSAGE_OVERHEAD_BYTES_MAX } from '../src/protocol/ticks-format.js'
import type { ConflatedPart } from './conflated-part.js'
import { Deflater } from './deflater.js'
import { DueQueue } from './due-queue.js'
import { FeedContinuity, SEAM, SEEN, WHOLE } from './feed-continuity.js'
import { FrameComposer, GAP_BYTES_MAX } from './frame-composer.js'
import { joinAnswer, liveAnswer, notResumedAnswer, replayBrokenAnswer, resumedAnswer } from './join-answer.js'
import { LaneAudience } from './lane-audience.js'
import { ALL_CONFLATED, EVERYTHING, LatestFrames, NOTHING, type Since } from './latest-frames.js'
import { LatestTicks } from './latest-ticks.js'
import { Replayer, type ReplayPart } from './replayer.js'
import { type SymbolEntry, SymbolTable } from './symbol-table.js'
import { Turn } from './turn.js'
import { TurnPublisher } from './turn-publisher.js'

/** Turns that may be published and not yet transmitted: one being written, one ready. */
const TURNS_AHEAD_MAX = 2
/** Records read before the lane looks whether it can publish. */
const RECORDS_AT_ONCE = 16
/** Joins answered in one turn at the most. */
const JOINS_MAX = 256
/** Runs gathered by all audiences in one turn at the most, 8 bytes each. */
const RUNS_MAX = 524_288

/** How much longer than until the next interval is over a lane sleeps, so that it finds several over at once, ms. */
const DUE_SLACK_MS = 2

const NOT_ENCODED = -1

/** Thrown to leave a wait when the lane is told to stop. */
class Stopped extends Error {}

export default function runLane(task: LaneTask): void {
  new Lane(task).run()
}

export class Lane {
  private readonly control: Int32Array
  private readonly log: TickLogReader
  private readonly ring: FrameRingWriter
  private readonly doorbell: LaneDoorbell
  private readonly state: LaneState
  private readonly counters: CounterWriter
  private readonly decoder: TickDecoder
  private readonly batch = new BatchReader()
  private readonly fields = new TickFields()
  private readonly continuity: FeedContinuity
  private readonly descriptor = new Descriptor()
  private readonly turn: Turn
  private readonly composer: FrameComposer
  private readonly publisher: TurnPublisher
  private readonly poison: ReadonlySet<number>

  private readonly audiences = new Map<number, LaneAudience>()
  /** Those that get every tick. */
  private readonly unfiltered: LaneAudience[] = []
  private readonly symbols = new SymbolTable()
  /** Those that have gathered something this turn. */
  private readonly gathering: LaneAudience[] = []
  /** Where the tick in hand stands in the turn, in each encoding. */
  private tickInJson = NOT_ENCODED
  private tickInProtobuf = NOT_ENCODED
  private readonly latest: LatestTicks
  private readonly latestFrames: LatestFrames
  /** Parts whose interval is not over. */
  private readonly due = new DueQueue()
  /** Parts whose latest ticks are to be sent this turn. */
  private readonly flushing: ConflatedPart[] = []
  private readonly checkpoints: Checkpoints
  private readonly replayer: Replayer
  private readonly joins: JoinCommand[] = []
  /** Up to here some audience was sent ticks by an earlier lane: whoever joins before could get ticks twice. */
  private readonly recoveredOffset: number
  private runs = 0
  /** Whether some audience has gathered all it may in a turn. */
  private full = false

  /** Whether the record in hand has ticks left. */
  private inRecord = false
  /** Where the record in hand begins. */
  private recordStart: number
  /** Offset of the last tick taken. */
  private offset: number
  private committedCursor: number
  private committedOffset: number
  /** Since when its time is not counted as busy, ms. */
  private awakeSinceMs = 0
  private readonly wakeWork = (): boolean => this.hasWork()
  private readonly mayPublish = (): boolean =>
    this.stopRequested() || this.ring.turnsAhead() < TURNS_AHEAD_MAX

  constructor(
    private readonly task: LaneTask,
    private readonly clock: Pick<Clock, 'nowMs' | 'epochUs'> = systemClock,
  ) {
    this.control = new Int32Array(task.memory, 0, CONTROL_BYTES / 4)
    this.ring = new FrameRingWriter(task.memory, task.layout)
    this.doorbell = new LaneDoorbell(this.control, task.bell)
    this.state = new LaneState(task.memory)
    this.counters = new CounterWriter(new BigInt64Array(task.counters))
    const committed = this.state.committed()
    this.log = new TickLogReader(task.tickLog, committed.cursor)
    this.decoder = new TickDecoder(this.log.bytes)
    this.continuity = new FeedContinuity(committed, task.positionsTellLosses)
    this.turn = new Turn(this.ring.bytes, task.layout)
    const deflater = new Deflater(this.ring.bytes, task.compression, this.counters)
    this.composer = new FrameComposer(this.ring.bytes, this.turn, deflater)
    this.publisher = new TurnPublisher(this.ring, hasRoom => this.waitForRoom(hasRoom))
    this.poison = new Set(task.poison)
    this.recordStart = committed.cursor
    this.committedCursor = committed.cursor
    this.committedOffset = committed.offset
    this.offset = committed.offset
    this.latest = new LatestTicks(new LatestStore(task.latest), this.log.bytes)
    this.latest.restore(this.symbols, committed.offset)
    this.latestFrames = new LatestFrames({
      latest: this.latest,
      symbols: this.symbols,
      turn: this.turn,
      composer: this.composer,
      publisher: this.publisher,
      counters: this.counters,
      turnBytesMax: task.turnBytesMax,
    })
    this.checkpoints = new Checkpoints(task.memory, task.layout, committed.offset)
    this.replayer = new Replayer({
      history: new TickLogHistory(task.tickLog),
      checkpoints: this.checkpoints,
      symbols: this.symbols,
      poison: this.poison,
      positionsTellLosses: task.positionsTellLosses,
      turn: this.turn,
      composer: this.composer,
      publisher: this.publisher,
      // The answer to the command, this and a snapshot's first part go into one segment of the ring, see laneLayout.
      partBytesMax: task.turnBytesMax / 4,
    })
    let recoveredOffset = 0
    for (const { conflated, lastOffset } of task.audiences) {
      recoveredOffset = Math.max(recoveredOffset, lastOffset)
      for (const part of conflated) recoveredOffset = Math.max(recoveredOffset, part?.flushedOffset ?? 0)
    }
    this.recoveredOffset = recoveredOffset
    for (const audience of task.audiences) this.open(new LaneAudience(audience))
    // A lane that died in the midst of a commit may have left the main thread with an older view of it.
    this.publishState()
  }

  /** Works until told to stop. */
  run(): void {
    this.awakeSinceMs = this.clock.nowMs()
    try {
      while (!this.stopRequested()) {
        const read = this.readRecords()
        this.noteDue()
        if (this.hasTurn()) {
          const ahead = this.ring.turnsAhead()
          // While the transmitter is busy there is time to gather all that there is: then its next writes carry more.
          if (ahead === 0 || (ahead < TURNS_AHEAD_MAX && !read)) {
            this.publishTurn()
            continue
          }
        } else this.settle()
        if (!read) this.rest()
      }
    } catch (error) {
      if (!(error instanceof Stopped)) throw error
    }
    this.counters.flush()
  }

  /** Sleeps until there is something to do. */
  private rest(): void {
    if (this.hasTurn()) this.sleep(this.mayPublish, ASLEEP_FOR_ROOM)
    else this.sleep(this.wakeWork, ASLEEP, this.due.nextMs - this.clock.nowMs() + DUE_SLACK_MS)
  }

  private stopRequested(): boolean {
    // Pairs with the store in LaneLink.setStop.
    return Atomics.load(this.control, STOP) === 1
  }

  private hasTurn(): boolean {
    return this.gathering.length > 0 || this.flushing.length > 0 || this.canAnswerJoins()
  }

  private canAnswerJoins(): boolean {
    return this.joins.length > 0 && this.offset >= this.recoveredOffset
  }

  private canGather(): boolean {
    const joinsFit = this.joins.length < JOINS_MAX || this.offset < this.recoveredOffset
    return !this.full && this.runs < RUNS_MAX && joinsFit && this.turn.hasRoom()
  }

  private hasWork(): boolean {
    return this.stopRequested() || (this.canGather() && (this.inRecord || this.log.hasNext()))
  }

  private sleep(hasWork: () => boolean, flag: number, timeoutMs = Number.POSITIVE_INFINITY): void {
    this.countBusy()
    this.counters.flush()
    const { awakeSinceMs } = this
    this.doorbell.waitUnless(hasWork, flag, timeoutMs)
    this.awakeSinceMs = this.clock.nowMs()
    this.counters.values[LANE_SLOTS.idleUs]! += Math.round((this.awakeSinceMs - awakeSinceMs) * 1000)
  }

  private countBusy(): void {
    const nowMs = this.clock.nowMs()
    this.counters.values[LANE_SLOTS.busyUs]! += Math.round((nowMs - this.awakeSinceMs) * 1000)
    this.awakeSinceMs = nowMs
  }

  /** Sleeps, with a turn half written, until the main thread has made room. */
  private waitForRoom(hasRoom: () => boolean): void {
    while (!hasRoom()) {
      if (this.stopRequested()) throw new Stopped()
      this.ring.publish()
      this.doorbell.ringMain()
      this.sleep(() => hasRoom() || this.stopRequested(), ASLEEP_FOR_ROOM)
    }
  }

  // Reading

  /** @returns false when there was nothing to read, or no room to gather it */
  private readRecords(): boolean {
    let read = false
    for (let records = 0; records < RECORDS_AT_ONCE && this.canGather(); records++) {
      if (!this.inRecord && !this.openRecord()) break
      read = true
      if (this.inRecord) this.readTicks()
    }
    return read
  }

  /** Steps onto the next record; obeys it if it is a command. @returns false when there is none */
  private openRecord(): boolean {
    const { log, batch } = this
    this.recordStart = log.position
    if (!log.next()) return false
    this.showLife()
    if (log.type === COMMAND) {
      if (log.count === this.task.lane || log.count === ALL_LANES) {
        this.obey(decodeCommand(log.bytes.subarray(log.payloadStart, log.payloadStart + log.payloadLength)))
      }
      return true
    }
    this.inRecord = true
    if (log.type === TICK_BATCH) {
      batch.reset(log.bytes, log.payloadStart, log.payloadStart + log.payloadLength)
      // The lane before this one may have committed in the midst of the record.
      for (let offset = log.firstOffset; offset <= this.offset; offset++) batch.next()
    }
    return true
  }

  /** Read by the main thread's watch over hanging lanes; a store of one word does not tear. */
  private showLife(): void {
    this.control[PROGRESS] = (this.control[PROGRESS]! + 1) | 0
  }

  private readTicks(): void {
    const { log, batch } = this
    if (log.type === TICK_BATCH) {
      while (batch.next()) {
        this.takeTick(batch.tickStart, batch.tickEnd)
        if (!this.canGather()) return
      }
    } else this.takeTick(log.payloadStart, log.payloadStart + log.payloadLength)
    this.inRecord = false
    if (this.checkpoints.isDue(this.offset)) this.addCheckpoint()
  }

  private addCheckpoint(): void {
    const { lastPosition, lostSincePosition, seamOpen } = this.continuity
    this.checkpoints.add(this.offset, lastPosition, lostSincePosition, seamOpen)
  }

  // Ticks

  /** Takes the tick at `[start, end)` of the log: to whoever wants it, or as a loss to everybody. */
  private takeTick(start: number, end: number): void {
    const offset = ++this.offset
    // Read by the main thread after this thread's end, if the tick brings it about.
    this.control[TICK_IN_HAND] = offset | 0
    const symbol = this.decode(start, end, offset)
    if (symbol !== undefined && this.isNext(offset)) {
      this.gather(symbol, start, end, offset)
      this.keepLatest(symbol, start, end, offset)
    }
    this.control[TICK_IN_HAND] = 0
  }

  private decode(start: number, end: number, offset: number): SymbolEntry | undefined {
    if (this.poison.has(offset)) {
      this.counters.values[LANE_SLOTS.ticksPoison]! += 1
      this.continuity.lose(1)
      this.lose('poison', offset, offset, 1)
      return undefined
    }
    const { fields } = this
    if (this.decoder.decode(start, end, fields)) {
      const symbol = this.symbols.ofTick(this.log.bytes, fields.symbolStart, fields.symbolLength)
      if (symbol !== undefined) {
        this.counters.values[LANE_SLOTS.ticksDecoded]! += 1
        return symbol
      }
    }
    this.counters.values[LANE_SLOTS.ticksMalformed]! += 1
    this.continuity.lose(1)
    this.lose('malformed', offset, offset, 1)
    return undefined
  }

  /** Compares the tick's position with the one before and tells of a hole. @returns false for a tick seen before */
  private isNext(offset: number): boolean {
    const found = this.continuity.take(this.fields.position)
    if (found === WHOLE) return true
    if (found === SEEN) {
      this.counters.values[LANE_SLOTS.ticksDuplicate]! += 1
      return false
    }
    this.loseUpstream(offset, found === SEAM ? null : found)
    return true
  }

  /** Hands the tick at `[start, end)` of the log to every audience that wants it. */
  private gather(symbol: SymbolEntry, start: number, end: number, offset: number): void {
    const { unfiltered } = this
    const { audiences } = symbol
    this.tickInJson = NOT_ENCODED
    this.tickInProtobuf = NOT_ENCODED
    for (let index = 0; index < unfiltered.length; index++)
      this.gatherFor(unfiltered[index]!, symbol, start, end, offset)
    for (let index = 0; index < audiences.length; index++)
      this.gatherFor(audiences[index]!, symbol, start, end, offset)
  }

  private gatherFor(
    audience: LaneAudience,
    symbol: SymbolEntry,
    start: number,
    end: number,
    offset: number,
  ): void {
    // True only in a successor, for ticks between its starting point and what the lane before it had published.
    if (offset <= audience.sentOffset) return
    const { encoding } = audience.spec
    const tick = encoding === 'json' ? this.asJson(symbol, offset) : this.asProtobuf(start, end, offset)
    const bytes = this.turn.ticks[encoding].bytesOf(tick)
    const runsBefore = audience.runCount
    if (runsBefore === 0) this.gathering.push(audience)
    audience.gatherTick(tick, bytes + audience.bytesPerTick)
    this.runs += audience.runCount - runsBefore
    if (audience.gatheredBytes >= this.task.turnBytesMax) this.full = true
  }

  /** The tick in hand in an encoding, made when the first audience wants it. */
  private asJson(symbol: SymbolEntry, offset: number): number {
    if (this.tickInJson === NOT_ENCODED) {
      this.tickInJson = this.turn.addJson(this.fields, symbol, offset, this.log.receivedUs)
    }
    return this.tickInJson
  }

  private asProtobuf(start: number, end: number, offset: number): number {
    if (this.tickInProtobuf === NOT_ENCODED) {
      this.tickInProtobuf = this.turn.addProtobuf(this.log.bytes, start, end, offset, this.log.receivedUs)
    }
    return this.tickInProtobuf
  }

  // Latest ticks

  /** Keeps the tick in hand as its symbol's latest, for whoever wants no other. */
  private keepLatest(symbol: SymbolEntry, start: number, end: number, offset: number): void {
    const { immediate, parts } = symbol
    if (this.latest.keep(symbol, this.fields.kind, start, end - start, offset, this.log.receivedUs)) {
      for (let index = 0; index < immediate.length; index++) this.flushSoon(immediate[index]!)
      return
    }
    this.counters.values[LANE_SLOTS.latestFull]! += 1
    // Better every tick than none.
    for (let index = 0; index < parts.length; index++)
      this.gatherFor(parts[index]!.audience, symbol, start, end, offset)
  }

  private flushSoon(part: ConflatedPart): void {
    if (part.isFlushing || part.isClosed || !part.hasBegun) return
    part.isFlushing = true
    this.flushing.push(part)
  }

  /** Looks at the parts whose interval is over. */
  private noteDue(): void {
    if (this.due.nextMs === Number.POSITIVE_INFINITY) return
    const nowMs = this.clock.nowMs()
    let part = this.due.takeDue(nowMs)
    while (part !== undefined) {
      part.isWaiting = false
      if (part.hasNews()) this.flushSoon(part)
      else this.waitForInterval(part, nowMs)
      part = this.due.takeDue(nowMs)
    }
  }

  private waitForInterval(part: ConflatedPart, nowMs: number): void {
    if (part.intervalMs === 0 || part.isWaiting || part.isClosed) return
    part.isWaiting = true
    part.dueMs = nowMs + part.intervalMs
    this.due.push(part)
  }

  // Losses

  /** Ticks that were not put into the log have offsets, as if they had come and were malformed. */
  private loseUnlogged({ reason, missed }: LostCommand, from: number, offsets: number): void {
    this.offset = from + offsets - 1
    this.continuity.lose(missed ?? 0)
    this.lose(reason, from, this.offset, missed)
  }

  private loseUpstream(offset: number, missed: number | null): void {
    this.counters.values[LANE_SLOTS.upstreamGaps]! += 1
    this.lose('upstream', offset, offset - 1, missed)
  }

  /** Lets every audience be told that ticks are missing before or at the tick in hand. */
  private lose(reason: GapReason, from: number, to: number, missed: number | null): void {
    if (this.audiences.size === 0) return
    const { gaps } = this.turn
    const last = gaps.at(-1)
    const goesOn = last?.reason === reason && last.to === from - 1 && to >= from
    if (goesOn && last.missed !== null && missed !== null && this.nothingSince(gaps.length - 1)) {
      last.to = to
      last.missed += missed
    } else gaps.push({ reason, from, to, missed })
    for (const audience of this.audiences.values()) this.tellLoss(audience, gaps.length - 1, missed)
  }

  /** Whether every audience's last run is this gap, so that the gap can grow. */
  private nothingSince(gap: number): boolean {
    for (const audience of this.audiences.values()) {
      if (audience.runCount === 0 || audience.runs[audience.runCount * 2 - 2] !== -1 - gap) return false
    }
    return true
  }

  private tellLoss(audience: LaneAudience, gap: number, missed: number | null): void {
    // Told by the lane before, as the tick that it belongs to was taken by that lane.
    if (this.offset <= audience.sentOffset) return
    if (missed === null) audience.unknownLosses++
    else audience.lostTotal += missed
    if (audience.runCount > 0 && audience.runs[audience.runCount * 2 - 2] === -1 - gap) return
    if (audience.runCount === 0) this.gathering.push(audience)
    audience.gatherGap(gap, GAP_BYTES_MAX)
    this.runs++
    if (audience.gatheredBytes >= this.task.turnBytesMax) this.full = true
  }

  // Commands

  private obey(command: LaneCommand): void {
    switch (command.op) {
      case 'open':
        if (this.audiences.has(command.audience)) return
        this.open(
          new LaneAudience({
            audience: command.audience,
            spec: command.spec,
            seq: 0,
            ticksTotal: 0,
            lostTotal: 0,
            unknownLosses: 0,
            lastOffset: this.offset,
            conflated: [],
          }),
        )
        return
      case 'close':
        this.close(command.audience)
        return
      case 'join':
        if (this.audiences.has(command.audience)) this.joins.push(command)
        return
      case 'lost':
        this.loseUnlogged(command, this.log.firstOffset, offsetsOf(command))
        return
      case 'session':
        this.continuity.sessionStarted(command)
        return
    }
  }

  private open(audience: LaneAudience): void {
    this.audiences.set(audience.id, audience)
    if (audience.spec.symbols === null) this.unfiltered.push(audience)
    else this.symbols.open(audience)
    const nowMs = this.clock.nowMs()
    for (const part of audience.parts) {
      if (!part.hasBegun) continue
      if (part.intervalMs === 0 && part.hasNews()) this.flushSoon(part)
      else this.waitForInterval(part, nowMs)
    }
  }

  private close(id: number): void {
    const audience = this.audiences.get(id)
    if (audience === undefined) return
    this.audiences.delete(id)
    if (audience.spec.symbols === null) remove(this.unfiltered, audience)
    else this.symbols.close(audience)
    remove(this.gathering, audience)
    for (const part of audience.parts) {
      part.isClosed = true
      remove(this.flushing, part)
    }
  }

  // Publishing

  private publishTurn(): void {
    this.composer.publishedUs = this.clock.epochUs()
    for (let index = 0; index < this.gathering.length; index++) this.writeAudience(this.gathering[index]!)
    const joins = this.canAnswerJoins() ? this.joins.splice(0) : []
    for (const join of joins) this.prepareJoin(join)
    this.flushParts()
    if (joins.some(({ replay }) => replay !== null)) {
      // Nobody waits for what only one client missed.
      this.ring.publish()
      this.doorbell.ringMain()
    }
    for (const join of joins) this.answerJoin(join)
    const { descriptor } = this
    descriptor.kind = TURN_END
    descriptor.length = 0
    this.publisher.describe(descriptor)
    this.ring.turnPublished()
    this.counters.values[LANE_SLOTS.turns]! += 1
    this.gathering.length = 0
    this.turn.clear()
    this.runs = 0
    this.full = false
    this.countBusy()
    this.counters.flush()
    this.ring.publish()
    // After publishing: what a successor would read again was then told in descriptors, so it is not sent twice.
    this.commit()
    this.doorbell.ringMain()
  }

  private writeAudience(audience: LaneAudience): void {
    const { composer, counters, descriptor, turn } = this
    const start = this.publisher.reserve(audience.gatheredBytes + MESSAGE_OVERHEAD_BYTES_MAX)
    const length = composer.compose(audience, start) - start
    audience.ticksTotal += audience.tickCount
    audience.sentOffset = this.offset
    const first = audience.runs[0]!
    descriptor.kind = AUDIENCE_FRAMES
    descriptor.target = audience.id
    descriptor.length = length
    descriptor.messages = composer.messages
    descriptor.ticks = audience.tickCount
    descriptor.receivedUs = first >= 0 ? turn.ticks[audience.spec.encoding].receivedUs[first]! : 0
    descriptor.ticksTotal = audience.ticksTotal
    descriptor.lostTotal = audience.lostTotal
    descriptor.unknownLosses = audience.unknownLosses
    descriptor.lastOffset = audience.sentOffset
    this.publisher.describe(descriptor)
    counters.values[LANE_SLOTS.framesBytes]! += length
    audience.clear()
    // A turn of many audiences takes its time, in which no record is read.
    this.showLife()
  }

  private flushParts(): void {
    if (this.flushing.length === 0) return
    const nowMs = this.clock.nowMs()
    for (let index = 0; index < this.flushing.length; index++) {
      const part = this.flushing[index]!
      part.isFlushing = false
      this.latestFrames.flush(part, this.offset)
      this.waitForInterval(part, nowMs)
      this.showLife()
    }
    this.flushing.length = 0
  }

  /**
   * What waits for an interval to be over is sent now, in the audience that the client leaves and in the one that it joins: up to
   * here it gets all of the one, from here on all of the other.
   */
  private prepareJoin({ leaving, audience }: JoinCommand): void {
    for (const id of [leaving, audience])
      for (const part of this.audiences.get(id)?.parts ?? []) if (part.hasNews()) this.flushSoon(part)
  }

  private answerJoin(join: JoinCommand): void {
    const audience = this.audiences.get(join.audience)
    // Closed since, in this very turn: the client has left.
    if (audience === undefined) return
    // An audience that gathered nothing is up to date without having been written; a successor may be behind what was written.
    audience.sentOffset = Math.max(audience.sentOffset, this.offset)
    for (const part of audience.parts) {
      if (part.hasBegun) continue
      this.latestFrames.begin(part, this.offset)
      this.waitForInterval(part, this.clock.nowMs())
    }
    if (join.replay !== null) this.answerReplay(join, join.replay, audience)
    else {
      const { fellBehindAt } = join
      const since =
        fellBehindAt === null
          ? NOTHING
          : { every: fellBehindAt.lastOffset, latest: fellBehindAt.flushedOffset }
      this.admit(join, audience, joinAnswer(join, audience, this.task.epoch), since)
    }
  }

  /** Gives a client that resumes a part of what it missed; with the last one it joins. */
  private answerReplay(
    join: JoinCommand,
    from: ReplayPosition | typeof RESUME_GONE,
    audience: LaneAudience,
  ): void {
    const { epoch } = this.task
    const part = from === RESUME_GONE ? undefined : this.nextPart(from, audience)
    const isFirst = from === RESUME_GONE || from.continuity === null
    if (part === undefined) {
      const since = from === RESUME_GONE ? undefined : from.offset
      const control = isFirst
        ? notResumedAnswer(join, audience, epoch, since)
        : replayBrokenAnswer(audience, since ?? 0)
      this.admit(join, audience, control, EVERYTHING)
      return
    }
    const head = isFirst && from !== RESUME_GONE ? resumedAnswer(join, audience, epoch, from) : NO_FRAMES
    const isLast = part.position.offset >= audience.sentOffset
    const frames = concat(head, part.frames, isLast ? liveAnswer(audience) : NO_FRAMES)
    if (isLast) this.latestFrames.admit(join, audience, { ...part, frames }, ALL_CONFLATED)
    else this.latestFrames.replay(join, audience, { ...part, frames })
    this.showLife()
  }

  private nextPart(from: ReplayPosition, audience: LaneAudience): ReplayPart | undefined {
    const offset = audience.sentOffset
    if (!isConflated(audience.spec)) return this.replayer.next(from, audience, offset)
    // What it missed is over: the latest is all that it wants.
    return { frames: NO_FRAMES, ticks: 0, messages: 0, position: { ...from, offset } }
  }

  private admit(join: JoinCommand, audience: LaneAudience, frames: Uint8Array, since: Since): void {
    this.latestFrames.admit(join, audience, { frames, ticks: 0, messages: 0 }, since)
  }

  /** Nothing is gathered: what was encoded is wanted by nobody, and all that was read is done with. */
  private settle(): void {
    this.turn.clear()
    this.runs = 0
    this.commit()
  }

  /** Lets the main thread write over what was read; a successor would start here. Only when nothing gathered is unpublished. */
  private commit(): void {
    // A join that waits has to be read again by a successor.
    if (this.joins.length > 0) return
    const cursor = this.inRecord ? this.recordStart : this.log.position
    if (cursor === this.committedCursor && this.offset === this.committedOffset) return
    this.committedCursor = cursor
    this.committedOffset = this.offset
    this.latest.write()
    this.publishState()
    this.latest.committed()
  }

  private publishState(): void {
    const { lastPosition, lostSincePosition, seamOpen } = this.continuity
    this.state.commit({
      cursor: this.committedCursor,
      offset: this.committedOffset,
      lastPosition,
      lostSincePosition,
      seamOpen,
    })
    // Pairs with the store in LaneLink.setSourcePaused: a paused source waits for the lanes to catch up.
    if (Atomics.load(this.control, SOURCE_PAUSED) === 1) this.doorbell.ringMain()
  }
}

const NO_FRAMES = new Uint8Array(0)

function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

function remove<T>(list: T[], item: T): void {
  const index = list.indexOf(item)
  if (index >= 0) list.splice(index, 1)
}
