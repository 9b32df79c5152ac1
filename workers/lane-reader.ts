/**
 * Reads the tick log: takes each tick through classifier, collector and latest ticks, and obeys the commands. One lane's own.
 */
import type { Clock } from '../src/common/clock.js'
import { ALL_LANES, decodeCommand, type LaneCommand } from '../src/lane-protocol/lane-commands.js'
import type { AudienceState } from '../src/lane-protocol/lane-task.js'
import type { CounterWriter } from '../src/memory/counters.js'
import type { FeedCheckpoints } from '../src/memory/feed-checkpoints.js'
import type { TickLogReader } from '../src/memory/tick-log-reader.js'
import { LANE_SLOTS } from '../src/metrics/metric-table.js'
import type { TickCollector } from './collect/tick-collector.js'
import type { AudienceDirectory } from './conflate/audience-directory.js'
import type { ConflationSchedule } from './conflate/conflation-schedule.js'
import type { LaneSymbol } from './conflate/lane-symbol.js'
import type { LatestTicks } from './conflate/latest-ticks.js'
import type { LaneControl } from './lane-control.js'
import type { FeedContinuity } from './read/feed-continuity.js'
import type { LogCursor } from './read/log-cursor.js'
import type { TickClassifier } from './read/tick-classifier.js'
import type { LaneTransfers } from './transfer/lane-transfers.js'

/** Records that the lane reads before it looks whether it can publish. */
const RECORDS_AT_ONCE = 16

export interface LaneReaderDeps {
  /** Index of the lane: commands name it. */
  readonly lane: number
  readonly control: LaneControl
  readonly log: TickLogReader
  /** Steps over the records of `log`. */
  readonly cursor: LogCursor
  readonly classifier: TickClassifier<LaneSymbol>
  readonly continuity: FeedContinuity
  readonly checkpoints: FeedCheckpoints
  readonly collector: TickCollector
  readonly directory: AudienceDirectory
  readonly schedule: ConflationSchedule
  readonly latest: LatestTicks
  readonly transfers: LaneTransfers
  readonly counters: CounterWriter
  readonly clock: Pick<Clock, 'nowMs'>
  /** Ids of quarantined clients: they get no replies. */
  readonly quarantinedClients: ReadonlySet<number>
  /** Up to this offset an earlier lane has sent ticks to some audience: a client that joined before would get ticks twice. */
  readonly recoveredOffset: number
}

export class LaneReader {
  private readonly deps: LaneReaderDeps
  // The hot path takes these as they stand here.
  private readonly cursor: LogCursor
  private readonly classifier: TickClassifier<LaneSymbol>
  private readonly collector: TickCollector
  private readonly latest: LatestTicks
  private readonly schedule: ConflationSchedule
  private readonly counts: Float64Array
  /** Position of the current record in the log. */
  private recordStart: number

  constructor(deps: LaneReaderDeps) {
    this.deps = deps
    this.cursor = deps.cursor
    this.classifier = deps.classifier
    this.collector = deps.collector
    this.latest = deps.latest
    this.schedule = deps.schedule
    this.counts = deps.counters.values
    this.recordStart = deps.log.position
  }

  /** Offset of the last tick taken. */
  get offset(): number {
    return this.cursor.offset
  }

  /** Position in the log from which a successor reads. */
  get resumePosition(): number {
    return this.cursor.isInRecord ? this.recordStart : this.deps.log.position
  }

  /** Whether the lane has read so far that it may reply to clients. */
  get hasRecovered(): boolean {
    return this.offset >= this.deps.recoveredOffset
  }

  /** Whether there is something to read, and room for it. */
  get canRead(): boolean {
    return this.hasRoom && (this.cursor.isInRecord || this.deps.log.hasNext())
  }

  private get hasRoom(): boolean {
    return this.collector.hasRoom && (!this.deps.transfers.areFull || !this.hasRecovered)
  }

