/**
 * Counts the losses that the lane reads or finds, and tells them to its audiences in their places. One lane's own.
 */
import type { LostEvent } from '../../src/lane-protocol/stream-events.js'
import type { CounterWriter } from '../../src/memory/counters.js'
import { LANE_SLOTS } from '../../src/metrics/metric-table.js'
import type { LogCursor } from '../read/log-cursor.js'
import type { TickLosses } from '../read/tick-classifier.js'
import type { TickCollector } from './tick-collector.js'
import { gapOf } from './turn-buffer.js'

export class LossCollector implements TickLosses {
  private readonly cursor: LogCursor
  private readonly collector: TickCollector
  private readonly counters: Float64Array

  /** @param cursor stands at the current tick or event */
  constructor(cursor: LogCursor, collector: TickCollector, counters: CounterWriter) {
    this.cursor = cursor
    this.collector = collector
    this.counters = counters.values
  }

  loseTick(reason: 'poison' | 'malformed'): void {
    this.counters[reason === 'poison' ? LANE_SLOTS.ticksPoison : LANE_SLOTS.ticksMalformed]! += 1
    const { offset, serial } = this.cursor
    this.collector.collectLoss({ reason, missed: 1, from: offset, to: offset }, serial)
  }

  skipUnknownKind(): void {
    this.counters[LANE_SLOTS.ticksDecoded]! += 1
    this.counters[LANE_SLOTS.ticksUnknownKind]! += 1
  }

  skipWithoutSymbol(): void {
    this.counters[LANE_SLOTS.messagesWithoutSymbol]! += 1
  }

  /** Tells the loss of an event. The cursor has taken it. */
  tell(event: LostEvent): void {
    this.collector.collectLoss(gapOf(event), this.cursor.serial)
  }
}
