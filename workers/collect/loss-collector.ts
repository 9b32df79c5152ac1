/**
 * Counts the losses that the lane finds, and tells them to its audiences in their places. One lane's own.
 */
import type { CounterWriter } from '../../src/memory/counters.js'
import { LANE_SLOTS } from '../../src/metrics/metric-table.js'
import type { GapReason } from '../../src/protocol/messages.js'
import type { LogCursor } from '../read/log-cursor.js'
import type { TickLosses } from '../read/tick-classifier.js'
import type { TickCollector } from './tick-collector.js'

export class LossCollector implements TickLosses {
  private readonly cursor: LogCursor
  private readonly collector: TickCollector
  private readonly counters: Float64Array

  /** @param cursor stands at the current tick */
  constructor(cursor: LogCursor, collector: TickCollector, counters: CounterWriter) {
    this.cursor = cursor
    this.collector = collector
    this.counters = counters.values
  }

  loseTick(reason: 'poison' | 'malformed'): void {
    this.counters[reason === 'poison' ? LANE_SLOTS.ticksPoison : LANE_SLOTS.ticksMalformed]! += 1
    const { offset } = this.cursor
    this.collector.collectLoss(reason, offset, offset, 1)
  }

  loseUpstream(missed: number | null): void {
    this.counters[LANE_SLOTS.upstreamGaps]! += 1
    const { offset } = this.cursor
    this.collector.collectLoss('upstream', offset, offset - 1, missed)
  }

  breakPositions(): void {
    this.counters[LANE_SLOTS.positionBreaks]! += 1
    this.loseUpstream(null)
  }

  seenBefore(): void {
    this.counters[LANE_SLOTS.ticksDecoded]! += 1
    this.counters[LANE_SLOTS.ticksDuplicate]! += 1
  }

  skipUnknownKind(): void {
    this.counters[LANE_SLOTS.ticksDecoded]! += 1
    this.counters[LANE_SLOTS.ticksUnknownKind]! += 1
  }

  skipWithoutSymbol(): void {
    this.counters[LANE_SLOTS.messagesWithoutSymbol]! += 1
  }

  loseUnlogged(reason: GapReason, from: number, to: number, missed: number | null): void {
    if (reason === 'upstream') this.counters[LANE_SLOTS.upstreamGaps]! += 1
    this.collector.collectLoss(reason, from, to, missed)
  }
}
