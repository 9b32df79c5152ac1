/**
 * The view that `getMetrics()` and `/metrics.json` show: counters under the names of the metric table, and the state at
 * the time of the call. Main thread.
 */
import { readCounter } from '../memory/counters.js'
import type { HistogramView, SizeHistogramView } from './histogram.js'
import type { LagView } from './lag-view.js'
import {
  LANE_METRICS,
  LANE_SLOTS,
  type LaneMetric,
  MAIN_METRICS,
  MAIN_SLOTS,
  type MainMetric,
} from './metric-table.js'

export interface LaneView {
  readonly lane: number
  /** False: it starts, or it has ended and its successor is about to begin. */
  readonly isRunning: boolean
  /** Times it was replaced. */
  readonly restarts: number
  /** Bytes of segments of the frame ring that sockets hold, so that the lane cannot write there, and all its bytes. */
  readonly frameRing: { readonly usedBytes: number; readonly bytes: number }
  /** Ticks that the lane has not finished. */
  readonly queueDepth: number
  /** Ticks that the lane may be behind. Beyond that the source is paused. */
  readonly queueCapacity: number
  /** Share of its life in which the lane has worked, 0 to 1. */
  readonly utilisation: number
  readonly audiences: number
  /** Clients by delivery. One that changes from one audience to another counts twice for that moment. */
  readonly clients: { readonly every: number; readonly latest: number }
  readonly counters: Readonly<Record<LaneMetric, number>>
}

export interface MetricsView {
  readonly counters: Readonly<Record<MainMetric, number>>
  readonly lanes: readonly LaneView[]
  /** From the arrival of the feed's message to the write to the socket, µs. One observation for each write. */
  readonly latency: HistogramView
  /**
   * From the time that a tick bears to its arrival, µs: of one tick, ten times a second. Negative ones count as 0. Empty
   * where ticks bear no time.
   */
  readonly feedLatency: HistogramView
  /** From the arrival of a client, or of its command, to the reply with its offset in the stream, µs. */
  readonly answerLatency: HistogramView
  /** Bytes of the writes to sockets. */
  readonly writeSizes: SizeHistogramView
  /** How far clients are behind now. */
  readonly lag: LagView
  /** Most clients at a time. */
  readonly clientsMax: number
  /** Offset of the newest tick. */
  readonly offset: number
  readonly epoch: string
  readonly isUpstreamPaused: boolean
}

export function mainCounters(shared: BigInt64Array): Record<MainMetric, number> {
  return readAll(MAIN_METRICS, MAIN_SLOTS, shared)
}

export function laneCounters(shared: BigInt64Array): Record<LaneMetric, number> {
  return readAll(LANE_METRICS, LANE_SLOTS, shared)
}

export function utilisation({ busyUs, idleUs }: Readonly<Record<LaneMetric, number>>): number {
  return busyUs + idleUs === 0 ? 0 : busyUs / (busyUs + idleUs)
}

function readAll<Key extends string>(
  table: Readonly<Record<Key, unknown>>,
  slots: Readonly<Record<Key, number>>,
  shared: BigInt64Array,
): Record<Key, number> {
  const keys = Object.keys(table) as Key[]
  return Object.fromEntries(keys.map(key => [key, readCounter(shared, slots[key])])) as Record<Key, number>
}
