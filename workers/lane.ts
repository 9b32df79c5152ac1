/**
 * One lane: reads the tick log, writes the frame ring. A Piscina worker's one long task; knows no socket.
 * All it must not lose stands in shared memory: a lane that takes its place goes on from there.
 */

import { CounterWriter } from '../src/memory/counters.js'
import { LaneDoorbell } from '../src/memory/doorbell.js'
import { Descriptor, FrameRingWriter } from '../src/memory/frame-ring.js'
import {
  AUDIENCE_FRAMES,
  CLIENT_FRAMES,
  CONTROL_BYTES,
  JOINED,
  PROGRESS,
  SOURCE_PAUSED,
  STOP,
  TICK_IN_HAND,
  TURN_END,
} from '../src/memory/lane-layout.js'
import { type CommittedState, LaneState } from '../src/memory/lane-state.js'
import { TickLogReader } from '../src/memory/tick-log.js'
import { COMMAND, TICK_BATCH } from '../src/memory/tick-log-layout.js'
import { LANE_SLOTS } from '../src/metrics/metric-table.js'
import { BatchReader } from '../src/protocol/batch-reader.js'
import {
  ALL_LANES,
  decodeCommand,
  type JoinCommand,
  type LaneCommand,
  type LostCommand,
  offsetsOf,
} from '../src/protocol/lane-commands.js'
import type { LaneTask } from '../src/protocol/lane-task.js'
import type { GapReason } from '../src/protocol/messages.js'
import { TickDecoder } from '../src/protocol/tick-decoder.js'
import { TickFields } from '../src/protocol/tick-fields.js'
import { MESSAGE_OVERHEAD_BYTES_MAX } from '../src/protocol/ticks-format.js'
import { FrameComposer, GAP_BYTES_MAX } from './frame-composer.js'
import { joinAnswer } from './join-answer.js'
import { LaneAudience } from './lane-audience.js'
import { type SymbolEntry, SymbolTable } from './symbol-table.js'
import { Turn } from './turn.js'

