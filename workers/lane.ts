/**
 * One lane: reads the tick log, writes the frame ring. A Piscina worker's one long task; knows no socket.
 * All it must not lose stands in shared memory: a lane that takes its place goes on from there.
 */

import { type Clock, systemClock } from '../src/common/clock.js'
import {
  ALL_LANES,
  decodeCommand,
  type LaneCommand,
  type LostCommand,
  lastLostOffset,
  offsetsOf,
} from '../src/lane-protocol/lane-commands.js'
import type { LaneTask } from '../src/lane-protocol/lane-task.js'
import { CommittedState } from '../src/memory/committed-state.js'
import {
  CONTROL_BYTES,
  CURRENT_CLIENT,
  CURRENT_TICK,
  HEARTBEAT,
  SOURCE_PAUSED,
  STOP,
} from '../src/memory/control-words.js'
import { CounterWriter } from '../src/memory/counters.js'
import { FeedCheckpoints } from '../src/memory/feed-checkpoints.js'
import { FrameRingWriter } from '../src/memory/frame-ring-writer.js'
import { copierOf } from '../src/memory/lane-allocation.js'
import { ASLEEP, ASLEEP_FOR_ROOM, LaneWakeUp } from '../src/memory/lane-wake-up.js'
import { LatestStore } from '../src/memory/latest-store.js'
import { TickLogHistory } from '../src/memory/tick-log-history.js'
import { COMMAND, TICK_BATCH } from '../src/memory/tick-log-layout.js'
import { TickLogReader } from '../src/memory/tick-log-reader.js'
import { LANE_SLOTS } from '../src/metrics/metric-table.js'
import { BatchReader } from '../src/ticks/batch-reader.js'
import { marketCodec } from '../src/ticks/market-codec.js'
import { LaneAudience } from './collect/lane-audience.js'
import { TickCollector } from './collect/tick-collector.js'
import { Turn } from './collect/turn-buffer.js'
import { Deflater } from './compose/deflater.js'
import { FrameComposer } from './compose/frame-composer.js'
import { FramePublisher } from './compose/frame-publisher.js'
import { TurnWriter } from './compose/turn-writer.js'
import { ConflationSchedule } from './conflate/conflation-schedule.js'
import { LatestTicks } from './conflate/latest-ticks.js'
import { FeedContinuity } from './read/feed-continuity.js'
import { type SymbolEntry, SymbolTable } from './read/symbol-table.js'
import { TickClassifier, type TickLosses } from './read/tick-classifier.js'
import { Admissions } from './transfer/admissions.js'
import { LatestFrames } from './transfer/latest-frames.js'
import { Replayer } from './transfer/replayer.js'

/** Turns that may be published and not yet transmitted: one being written, one ready. */
const TURNS_AHEAD_MAX = 2
/** Records read before the lane looks whether it can publish. */
const RECORDS_AT_ONCE = 16
/** How much longer than until the next interval is over a lane sleeps, so that it finds several over at once, ms. */
const DUE_SLACK_MS = 2

/** Thrown to leave a wait when the lane is told to stop. */
class Stopped extends Error {}

export default function runLane(task: LaneTask): void {
  new Lane(task).run()
}

export class Lane implements TickLosses {
  private readonly control: Int32Array
  private readonly log: TickLogReader
  private readonly ring: FrameRingWriter
  private readonly doorbell: LaneWakeUp
  private readonly state: CommittedState
  private readonly counters: CounterWriter
  private readonly batch = new BatchReader()
  private readonly continuity: FeedContinuity
  private readonly sorter: TickClassifier
  private readonly composer: FrameComposer
  private readonly writer: TurnWriter

  private readonly symbols = new SymbolTable(marketCodec)
  private readonly gatherer: TickCollector
  private readonly latest: LatestTicks
  private readonly latestFrames: LatestFrames
  private readonly schedule = new ConflationSchedule()
  private readonly checkpoints: FeedCheckpoints
  private readonly admissions: Admissions
  private readonly poisonClients: ReadonlySet<number>
  /** Up to here some audience was sent ticks by an earlier lane: whoever joins before could get ticks twice. */
  private readonly recoveredOffset: number

