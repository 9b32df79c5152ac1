/**
 * Reads the tick log: takes each tick through classifier, collector and latest ticks, and obeys the stream events. One
 * lane's own.
 */
import { decodeEvent } from '../src/lane-protocol/stream-events.js'
import type { CounterWriter } from '../src/memory/counters.js'
import type { StreamPlace } from '../src/memory/stream-place.js'
import type { TickLogReader } from '../src/memory/tick-log-reader.js'
import { LANE_SLOTS } from '../src/metrics/metric-table.js'
import type { LossCollector } from './collect/loss-collector.js'
import type { TickCollector } from './collect/tick-collector.js'
import type { ConflationSchedule } from './conflate/conflation-schedule.js'
import type { LaneSymbol } from './conflate/lane-symbol.js'
import type { LatestTicks } from './conflate/latest-ticks.js'
import type { LaneControl } from './lane-control.js'
import type { CurrentStatus } from './read/current-status.js'
import type { KnownEpochs } from './read/known-epochs.js'
import type { LogCursor } from './read/log-cursor.js'
import type { TickClassifier } from './read/tick-classifier.js'

/** Records that the lane reads before it looks whether it can publish. */
const RECORDS_AT_ONCE = 16

export interface LaneReaderDeps {
  readonly control: LaneControl
  readonly log: TickLogReader
  /** Steps over the records of `log`. */
  readonly cursor: LogCursor
  readonly classifier: TickClassifier<LaneSymbol>
  readonly losses: LossCollector
  readonly epochs: KnownEpochs
  readonly status: CurrentStatus
  readonly collector: TickCollector
  readonly schedule: ConflationSchedule
  readonly latest: LatestTicks
  readonly counters: CounterWriter
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

  /** Behind the last tick or loss taken. */
  get place(): StreamPlace {
    return this.cursor.place
  }

  /** Position in the log from which a successor reads. */
  get resumePosition(): number {
    return this.cursor.isInRecord ? this.recordStart : this.deps.log.position
  }

  /** Whether there is something to read, and room for it. */
  get canRead(): boolean {
    return this.collector.hasRoom && (this.cursor.isInRecord || this.deps.log.hasNext())
  }

  /** Reads some records. @returns false when there was nothing to read, or no room */
  readRecords(): boolean {
    const { cursor } = this
    let hasRead = false
    for (let records = 0; records < RECORDS_AT_ONCE && this.collector.hasRoom; records++) {
      if (!cursor.isInRecord && !this.openRecord()) break
      hasRead = true
      if (cursor.isInRecord) this.readTicks()
    }
    return hasRead
  }

  /** Steps onto the next record, and obeys it if it is an event. @returns false when there is no record */
  private openRecord(): boolean {
    const { cursor } = this
    const { control, log } = this.deps
    this.recordStart = log.position
    if (!cursor.nextRecord()) return false
    control.heartbeat()
    if (cursor.isAtEvent) this.obeyEvent()
    return true
  }

  private readTicks(): void {
    const { cursor } = this
    while (cursor.nextTick()) {
      this.takeTick()
      if (!this.collector.hasRoom) break
    }
  }

  private takeTick(): void {
    const { control, log } = this.deps
    const { serial, tickEnd, tickStart } = this.cursor
    control.setCurrentTick(serial)
    const symbol = this.classifier.classify(tickStart, tickEnd, serial)
    if (symbol !== undefined) {
      this.counts[LANE_SLOTS.ticksDecoded]! += 1
      this.collector.nextTick()
      this.collector.collect(symbol, symbol.audiences, tickStart, tickEnd)
      const { kind } = this.classifier.reader
      if (this.latest.keep(symbol, kind, tickStart, tickEnd - tickStart, serial, log.receivedUs))
        this.schedule.tickCame(symbol)
      else this.collectUnmerged(symbol)
    }
    control.setCurrentTick(0)
  }

  /** Gives the symbol's groups every tick: docs/decisions/0017-symbols-without-room-are-sent-tick-by-tick.md. */
  private collectUnmerged(symbol: LaneSymbol): void {
    const { tickEnd, tickStart } = this.cursor
    this.counts[LANE_SLOTS.latestFull]! += 1
    for (const { audience } of symbol.groups) this.collector.collectFor(audience, symbol, tickStart, tickEnd)
  }

  private obeyEvent(): void {
    const { cursor } = this
    const event = decodeEvent(cursor.eventBytes())
    if (event.op === 'status') {
      const { status } = this.deps
      status.change(event.status)
      this.collector.collectStatus(status.number, status.frame)
      return
    }
    cursor.takeLoss(event)
    if (event.epoch !== undefined) this.deps.epochs.add(event.epoch, cursor.serial)
    this.deps.losses.tell(event)
  }
}