/** Turns that may be published and not yet transmitted: one being written, one ready. */
const TURNS_AHEAD_MAX = 2
/** Records read before the lane looks whether it can publish. */
const RECORDS_AT_ONCE = 16
/** Joins answered in one turn at the most. */
const JOINS_MAX = 256
/** Runs gathered by all audiences in one turn at the most, 8 bytes each. */
const RUNS_MAX = 524_288

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
  private readonly descriptor = new Descriptor()
  private readonly turn: Turn
  private readonly composer: FrameComposer
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
  private readonly joins: JoinCommand[] = []
  /** Up to here some audience was sent ticks by an earlier lane: whoever joins before could get ticks twice. */
  private readonly recoveredOffset: number
  private runs = 0
  /** Whether some audience has gathered all it may in a turn. */
  private full = false

  /** Whether the record in hand has ticks left. */
  private inRecord = false
  /** The state at the last boundary between records: what a successor starts from once all before it is published. */
  private readonly boundary: CommittedState
  private committedCursor: number
  /** Offset of the last tick taken. */
  private offset: number
  private lastPosition: number
  private lostSincePosition: number
  private seamOpen: boolean
  /** Since when its time is not counted as busy, ms. */
  private awakeSinceMs = 0
  private readonly wakeWork = (): boolean => this.hasWork()

  constructor(private readonly task: LaneTask) {
    this.control = new Int32Array(task.memory, 0, CONTROL_BYTES / 4)
    this.ring = new FrameRingWriter(task.memory, task.layout)
    this.doorbell = new LaneDoorbell(this.control, task.bell)
    this.state = new LaneState(task.memory)
    this.counters = new CounterWriter(new BigInt64Array(task.counters))
    this.boundary = this.state.committed()
    this.log = new TickLogReader(task.tickLog, this.boundary.cursor)
    this.decoder = new TickDecoder(this.log.bytes)
    this.turn = new Turn(this.ring.bytes, task.layout)
    this.composer = new FrameComposer(this.ring.bytes, this.turn)
    this.poison = new Set(task.poison)
    this.committedCursor = this.boundary.cursor
    this.offset = this.boundary.offset
    this.lastPosition = this.boundary.lastPosition
    this.lostSincePosition = this.boundary.lostSincePosition
    this.seamOpen = this.boundary.seamOpen
    this.recoveredOffset = task.audiences.reduce(
      (highest, { lastOffset }) => Math.max(highest, lastOffset),
      0,
    )
    for (const audience of task.audiences) this.open(new LaneAudience(audience))
    // A lane that died in the midst of a commit may have left the main thread with an older view of it.
    this.publishState()
  }

  /** Works until told to stop. */
  run(): void {
    this.awakeSinceMs = performance.now()
    try {
      while (!this.stopRequested()) {
        const read = this.readRecords()
        if (this.hasTurn()) {
          if (this.ring.turnsAhead() < TURNS_AHEAD_MAX) {
            this.publishTurn()
            continue
          }
        } else this.settle()
        if (!read) this.sleep(this.wakeWork)
      }
    } catch (error) {
      if (!(error instanceof Stopped)) throw error
    }
    this.counters.flush()
  }

  private stopRequested(): boolean {
    // Pairs with the store in LaneLink.setStop.
    return Atomics.load(this.control, STOP) === 1
  }

  private hasTurn(): boolean {
    return this.gathering.length > 0 || this.canAnswerJoins()
  }

  private canAnswerJoins(): boolean {
    return this.joins.length > 0 && this.offset >= this.recoveredOffset
  }

  private canGather(): boolean {
    const joinsFit = this.joins.length < JOINS_MAX || this.offset < this.recoveredOffset
    return !this.full && this.runs < RUNS_MAX && joinsFit && this.turn.hasRoom()
  }

  private hasWork(): boolean {
    if (this.stopRequested()) return true
    if (this.hasTurn() && this.ring.turnsAhead() < TURNS_AHEAD_MAX) return true
    return this.canGather() && (this.inRecord || this.log.hasNext())
  }

  private sleep(hasWork: () => boolean): void {
    this.countBusy()
    this.counters.flush()
    const { awakeSinceMs } = this
    this.doorbell.waitUnless(hasWork)
    this.awakeSinceMs = performance.now()
    this.counters.values[LANE_SLOTS.idleUs]! += Math.round((this.awakeSinceMs - awakeSinceMs) * 1000)
  }

  private countBusy(): void {
    const nowMs = performance.now()
    this.counters.values[LANE_SLOTS.busyUs]! += Math.round((nowMs - this.awakeSinceMs) * 1000)
    this.awakeSinceMs = nowMs
  }

  /** Sleeps, with a turn half written, until the main thread has made room. */
  private waitForRoom(hasRoom: () => boolean): void {
    while (!hasRoom()) {
      if (this.stopRequested()) throw new Stopped()
      this.ring.publish()
      this.doorbell.ringMain()
      this.sleep(() => hasRoom() || this.stopRequested())
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
    if (!log.next()) return false
    this.showLife()
    if (log.type === COMMAND) {
      if (log.count === this.task.lane || log.count === ALL_LANES) {
        this.obey(decodeCommand(log.bytes.subarray(log.payloadStart, log.payloadStart + log.payloadLength)))
      }
      this.markBoundary()
      return true
    }
    this.inRecord = true
    this.offset = log.firstOffset - 1
    if (log.type === TICK_BATCH)
      batch.reset(log.bytes, log.payloadStart, log.payloadStart + log.payloadLength)
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
    this.markBoundary()
  }

  private markBoundary(): void {
    const { boundary } = this
    boundary.cursor = this.log.position
    boundary.offset = this.offset
    boundary.lastPosition = this.lastPosition
    boundary.lostSincePosition = this.lostSincePosition
    boundary.seamOpen = this.seamOpen
  }

  // Ticks

  /** Takes the tick at `[start, end)` of the log: to whoever wants it, or as a loss to everybody. */
  private takeTick(start: number, end: number): void {
    const offset = ++this.offset
    // Read by the main thread after this thread's end, if the tick brings it about.
    this.control[TICK_IN_HAND] = offset | 0
    const symbol = this.decode(start, end, offset)
    if (symbol !== undefined && this.isNext(offset)) this.gather(symbol, start, end, offset)
    this.control[TICK_IN_HAND] = 0
  }

  private decode(start: number, end: number, offset: number): SymbolEntry | undefined {
    if (this.poison.has(offset)) {
      this.counters.values[LANE_SLOTS.ticksPoison]! += 1
      this.lostSincePosition++
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
    this.lostSincePosition++
    this.lose('malformed', offset, offset, 1)
    return undefined
  }

  /** Compares the tick's position with the one before and tells of a hole. @returns false for a tick seen before */
  private isNext(offset: number): boolean {
    const { position } = this.fields
    const before = this.lastPosition
    if (this.seamOpen) {
      this.seamOpen = false
      this.moveTo(position)
      this.loseUpstream(offset, null)
      return true
    }
    const isComparable = position !== 0 && before !== 0 && this.task.positionsTellLosses
    if (isComparable && position <= before) {
      this.counters.values[LANE_SLOTS.ticksDuplicate]! += 1
      return false
    }
    const missed = isComparable ? position - before - 1 - this.lostSincePosition : 0
    this.moveTo(position)
    if (missed > 0) this.loseUpstream(offset, missed)
    return true
  }

  private moveTo(position: number): void {
    if (position === 0) return
    this.lastPosition = position
    this.lostSincePosition = 0
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
    const { batch, encoding } = audience.spec
    const tick = encoding === 'json' ? this.asJson(symbol, offset) : this.asProtobuf(start, end, offset)
    const bytes = this.turn.ticks[encoding].bytesOf(tick)
    const runsBefore = audience.runCount
    if (runsBefore === 0) this.gathering.push(audience)
    audience.gatherTick(tick, batch ? bytes : bytes + MESSAGE_OVERHEAD_BYTES_MAX)
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

  // Losses

  /** Ticks that were not put into the log have offsets, as if they had come and were malformed. */
  private loseUnlogged({ reason, missed }: LostCommand, from: number, offsets: number): void {
    this.offset = from + offsets - 1
    this.lostSincePosition += missed ?? 0
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
        if (command.first) return
        this.seamOpen ||= !command.continuous || this.lastPosition === 0
        if (!command.continuous) this.lastPosition = 0
        // The feed sends again all that came after the last position.
        this.lostSincePosition = 0
        return
    }
  }

  private open(audience: LaneAudience): void {
    this.audiences.set(audience.id, audience)
    if (audience.spec.symbols === null) this.unfiltered.push(audience)
    else for (const symbol of audience.spec.symbols) this.symbols.add(symbol, audience)
  }

  private close(id: number): void {
    const audience = this.audiences.get(id)
    if (audience === undefined) return
    this.audiences.delete(id)
    if (audience.spec.symbols === null) remove(this.unfiltered, audience)
    else for (const symbol of audience.spec.symbols) this.symbols.remove(symbol, audience)
    remove(this.gathering, audience)
  }

  // Publishing

  private publishTurn(): void {
    for (let index = 0; index < this.gathering.length; index++) this.writeAudience(this.gathering[index]!)
    if (this.canAnswerJoins()) for (const join of this.joins.splice(0)) this.answerJoin(join)
    const { descriptor } = this
    descriptor.kind = TURN_END
    descriptor.length = 0
    this.describe()
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
    const start = this.reserve(audience.gatheredBytes + MESSAGE_OVERHEAD_BYTES_MAX)
    const length = composer.compose(audience, start) - start
    audience.ticksTotal += audience.tickCount
    audience.sentOffset = this.offset
    const first = audience.runs[0]!
    descriptor.kind = AUDIENCE_FRAMES
    descriptor.target = audience.id
    descriptor.length = length
    descriptor.messages = composer.messages
    descriptor.receivedUs = first >= 0 ? turn.ticks[audience.spec.encoding].receivedUs[first]! : 0
    this.describeProgress(audience)
    this.describe()
    counters.values[LANE_SLOTS.framesBytes]! += length
    audience.clear()
    // A turn of many audiences takes its time, in which no record is read.
    this.showLife()
  }

  private answerJoin(join: JoinCommand): void {
    const audience = this.audiences.get(join.audience)
    // Closed since, in this very turn: the client has left.
    if (audience === undefined) return
    // An audience that gathered nothing is up to date without having been written; a successor may be behind what was written.
    audience.sentOffset = Math.max(audience.sentOffset, this.offset)
    const { descriptor } = this
    const frames = joinAnswer(join, audience, this.task.epoch)
    // Both are published together: a successor that repeated only one would answer twice.
    this.waitForDescriptors(2)
    this.ring.bytes.set(frames, this.reserve(frames.length))
    descriptor.target = join.client
    descriptor.join = join.join
    descriptor.messages = 0
    descriptor.receivedUs = 0
    this.describeProgress(audience)
    descriptor.kind = CLIENT_FRAMES
    descriptor.length = frames.length
    this.describe()
    descriptor.kind = JOINED
    descriptor.length = 0
    this.describe()
  }

  private describeProgress(audience: LaneAudience): void {
    const { descriptor } = this
    descriptor.ticksTotal = audience.ticksTotal
    descriptor.lostTotal = audience.lostTotal
    descriptor.unknownLosses = audience.unknownLosses
    descriptor.lastOffset = audience.sentOffset
  }

  /** Finds room in the frame ring, waiting for it if need be. */
  private reserve(length: number): number {
    const { ring } = this
    let start = ring.reserve(length)
    if (start !== undefined) return start
    this.waitForRoom(() => ring.hasRoomFor(length))
    start = ring.reserve(length)
    if (start === undefined) throw new Error(`no room for ${length} bytes after waiting for it`)
    return start
  }

  private describe(): void {
    const { ring } = this
    this.waitForDescriptors(1)
    ring.describe(this.descriptor)
  }

  private waitForDescriptors(count: number): void {
    const { ring } = this
    if (!ring.hasRoomForDescriptors(count)) this.waitForRoom(() => ring.hasRoomForDescriptors(count))
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
    if (this.boundary.cursor === this.committedCursor || this.joins.length > 0) return
    this.committedCursor = this.boundary.cursor
    this.publishState()
  }

  private publishState(): void {
    this.state.commit(this.boundary)
    // Pairs with the store in LaneLink.setSourcePaused: a paused source waits for the lanes to catch up.
    if (Atomics.load(this.control, SOURCE_PAUSED) === 1) this.doorbell.ringMain()
  }
}

function remove(list: LaneAudience[], audience: LaneAudience): void {
  const index = list.indexOf(audience)
  if (index >= 0) list.splice(index, 1)
}