  /** Turns that this lane has published. */
  private turns = 0
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
  // What is in the log already may be a command, which this lane is not woken for again.
  private readonly roomWork = (): boolean => this.hasWork() || this.ring.turnsAhead() < TURNS_AHEAD_MAX

  constructor(
    private readonly task: LaneTask,
    private readonly clock: Pick<Clock, 'nowMs' | 'epochUs'> = systemClock,
  ) {
    const memory = task.memory.buffer
    this.control = new Int32Array(memory, 0, CONTROL_BYTES / 4)
    this.ring = new FrameRingWriter(memory, task.layout)
    this.doorbell = new LaneWakeUp(this.control, task.bell)
    this.state = new CommittedState(memory)
    this.counters = new CounterWriter(new BigInt64Array(task.counters))
    const committed = this.state.committed()
    this.log = new TickLogReader(task.tickLog, committed.cursor)
    this.continuity = new FeedContinuity(committed, task.positionsTellLosses)
    const turn = new Turn(this.ring.bytes, task.layout, marketCodec)
    const deflater = new Deflater(this.ring.bytes, task.compression, this.counters)
    this.composer = new FrameComposer(this.ring.bytes, copierOf(task.memory), turn, deflater)
    const publisher = new FramePublisher(this.ring, hasRoom => this.waitForRoom(hasRoom))
    this.writer = new TurnWriter({
      turn,
      composer: this.composer,
      publisher,
      counters: this.counters,
      heartbeat: () => this.heartbeat(),
    })
    this.poisonClients = new Set(task.poisonClients)
    const poison = new Set(task.poison)
    this.sorter = new TickClassifier({
      bytes: this.log.bytes,
      reader: marketCodec.createReader(this.log.bytes),
      symbols: this.symbols,
      poison,
      continuity: this.continuity,
      losses: this,
    })
    this.gatherer = new TickCollector({
      log: this.log,
      reader: this.sorter.reader,
      symbols: this.symbols,
      turn,
      turnBytesMax: task.turnBytesMax,
    })
    this.recordStart = committed.cursor
    this.committedCursor = committed.cursor
    this.committedOffset = committed.offset
    this.offset = committed.offset
    this.latest = new LatestTicks(new LatestStore(task.latest), this.log.bytes, marketCodec)
    this.latest.restore(this.symbols, committed.offset)
    const answering = (client: number): void => this.answering(client)
    this.latestFrames = new LatestFrames({
      latest: this.latest,
      symbols: this.symbols,
      turn,
      composer: this.composer,
      publisher,
      counters: this.counters,
      turnBytesMax: task.turnBytesMax,
      answering,
      heartbeat: () => this.heartbeat(),
    })
    this.checkpoints = new FeedCheckpoints(memory, task.layout, committed.offset)
    const replayer = new Replayer({
      codec: marketCodec,
      history: new TickLogHistory(task.tickLog),
      checkpoints: this.checkpoints,
      symbols: this.symbols,
      poison,
      positionsTellLosses: task.positionsTellLosses,
      turn,
      composer: this.composer,
      publisher,
      // The answer to the command, this and a snapshot's first part go into one segment of the ring, see laneLayout.
      partBytesMax: task.turnBytesMax / 4,
    })
    this.admissions = new Admissions({
      epoch: task.epoch,
      audiences: this.gatherer.audiences,
      schedule: this.schedule,
      latestFrames: this.latestFrames,
      replayer,
      answerBytesMax: task.turnBytesMax,
      answering,
      flushParts: () => this.flushParts(),
      nowMs: () => clock.nowMs(),
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
        if (this.schedule.nextMs < Number.POSITIVE_INFINITY) this.schedule.noteDue(this.clock.nowMs())
        if (this.canAnswerPlainJoins()) this.answerPlainJoins()
        if (this.hasTurn()) {
          const ahead = this.ring.turnsAhead()
          // While the transmitter is busy there is time to gather all that there is: then its next writes carry more.
          if (ahead === 0 || (ahead < TURNS_AHEAD_MAX && !read)) {
            this.publishTurn()
            continue
          }
        } else this.settle()
        if (!read && !this.canAnswerPlainJoins()) this.rest()
      }
    } catch (error) {
      if (!(error instanceof Stopped)) throw error
    }
    this.counters.flush()
  }