  /** Reads some records. @returns false when there was nothing to read, or no room */
  readRecords(): boolean {
    const { cursor } = this
    let hasRead = false
    for (let records = 0; records < RECORDS_AT_ONCE && this.hasRoom; records++) {
      if (!cursor.isInRecord && !this.openRecord()) break
      hasRead = true
      if (cursor.isInRecord) this.readTicks()
    }
    return hasRead
  }

  /** Opens an audience that an earlier lane has served, or a new one. */
  open(state: AudienceState): void {
    const { clock, collector, directory, schedule } = this.deps
    const audience = directory.open(state)
    collector.open(audience)
    const nowMs = clock.nowMs()
    for (const group of directory.groupsOf(audience)) if (group.isOpen) schedule.start(group, nowMs)
  }

  /** Steps onto the next record, and obeys it if it is a command. @returns false when there is no record */
  private openRecord(): boolean {
    const { cursor } = this
    const { control, lane, log } = this.deps
    this.recordStart = log.position
    if (!cursor.nextRecord()) return false
    control.heartbeat()
    if (cursor.isAtCommand && (log.count === lane || log.count === ALL_LANES))
      this.obey(decodeCommand(cursor.commandBytes()))
    return true
  }

  private readTicks(): void {
    const { cursor } = this
    const { checkpoints, continuity } = this.deps
    while (cursor.nextTick()) {
      this.takeTick()
      if (!this.hasRoom) break
    }
    if (!cursor.isInRecord && checkpoints.isDue(cursor.offset)) checkpoints.add(cursor.offset, continuity)
  }

  private takeTick(): void {
    const { control, log } = this.deps
    const { offset, tickEnd, tickStart } = this.cursor
    control.setCurrentTick(offset)
    const symbol = this.classifier.classify(tickStart, tickEnd, offset)
    if (symbol !== undefined) {
      this.counts[LANE_SLOTS.ticksDecoded]! += 1
      this.collector.nextTick()
      this.collector.collect(symbol, symbol.audiences, tickStart, tickEnd, offset)
      const { kind } = this.classifier.reader
      if (this.latest.keep(symbol, kind, tickStart, tickEnd - tickStart, offset, log.receivedUs))
        this.schedule.tickCame(symbol)
      else this.collectUnmerged(symbol)
    }
    control.setCurrentTick(0)
  }

  /** Gives the symbol's groups every tick: docs/decisions/0017-symbols-without-room-are-sent-tick-by-tick.md. */
  private collectUnmerged(symbol: LaneSymbol): void {
    const { offset, tickEnd, tickStart } = this.cursor
    this.counts[LANE_SLOTS.latestFull]! += 1
    for (const { audience } of symbol.groups)
      this.collector.collectFor(audience, symbol, tickStart, tickEnd, offset)
  }

  private obey(command: LaneCommand): void {
    const { classifier, cursor, directory, log, quarantinedClients, transfers } = this.deps
    switch (command.op) {
      case 'open':
        if (directory.get(command.audience) === undefined) this.open(newAudience(command, this.offset))
        return
      case 'close':
        this.close(command.audience)
        return
      case 'join':
        if (directory.get(command.audience) !== undefined && !quarantinedClients.has(command.client))
          transfers.add(command)
        return
      case 'lost':
        cursor.skipLost(command)
        classifier.obey(command, log.firstOffset)
        return
      case 'session':
        classifier.obey(command, log.firstOffset)
        return
    }
  }

  private close(id: number): void {
    const { collector, directory, schedule } = this.deps
    const audience = directory.get(id)
    if (audience === undefined) return
    for (const group of directory.groupsOf(audience)) schedule.close(group)
    collector.close(audience)
    directory.close(audience)
  }
}

/** An audience that nothing was sent to, opened at `offset`. */
function newAudience(
  { audience, spec }: Pick<AudienceState, 'audience' | 'spec'>,
  offset: number,
): AudienceState {
  return {
    ...{ audience, spec, seq: 0, ticksTotal: 0, lostTotal: 0, unknownLosses: 0 },
    lastOffset: offset,
    conflated: [],
  }
}
