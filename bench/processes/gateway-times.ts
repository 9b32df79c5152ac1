/**
 * The times that a gateway measured itself, between two readings of its metrics.
 */
import { type HistogramView, quantileUs } from '../../src/metrics/histogram.js'
import type { Measured } from './measured.js'

/** The metrics of a gateway that are read here. */
export interface GatewayMetrics {
  readonly latency: Pick<HistogramView, 'counts'>
  readonly answerLatency: Pick<HistogramView, 'counts'>
}

/** Of another server. */
export const NO_METRICS: GatewayMetrics = { latency: { counts: [] }, answerLatency: { counts: [] } }

/** The differences between two measurements. */
export function gatewayTimes(before: GatewayMetrics, after: GatewayMetrics): GatewayTimes {
  const since = (name: keyof GatewayMetrics): number[] =>
    after[name].counts.map((count, bucket) => count - before[name].counts[bucket]!)
  return {
    gatewayP99Us: quantileUs(since('latency'), 0.99),
    gatewayAnswerP50Us: quantileUs(since('answerLatency'), 0.5),
    gatewayAnswerP99Us: quantileUs(since('answerLatency'), 0.99),
  }
}

export type GatewayTimes = Pick<Measured, 'gatewayP99Us' | 'gatewayAnswerP50Us' | 'gatewayAnswerP99Us'>