  /** Sleeps until there is something to do. */
  private rest(): void {
    if (this.hasTurn()) this.sleep(this.roomWork, ASLEEP_FOR_ROOM)
    else this.sleep(this.wakeWork, ASLEEP, this.schedule.nextMs - this.clock.nowMs() + DUE_SLACK_MS)
  }

  private stopRequested(): boolean {
    // Pairs with the store in LaneLink.setStop.
    return Atomics.load(this.control, STOP) === 1
  }

  private hasTurn(): boolean {
    return this.gatherer.gathering.length > 0 || this.schedule.flushing.length > 0 || this.canAnswerJoins()
  }

  private canAnswerJoins(): boolean {
    return this.admissions.areWaiting && this.offset >= this.recoveredOffset
  }

  /** Whether those who wait can be answered between turns: nothing of theirs is to be encoded where what others have gathered stands. */
  private canAnswerPlainJoins(): boolean {
    if (!this.canAnswerJoins() || !this.admissions.arePlain) return false
    for (const audience of this.admissions.audiencesAsked())
      if (audience.runCount > 0 && !audience.mayGoAside(this.turns)) return false
    return true
  }

  private canGather(): boolean {
    const joinsFit = !this.admissions.areFull || this.offset < this.recoveredOffset
    return joinsFit && this.gatherer.hasRoom
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
      this.doorbell.wakeMain()
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
    this.heartbeat()
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
  private heartbeat(): void {
    this.control[HEARTBEAT] = (this.control[HEARTBEAT]! + 1) | 0
  }

  /** Read by the main thread after this thread's end, if the answer to the client brings it about; 0: none is in hand. */
  private answering(client: number): void {
    this.control[CURRENT_CLIENT] = client
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
    if (this.checkpoints.isDue(this.offset)) this.checkpoints.add(this.offset, this.continuity)
  }

  // Ticks

  /** Takes the tick at `[start, end)` of the log: to whoever wants it, or as a loss to everybody. */
  private takeTick(start: number, end: number): void {
    const offset = ++this.offset
    // Read by the main thread after this thread's end, if the tick brings it about.
    this.control[CURRENT_TICK] = offset | 0
    const symbol = this.sorter.sort(start, end, offset)
    if (symbol !== undefined) {
      this.counters.values[LANE_SLOTS.ticksDecoded]! += 1
      this.gatherer.next()
      this.gatherer.gather(symbol, start, end, offset)
      this.keepLatest(symbol, start, end, offset)
    }
    this.control[CURRENT_TICK] = 0
  }

  // Latest ticks

  /** Keeps the tick in hand as its symbol's latest, for whoever wants no other. */
  private keepLatest(symbol: SymbolEntry, start: number, end: number, offset: number): void {
    const { kind } = this.sorter.reader
    if (this.latest.keep(symbol, kind, start, end - start, offset, this.log.receivedUs)) {
      this.schedule.tickCame(symbol)
      return
    }
    this.counters.values[LANE_SLOTS.latestFull]! += 1
    // Better every tick than none.
    this.gatherer.gatherUnmerged(symbol, start, end, offset)
  }

  // Losses

  /** Ticks that are not in the log are told in their place. @param from the first offset that the command takes */
  private loseUnlogged(command: LostCommand, from: number): void {
    const { missed, reason } = command
    this.offset = from + offsetsOf(command) - 1
    this.continuity.lose(missed ?? 0)
    if (reason === 'upstream') this.counters.values[LANE_SLOTS.upstreamGaps]! += 1
    this.gatherer.lose(reason, from, lastLostOffset(command, from), missed)
  }

  loseTick(reason: 'poison' | 'malformed'): void {
    const slot = reason === 'poison' ? LANE_SLOTS.ticksPoison : LANE_SLOTS.ticksMalformed
    this.counters.values[slot]! += 1
    this.gatherer.lose(reason, this.offset, this.offset, 1)
  }

  loseUpstream(missed: number | null): void {
    this.counters.values[LANE_SLOTS.upstreamGaps]! += 1
    this.gatherer.lose('upstream', this.offset, this.offset - 1, missed)
  }

  breakPositions(): void {
    this.counters.values[LANE_SLOTS.positionBreaks]! += 1
    this.loseUpstream(null)
  }

  seenBefore(): void {
    this.counters.values[LANE_SLOTS.ticksDecoded]! += 1
    this.counters.values[LANE_SLOTS.ticksDuplicate]! += 1
  }

  // Commands

  private obey(command: LaneCommand): void {
    switch (command.op) {
      case 'open':
        if (this.gatherer.audiences.has(command.audience)) return
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
        if (this.gatherer.audiences.has(command.audience) && !this.poisonClients.has(command.client))
          this.admissions.add(command)
        return
      case 'lost':
        this.loseUnlogged(command, this.log.firstOffset)
        return
      case 'session':
        this.continuity.sessionStarted(command)
        return
    }
  }

  private open(audience: LaneAudience): void {
    this.gatherer.open(audience)
    const nowMs = this.clock.nowMs()
    for (const part of audience.parts) if (part.hasBegun) this.schedule.start(part, nowMs)
  }

  private close(id: number): void {
    const audience = this.gatherer.audiences.get(id)
    if (audience === undefined) return
    this.gatherer.close(audience)
    for (const part of audience.parts) this.schedule.close(part)
  }

  // Publishing

  private publishTurn(): void {
    this.composer.publishedUs = this.clock.epochUs()
    const { gathering } = this.gatherer
    for (let index = 0; index < gathering.length; index++) this.writer.write(gathering[index]!, this.offset)
    this.flushParts()
    if (this.canAnswerJoins()) this.answerJoins()
    this.writer.endTurn()
    this.ring.turnPublished()
    this.turns++
    this.counters.values[LANE_SLOTS.turns]! += 1
    this.gatherer.clear()
    this.countBusy()
    this.counters.flush()
    this.ring.publish()
    // After publishing: what a successor would read again was then told in descriptors, so it is not sent twice.
    this.commit()
    this.doorbell.wakeMain()
  }

  private flushParts(): void {
    const { flushing } = this.schedule
    if (flushing.length === 0) return
    for (let index = 0; index < flushing.length; index++)
      this.latestFrames.flush(flushing[index]!, this.offset)
    this.schedule.flushed(this.clock.nowMs())
  }

  private answerJoins(): void {
    if (this.admissions.takeTime) {
      // Nobody waits for what only one client is given.
      this.ring.publish()
      this.doorbell.wakeMain()
    }
    this.admissions.answer(this.offset)
  }

  /**
   * Answers those who change what they want, before the next turn and whether or not it may be published, so for each audience a few times
   * before it: the transmitter gives them their answers before what is on its way to others. Of what was gathered only what goes before the answers is published, so the rest may
   * still grow; a successor that reads the commands again finds answers that nobody waits for.
   */
  private answerPlainJoins(): void {
    this.composer.publishedUs = this.clock.epochUs()
    this.writer.beginAside()
    for (const audience of this.admissions.audiencesAsked()) {
      if (audience.runCount === 0) continue
      audience.goAside(this.turns)
      this.gatherer.leaveOut(audience)
      this.writer.write(audience, this.offset)
    }
    this.admissions.answer(this.offset)
    this.writer.endAside()
    this.ring.publish()
    this.doorbell.wakeMain()
  }

  /** Nothing is gathered: what was encoded is wanted by nobody, and all that was read is done with. */
  private settle(): void {
    this.gatherer.clear()
    this.commit()
  }

  /** Lets the main thread write over what was read; a successor would start here. Only when nothing gathered is unpublished. */
  private commit(): void {
    // A join that waits has to be read again by a successor.
    if (this.admissions.areWaiting) return
    const cursor = this.inRecord ? this.recordStart : this.log.position
    if (cursor === this.committedCursor && this.offset === this.committedOffset) return
    this.committedCursor = cursor
    this.committedOffset = this.offset
    this.latest.write()
    this.publishState()
    this.latest.committed()
  }

  private publishState(): void {
    const { committedCursor: cursor, committedOffset: offset } = this
    this.state.commit({ cursor, offset, ...this.continuity.state })
    // Pairs with the store in LaneLink.setSourcePaused: a paused source waits for the lanes to catch up.
    if (Atomics.load(this.control, SOURCE_PAUSED) === 1) this.doorbell.wakeMain()
  }
}
